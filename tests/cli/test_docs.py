"""Every `sundial` command that stands in the text of a page is one that there is.

Those of code blocks are run, each by a test of its page: see tests/unit/test_pages.py.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from sundial_cli.main import parser
from tests.support.pages import PAGES, text_of

MADE_OF_THE_PARSERS = "docs/cli.md"
_SAID = re.compile(r"`(?:\.venv(?:-run)?/bin/)?(sundial \w+ [^`]+)`")


def said() -> Iterator[str]:
    """Yield each command in the text of a page that isn't cut short."""
    for page in PAGES:
        text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
        for span in _SAID.findall(text) if page != MADE_OF_THE_PARSERS else ():
            command = " ".join(span.split())
            if not command.endswith(("…", "--help")):
                yield command


COMMANDS = sorted(set(said()))


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_pages_can_be_typed(command: str) -> None:
    arguments = shlex.split(command)[1:]
    if arguments in (["config", "check"], ["keys", "revoke"], ["sessions", "list", "--family"]):
        # Named, without what follows.
        arguments.append("KID")
    assert callable(parser().parse_args(arguments).run)
