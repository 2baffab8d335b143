"""docs/users-and-clients.md: what it has a reader set up, and a client of a script's own, up to its first token.

tests/cli/test_users_and_clients_page.py has its other commands.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.local_server import needs_make_run, run_as_typed
from tests.support.pages import every_command
from tests.support.reader import reading

pytestmark = [
    needs_make_run,
    pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "jq"))), reason="needs sh, curl, jq"),
]
PAGE = "docs/users-and-clients.md"


def test_a_script_makes_a_client_and_gets_its_first_token(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with (
        every_command("docs/users-and-clients.md", "make ", "alias ", "export ", "secret=", "sleep ", "curl ") as shown,
        run_as_typed(next(shown), state) as server,
        reading(
            PAGE,
            shown,
            # Nobody has asked for a client yet: there is no minute to wait for.
            {"=--local": f"='--local --state {state}'", "http://127.0.0.1:8080": server.issuer, "sleep 60": "true"},
        ) as reader,
    ):
        assert reader.type() == reader.type() == "\n", "the shell knows the command, and the stack"
        reader.type()
        reader.type()
        token = json.loads(reader.type())
    assert token["token_type"] == "bearer"
