"""A reader who pastes the commands of a page into a shell, and does in a browser what it says between them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from sundial_local.demo import USER_PASSWORDS
from sundial_local.forms import forms
from sundial_local.paths import ROOT
from tests.support.leak_watch import LEAKS
from tests.support.pages import answers, assert_alike, blocks, commands, documents, documents_below, text_of


class Reader:
    """Pastes the commands of a page into one shell, block by block."""

    def __init__(self, page: str, shown: Iterator[str], instead: Mapping[str, str]) -> None:
        """Read `page`, whose commands `shown` hands out (see `every_command`); some text is replaced by `instead`."""
        shell = shutil.which("sh")
        assert shell
        self._shown = shown
        self._instead = instead
        self._answers = answers(text_of(page))
        env = {**os.environ, "COLUMNS": "100"}  # as wide as a line of a page may be
        self._shell = subprocess.Popen(
            [shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env
        )
        self._blocks = iter(blocks(text_of(page), "sh"))
        self._documents = iter(documents_below(text_of(page)))

    def paste(self) -> list[dict[str, Any]]:
        """Paste the next block without a prompt; return the JSON documents that it prints, as they are shown."""
        block = next(self._blocks)
        for command in commands(f"```sh\n{block}```"):
            assert command == next(self._shown), "the page shows another command before it"
        printed = list(documents(self._type(block)))
        for document in printed:
            LEAKS.document(document)
        if shown := next(self._documents):
            assert [list(one) for one in printed] == [list(one) for one in shown], "it has other members than is shown"
            for one, other in zip(printed, shown, strict=True):
                assert one.get("error_description") == other.get("error_description")
        return printed

    def type(self) -> str:
        """Type the next command, which is to stand behind a prompt; return what it prints, which is what is shown."""
        command = next(self._shown)
        printed = self._type(f"{{ {command}\n}} 2>&1")
        for there, here in self._instead.items():
            printed = printed.replace(here, there)
        if shown := self._answers.get(command):
            assert_alike(shown, printed)
        return printed

    def close(self) -> None:
        """Leave the shell."""
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.close()
        self._shell.wait(10)
        self._shell.stdout.close()

    def _type(self, text: str) -> str:
        assert self._shell.stdin
        assert self._shell.stdout
        for there, here in self._instead.items():
            text = text.replace(there, here)
        self._shell.stdin.write(f"{text}\necho; echo end-of-block\n")
        self._shell.stdin.flush()
        return "".join(iter(self._shell.stdout.readline, "end-of-block\n"))


@contextmanager
def reading(page: str, shown: Iterator[str], instead: Mapping[str, str]) -> Iterator[Reader]:
    """Read a page until the block ends; see Reader."""
    reader = Reader(page, shown, instead)
    try:
        yield reader
    finally:
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
