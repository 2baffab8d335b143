"""A reader who pastes the commands of a page into a shell, and does in a browser what it says between them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from sundial_local.demo import USER_PASSWORDS
from sundial_local.forms import forms
from sundial_local.paths import ROOT
from tests.support.leak_watch import LEAKS
from tests.support.pages import blocks


class Reader:
    """Pastes the commands of the page into one shell, block by block."""

    def __init__(self, page: Path, **instead: str) -> None:
        """Begin at the top of `page`; `issuer`, and `local` for the option --local, take the place of the page's."""
        shell = shutil.which("sh")
        assert shell
        self._instead = instead
        self._shell = subprocess.Popen([shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.blocks = iter(blocks(page.read_text("utf-8"), "sh"))

    def paste(self) -> list[dict[str, Any]]:
        """Paste the next block; return the JSON documents that it prints."""
        assert self._shell.stdin
        assert self._shell.stdout
        block = next(self.blocks)
        for name, text in {"issuer": "http://127.0.0.1:8080", "local": "--local"}.items():
            block = block.replace(text, self._instead.get(name, text))
        self._shell.stdin.write(f"{block}\necho; echo end-of-block\n")
        self._shell.stdin.flush()
        documents = list(_documents("".join(iter(self._shell.stdout.readline, "end-of-block\n"))))
        for document in documents:
            LEAKS.document(document)
        return documents

    def close(self) -> None:
        """Leave the shell."""
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.close()
        self._shell.wait(10)
        self._shell.stdout.close()


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON documents that stand one after the other: curl prints them without a line's end."""
    decoder = json.JSONDecoder()
    while text := text.strip():
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:]


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
