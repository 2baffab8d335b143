"""docs/tokens.md does what it says: its commands, pasted into a shell one after another."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sundial_local.paths import ROOT
from tests.support.leak_watch import LEAKS
from tests.support.local_server import BANNER_END, LocalServer, local_server
from tests.support.pages import blocks

PAGE = ROOT / "docs" / "tokens.md"

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "python3"))), reason="needs sh, curl, python3")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """What the page has the reader start."""
    state = tmp_path_factory.mktemp("tokens") / "state"
    with local_server(state, "--config", str(ROOT / "examples" / "tokens.yaml")) as running:
        running.wait_for(BANNER_END)
        yield running


@pytest.fixture(scope="module")
def answers(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """Every JSON document that the commands print, in order."""
    script: Path = tmp_path_factory.mktemp("page") / "page.sh"
    text = "set -eu\n" + "echo\n".join(blocks(PAGE.read_text("utf-8"), "sh")).replace(
        "http://127.0.0.1:8080", server.issuer
    )
    # One answer a line: curl prints them without a line's end.
    script.write_text(re.sub(r"^curl (?:.*\\\n)*.*$", r"\g<0>; echo", text, flags=re.MULTILINE), "utf-8")
    shell = shutil.which("sh")
    assert shell
    done = subprocess.run([shell, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    documents = [json.loads(line) for line in done.stdout.splitlines() if line]
    for document in documents:
        LEAKS.document(document)
    return documents


def test_every_command_is_answered_as_the_page_says(answers: list[dict[str, object]]) -> None:
    assert not [answer for answer in answers if "error" in answer]
    (
        own,
        access,
        userinfo,
        for_builds,
        acted,
        for_api,
        for_peer,
        active,
        refreshable,
        for_builds_active,
        denied,
        ended,
    ) = answers
    assert own["scope"] == "groups openid"
    assert own.keys() == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert (access["aud"], access["client_id"]) == ("example-app", "example-app")
    assert userinfo == {
        "sub": access["sub"],
        "email": "admin@example.com",
        "email_verified": True,
        "groups": ["ops"],
    }
    assert (for_builds["aud"], for_builds["scope"]) == ("builds", "groups openid")
    assert (acted["sub"], acted["act"]) == (access["sub"], {"sub": "builds"})
    assert "access_token" in for_api
    assert "id_token" in for_peer
    assert (active["active"], active["token_use"]) == (True, "access_token")
    assert (refreshable["active"], refreshable["token_use"]) == (True, "refresh_token")
    assert for_builds_active["active"] is True
    assert denied == ended == {"active": False}


def test_every_parameter_of_the_exchange_is_explained() -> None:
    source = (ROOT / "layers" / "sundial" / "sundial" / "grants" / "token_exchange.py").read_text("utf-8")
    parameters = set(re.findall(r'parameters(?:\.get\(|\[)"(\w+)"', source))
    table = PAGE.read_text("utf-8").partition("| parameter | |")[2].partition("\n\n")[0]
    assert parameters <= set(re.findall(r"`(\w+)`", table))
