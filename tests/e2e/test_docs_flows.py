"""docs/flows.md does what it says: its commands, pasted into a shell, and a person who allows the device meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from sundial_local.paths import ROOT
from tests.support.local_server import BANNER_END, LocalServer, local_server
from tests.support.reader import Reader, allow

PAGE = ROOT / "docs" / "flows.md"

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "python3"))), reason="needs sh, curl, python3")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """What the page has the reader start."""
    state = tmp_path_factory.mktemp("flows") / "state"
    with local_server(state, "--config", str(ROOT / "examples" / "flows.yaml")) as running:
        running.wait_for(BANNER_END)
        yield running


@pytest.fixture
def reader(server: LocalServer) -> Iterator[Reader]:
    reader = Reader(PAGE, issuer=server.issuer)
    yield reader
    reader.close()


def test_every_command_is_answered_as_the_page_says(server: LocalServer, reader: Reader) -> None:
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
    assert next(reader.blocks, None) is None
