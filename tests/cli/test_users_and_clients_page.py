"""docs/users-and-clients.md: each command, in its order, by somebody who types what is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sundial_local.operate import LocalStack
from sundial_local.paths import ROOT
from sundial_local.state import StateFolder
from tests.support.config import APP
from tests.support.operator import MakeOperator

PAGE = (ROOT / "docs" / "users-and-clients.md").read_text("utf-8")
_PIPED = re.compile(r"printf '%s\\n' '(?P<piped>[^']+)' \| (?P<command>.+)")


def commands() -> Iterator[tuple[str, str]]:
    """Yield each command of `sundial`, and what is piped into it."""
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        for line in block.replace("$SUNDIAL_TRY", "").replace("\\\n", " ").splitlines():
            piped = _PIPED.match(line)
            command = re.search(r"sundial ((?:clients|users) [^|#]+)", piped["command"] if piped else line)
            if command:
                yield command[1].strip(), piped["piped"] if piped else ""


def test_every_command_does_what_it_says(make_operator: MakeOperator) -> None:
    sundial = make_operator(APP)
    LocalStack(StateFolder(sundial.folder)).rotate_keys({})
    asked = list(commands())
    assert len(asked) > 14
    for command, piped in asked:
        sundial.passwords = ["correct horse battery staple"] * 2
        result = sundial(command, piped=f"{piped}\n") if piped else sundial(command, typed="yes\n")
        assert result.status == 0, (command, result.err)
        assert result.out, command
