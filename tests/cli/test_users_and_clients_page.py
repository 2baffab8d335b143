"""docs/users-and-clients.md: each command of `sundial`, in its order, by somebody who types what is asked for."""

from __future__ import annotations

import re

from sundial_local.operate import LocalStack
from sundial_local.paths import DEFAULT_CONFIG
from sundial_local.state import StateFolder
from tests.support.operator import MakeOperator
from tests.support.pages import assert_alike, blocks, every_command, text_of

_PIPED = re.compile(r"printf '%s\\n' '(?P<piped>[^']+)' \| (?P<command>.+)")


def test_every_command_does_what_it_says(make_operator: MakeOperator) -> None:
    sundial = make_operator(DEFAULT_CONFIG.read_text("utf-8"))
    LocalStack(StateFolder(sundial.folder)).rotate_keys({})
    printed = {}
    with every_command("docs/users-and-clients.md", "sundial ", "printf ") as shown:
        for line in shown:
            piped = _PIPED.match(line)
            command = (piped["command"] if piped else line).removeprefix("sundial ").removesuffix(" $SUNDIAL_TRY")
            sundial.passwords = ["correct horse battery staple"] * 2
            result = sundial(command, piped=f"{piped['piped']}\n") if piped else sundial(command, typed="yes\n")
            assert result.status == 0, (command, result.err)
            printed[command.partition(" --")[0]] = result.out
    created, rotated, _, listed = blocks(text_of("docs/users-and-clients.md"), "")
    assert_alike(created, printed["clients create notes"])
    assert_alike(rotated, printed["clients rotate-secret notes"])
    assert_alike(listed, printed["users list"])


def test_a_client_that_would_outlive_its_keys_is_refused_as_the_page_says(make_operator: MakeOperator) -> None:
    sundial = make_operator(DEFAULT_CONFIG.read_text("utf-8"))
    _, _, refused, _ = blocks(text_of("docs/users-and-clients.md"), "")
    assert_alike(refused, sundial("clients create notes --id-tokens 25h").err)
