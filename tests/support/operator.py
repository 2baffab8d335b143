"""An operator at a terminal: `sundial` commands, run as typed, on a stack of the test's own."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sundial_cli.main import main
from sundial_local.ministack import CREDENTIALS, REGION
from sundial_local.operate import LocalStack
from tests.support.deployed import environment_of
from tests.support.families import LOGIN_AT
from tests.support.stack import OwnStack


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for a script."""
        return json.loads(self.out)


_ALONE = ("status",)
"""Commands of no group."""


_CLIENTS: dict[tuple[str, str], Any] = {}
"""Of AWS's services, by endpoint and service: made by the first command that needs them, and kept for the others."""


class _Typed(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


@dataclass
class Operator:
    """Runs commands on `stack`, whose functions have the configuration `yaml_text`; it is `now` for both."""

    stack: OwnStack
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    yaml_text: str
    now: int = LOGIN_AT
    passwords: list[str] = field(default_factory=list)
    """What is typed where a password is asked for."""

    def __post_init__(self) -> None:
        self.deploy(self.yaml_text)
        self.monkeypatch.setattr(LocalStack, "clock", lambda _: self.now)
        make_client = LocalStack.client

        def client(stack: LocalStack, service: str) -> Any:
            key = (stack.environment["AWS_ENDPOINT_URL"], service)
            if key not in _CLIENTS:
                _CLIENTS[key] = make_client(stack, service)
            return _CLIENTS[key]

        self.monkeypatch.setattr(LocalStack, "client", client)
        self.monkeypatch.setattr("getpass.getpass", lambda _: self.passwords.pop(0))

    def deploy(self, yaml_text: str) -> None:
        """Put another configuration in force."""
        variables = environment_of(
            self.stack,
            self.folder,
            yaml_text,
            AWS_ENDPOINT_URL=self.stack.endpoint,
            AWS_REGION=REGION,
            **CREDENTIALS,
        )
        lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        (self.folder / "environment").write_text("".join(lines), encoding="utf-8")

    def __call__(self, command: str, *, piped: str = "", typed: str | None = None) -> Result:
        """Run `sundial COMMAND`: with `piped` on standard input, or with somebody there who types `typed`."""
        words = shlex.split(command)
        names = 1 if words[0] in _ALONE else 2
        return self.as_it_stands([*words[:names], "--state", str(self.folder), *words[names:]], piped, typed)

    def as_it_stands(self, words: Sequence[str], piped: str = "", typed: str | None = None) -> Result:
        """Run `sundial` with these words, which say themselves what deployment they are about."""
        self.monkeypatch.setattr("sys.stdin", io.StringIO(piped) if typed is None else _Typed(typed))
        self.capsys.readouterr()
        status = main(list(words))
        printed = self.capsys.readouterr()
        return Result(status, printed.out, printed.err)


MakeOperator = Callable[[str], Operator]
