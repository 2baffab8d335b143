"""docs/tutorial.md does what it says: its commands, pasted into a shell, and a person who allows the login."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sundial_local.paths import ROOT
from tests.support.local_server import BANNER_END, LocalServer, local_server
from tests.support.reader import Reader, allow

PAGE = ROOT / "docs" / "tutorial.md"
CONFIG = ROOT / "examples" / "tutorial.yaml"

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "python3"))), reason="needs sh, curl, python3")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The page's configuration, for the reader to change."""
    return Path(shutil.copy(CONFIG, tmp_path))


@pytest.fixture
def server(config: Path) -> Iterator[LocalServer]:
    with local_server(config.parent / "state", "--config", str(config)) as running:
        running.wait_for(BANNER_END)
        yield running


@pytest.fixture
def reader(server: LocalServer) -> Iterator[Reader]:
    reader = Reader(PAGE, issuer=server.issuer, local=f"--local --state {server.state}")
    yield reader
    reader.close()


def test_every_command_is_answered_as_the_page_says(server: LocalServer, reader: Reader, config: Path) -> None:
    assert reader.paste() == []
    [codes] = reader.paste()
    assert "Your device is connected" in allow(codes["verification_uri_complete"])
    [claims] = reader.paste()
    assert (claims["aud"], claims["groups"]) == ("example-cli", ["ops"])
    assert reader.paste() == [{"answer": "the same successor"}]
    for answer in reader.paste():
        assert answer["error"] == "invalid_grant"
        assert answer["error_description"] in PAGE.read_text("utf-8")
    [logins] = reader.paste()
    assert "refresh token replayed" in str(logins)
    [user] = reader.paste()
    assert "jane@example.com" in str(user)
    [status] = reader.paste()
    assert status
    assert next(reader.blocks, None) is None

    right = config.read_text("utf-8")
    config.write_text(right.replace("idTokens: 1h", "idTokens: 90d"), "utf-8")
    said = server.wait_for("tutorial.yaml:[0-9]+: error")
    assert said.partition("tutorial.yaml")[2] in PAGE.read_text("utf-8")
    assert server.wait_for("remedy").strip() in PAGE.read_text("utf-8")
    config.write_text(right.replace("idTokens: 1h", "idTokens: 30m"), "utf-8")
    server.wait_for("Loaded the change")
