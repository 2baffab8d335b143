"""What is wrong with a configuration file, said so that its author can mend it; never with a secret in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

HIDDEN = "(hidden)"
"""What a problem shows in the place of a secret."""
_LONGEST_SHOWN = 80


class Severity(StrEnum):
    """How much a problem matters."""

    ERROR = "error"
    """The file can't be used."""
    WARNING = "warning"
    """The file can be used, and something in it is probably not what its author wants."""
    NOTE = "note"
    """Something is checked later: a variable that is set where the function runs."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: where (line, key path), what stands there, what is wrong, and what to do about it.

    `value` is as it stands in the file, shortened; a secret's is `(hidden)`, and a value that was taken
    from the environment is shown as the `$NAME` that names it.
    """

    severity: Severity
    line: int
    key: str
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.key}: " if self.key else ""
        value = f" (value: {self.value})" if self.value else ""
        return f"line {self.line}: {self.severity}: {where}{self.message}{value}; {self.remedy}"


class ConfigError(Exception):
    """A configuration that can't be used; `problems` says why, every one of them."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        errors = [f"{source}: {problem}" for problem in self.problems if problem.severity is Severity.ERROR]
        super().__init__("\n".join(errors) or source)


def has_errors(problems: Iterable[Problem]) -> bool:
    """Return whether any of `problems` keeps the file from being used."""
    return any(problem.severity is Severity.ERROR for problem in problems)


def show(value: Any) -> str:
    """Return `value` as a problem shows it: a scalar as it stands, shortened; a list or a mapping by its kind."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return kind(value)
    text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def kind(value: Any) -> str:
    """Return what kind of value `value` is, in words."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    return "a number" if isinstance(value, int | float) else "nothing"
