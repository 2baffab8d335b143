"""Every `sundial` command that stands in the text of a page is one that there is.

Those of code blocks are run, each by a test of its page: see tests/unit/test_pages.py.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from sundial_cli.main import parser
from sundial_local.paths import ROOT

MADE_OF_THE_PARSERS = ROOT / "docs" / "cli.md"
PAGES = [ROOT / "README.md", *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path != MADE_OF_THE_PARSERS)]


def shown() -> Iterator[str]:
    """Yield each command in the text of a page that isn't cut short."""
    for path in PAGES:
        page = path.read_text("utf-8")
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
