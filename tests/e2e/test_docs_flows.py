"""docs/flows.md does what it says: its commands, pasted into a shell, and a person who allows the device meanwhile."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sundial_local.demo import USER_PASSWORDS
from sundial_local.forms import forms
from sundial_local.paths import ROOT
from tests.support.leak_watch import LEAKS
from tests.support.local_server import BANNER_END, LocalServer, local_server

PAGE = ROOT / "docs" / "flows.md"

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "python3"))), reason="needs sh, curl, python3")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """What the page has the reader start."""
    state = tmp_path_factory.mktemp("flows") / "state"
    with local_server(state, "--config", str(ROOT / "examples" / "flows.yaml")) as running:
        running.wait_for(BANNER_END)
        yield running


class Reader:
    """Pastes the commands of the page into one shell, block by block."""

    def __init__(self, issuer: str) -> None:
        shell = shutil.which("sh")
        assert shell
        self._issuer = issuer
        self._shell = subprocess.Popen([shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.blocks = iter(re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))

    def paste(self) -> list[dict[str, Any]]:
        """Paste the next block; return the JSON documents that it prints."""
        assert self._shell.stdin
        assert self._shell.stdout
        block = next(self.blocks).replace("http://127.0.0.1:8080", self._issuer)
        # One answer a line: curl prints them without a line's end.
        block = re.sub(r"^(?:curl .*|poll)$", r"\g<0>; echo", block, flags=re.MULTILINE)
        self._shell.stdin.write(f"{block}echo end-of-block\n")
        self._shell.stdin.flush()
        printed = iter(self._shell.stdout.readline, "end-of-block\n")
        documents = [json.loads(line) for line in printed if line.strip()]
        for document in documents:
            LEAKS.document(document)
        return documents

    def close(self) -> None:
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.close()
        self._shell.wait(10)
        self._shell.stdout.close()


@pytest.fixture
def reader(server: LocalServer) -> Iterator[Reader]:
    reader = Reader(server.issuer)
    yield reader
    reader.close()


def allow(url: str) -> str:
    """Do what the device's person does, in a browser without scripts; return the last page."""
    [(email, password)] = USER_PASSWORDS.items()
    with requests.Session() as browser:
        page = browser.get(url, timeout=30)
        while found := forms(page.text, page.url):
            values = dict(found[0].fields)
            if "password" in values:
                values |= {"login": email, "password": password}
            page = browser.post(found[0].action, data=values, timeout=30)
        return page.text


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
