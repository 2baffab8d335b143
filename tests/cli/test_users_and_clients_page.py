"""docs/users-and-clients.md: each command, in its order, by somebody who types what is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sundial_local.operate import LocalStack
from sundial_local.paths import ROOT
from sundial_local.state import StateFolder
from tests.support.config import APP
from tests.support.operator import MakeOperator
from tests.support.pages import commands

PAGE = (ROOT / "docs" / "users-and-clients.md").read_text("utf-8")
_PIPED = re.compile(r"printf '%s\\n' '(?P<piped>[^']+)' \| (?P<command>.+)")


def asked() -> Iterator[tuple[str, str]]:
    """Yield each command of `sundial`, and what is piped into it."""
    for line in commands(PAGE.replace("$SUNDIAL_TRY", ""), "sh"):
        piped = _PIPED.match(line)
        command = re.search(r"sundial ((?:clients|users) [^|]+)", piped["command"] if piped else line)
        if command:
            yield command[1].strip(), piped["piped"] if piped else ""


def test_every_command_does_what_it_says(make_operator: MakeOperator) -> None:
    sundial = make_operator(APP)
    LocalStack(StateFolder(sundial.folder)).rotate_keys({})
    all_of_them = list(asked())
    assert len(all_of_them) > 14
    for command, piped in all_of_them:
        sundial.passwords = ["correct horse battery staple"] * 2
        result = sundial(command, piped=f"{piped}\n") if piped else sundial(command, typed="yes\n")
        assert result.status == 0, (command, result.err)
        assert result.out, command
