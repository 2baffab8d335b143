"""The `sundial` commands in the text of the pages, on a running server: what stands for something else is filled in.

Those of code blocks are run page by page: see tests/unit/test_pages.py.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import pytest

from sundial_cli.main import main
from sundial_local.paths import ROOT
from tests.support.leak_watch import LEAKS
from tests.support.local_server import BANNER_END, local_server
from tests.support.pages import PAGES, text_of
from tests.support.relying_party import RelyingParty

MADE_OF_THE_PARSERS = "docs/cli.md"
OF_A_DEPLOYMENT = ("clients", "keys", "sessions", "status", "users")
_SAID = re.compile(r"`(?:\.venv(?:-run)?/bin/)?(sundial \w+ [^`]+)`")


def said() -> list[str]:
    """Return each command in the text of a page that isn't cut short; those first after which nothing is over."""
    found = set()
    for page in PAGES:
        text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
        if page != MADE_OF_THE_PARSERS:
            found |= {" ".join(span.split()) for span in _SAID.findall(text)}
    whole = [command for command in found if not command.endswith(("…", "--help"))]
    return sorted(whole, key=lambda command: ("smoke" not in command, "keys" in command, command))


@dataclass(frozen=True, slots=True)
class Typist:
    """Gives commands about a local server's stack, in this process."""

    state: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, command: str) -> tuple[int, str]:
        """Return the exit status, and what is printed."""
        words = shlex.split(command)[1:]
        where = ["--state", str(self.state)] if words[0] in OF_A_DEPLOYMENT else []
        self.capsys.readouterr()
        names = 1 if words[0] == "status" else 2
        status = main([*words[:names], *where, *words[names:]])
        printed = self.capsys.readouterr()
        return status, printed.out + printed.err


def test_every_command_in_the_text_does_what_it_is_named_for(
    tmp_path: Path,
    relying_party: Callable[..., RelyingParty],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    sundial = Typist(tmp_path, capsys)
    with local_server(tmp_path) as server:
        server.wait_for(BANNER_END)
        relying_party(server.issuer).log_in()
        [login] = json.loads(sundial("sundial sessions list --all --json")[1])["sessions"]
        keys = json.loads(sundial("sundial keys list --json")[1])["signing_keys"]
        instead = {
            " --stack sundial-dev": "",
            "ISSUER": server.issuer,
            "https://login.dev.example.com": server.issuer,
            "EMAIL": login["email"],
            "--family ID": f"--family {login['family_id']}",
            "sessions revoke": "sessions revoke --yes",
            "watermark now": "watermark --yes now",
            "keys revoke": f"keys revoke --yes --force -- {keys[0]['kid']}",
        }
        commands = said()
        assert len(commands) > 10
        for command in commands:
            typed = reduce(lambda text, replaced: text.replace(*replaced), instead.items(), command)
            status, printed = sundial(typed)
            refused = command == "sundial keys rotate" and "wait until then" in printed
            assert status == int(refused), printed
            for secret in re.findall(r"client_secret  (\S+)", printed):
                LEAKS.secret("client_secret", secret)
                monkeypatch.setenv("SUNDIAL_SMOKE_SECRET", secret)
