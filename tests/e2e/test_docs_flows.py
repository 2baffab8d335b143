"""docs/flows.md does what it says: its commands, pasted into a shell, and a person who allows the device meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.local_server import needs_make_run, run_as_typed
from tests.support.pages import every_command
from tests.support.reader import allow, reading

pytestmark = [
    needs_make_run,
    pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "python3"))), reason="needs sh, curl, python3"),
]


def test_every_command_is_answered_as_the_page_says(tmp_path: Path) -> None:
    with (
        every_command("docs/flows.md") as shown,
        run_as_typed(next(shown), tmp_path / "state") as server,
        reading("docs/flows.md", shown, {"http://127.0.0.1:8080": server.issuer}) as reader,
    ):
        assert reader.paste() == []
        codes, pending = reader.paste()
        assert pending["error"] == "authorization_pending"
        assert codes["verification_uri"] == f"{server.issuer}/device"
        assert "Your device is connected" in allow(codes["verification_uri_complete"])
        [tokens] = reader.paste()
        assert {"access_token", "id_token", "refresh_token"} <= tokens.keys()
        done, ended = reader.paste()
        assert done == {"status": 200}
        assert ended["error"] == "invalid_grant"
