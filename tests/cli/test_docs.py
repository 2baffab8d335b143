"""Every `sundial` command that a page shows is one that there is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from sundial_cli.main import parser
from sundial_local.paths import ROOT
from tests.support.pages import blocks

MADE_OF_THE_PARSERS = ROOT / "docs" / "cli.md"
PAGES = [ROOT / "README.md", *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path != MADE_OF_THE_PARSERS)]


def shown() -> Iterator[str]:
    """Yield each command of a code block, without its comment, and each in the text that isn't cut short."""
    for path in PAGES:
        page = path.read_text("utf-8")
        for block in blocks(page, "sh"):
            lines = block.replace("$SUNDIAL_TRY", "--local").splitlines()
            yield from (line.partition(" #")[0] for line in lines if line.startswith("sundial "))
        for span in re.findall(r"`(sundial \w+ [^`]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL)):
            text = " ".join(span.split())
            if not text.endswith(("…", "--help")):
                yield text


COMMANDS = sorted(set(shown()))


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_pages_can_be_typed(command: str) -> None:
    arguments = shlex.split(command)[1:]
    if arguments in (["config", "check"], ["keys", "revoke"], ["sessions", "list", "--family"]):
        # Named, without what follows.
        arguments.append("KID")
    assert callable(parser().parse_args(arguments).run)
