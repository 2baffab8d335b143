"""Print what lets a shell complete `sundial` commands."""

from __future__ import annotations

import argparse
from pathlib import Path

_SHELLS = ("bash", "zsh", "fish")
_FOLDER = "FOLDER"


def add(parser: argparse.ArgumentParser) -> None:
    """Make the group the one command that it is."""
    parser.description = f"{parser.description} docs/cli.md#completion says where each shell looks for it."
    parser.add_argument("shell", choices=_SHELLS, metavar="SHELL", help="bash, zsh or fish")
    parser.set_defaults(run=_completion)


def _completion(arguments: argparse.Namespace) -> int:
    import shtab

    from sundial_cli.main import parser

    top = parser()
    _say_what_are_files(top)
    print(shtab.complete(top, arguments.shell))
    return 0


def _say_what_are_files(parser: argparse.ArgumentParser) -> None:
    """Tell shtab which arguments are files and folders, by their type and the name that they have in the help."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _say_what_are_files(command)
        elif action.type is Path:
            kind = shtab.DIRECTORY if action.metavar == _FOLDER else shtab.FILE
            action.complete = kind  # type: ignore[attr-defined]
