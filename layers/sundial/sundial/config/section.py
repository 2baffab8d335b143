"""One mapping of the document: hands out its values by type, and notes every problem that it meets.

A reader asks a section for each key it knows; what nobody asked for is unknown, and `close` says so with
the nearest key that somebody did ask for. So the keys are stated once, where they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sundial.config import environment as variables
from sundial.config.problems import HIDDEN, Problem, Severity, kind, show
from sundial.config.suggestions import one_of, remedy_for
from sundial.config.unserved import LEFT_OUT, MEANINGLESS_WITHOUT_A_SERVER, NOT_SERVED_YET
from sundial.expiry.durations import DurationError, parse_duration

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USUAL_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclass(slots=True)
class Reading:
    """What one reading of a document shares: its lines, the environment, the problems so far.

    With `deferred`, a variable that isn't set is a note instead of an error: the function that starts
    with the file checks it again, in its own environment. With `literal`, `$NAME` stands for itself.
    """

    lines: Mapping[str, int]
    environment: Mapping[str, str]
    deferred: bool = False
    literal: bool = False
    problems: list[Problem] = field(default_factory=list)
    awaits_environment: bool = False
    """Whether a value was left out because its variable isn't set yet."""
    meaningless: list[tuple[int, str]] = field(default_factory=list)
    """The lines and the names of the keys that mean something to a server alone."""


class Section:
    """A mapping at `pointer` (RFC 6901) of the document, called `path` where a problem speaks of it."""

    def __init__(self, reading: Reading, values: Mapping[str, Any], pointer: str = "", path: str = "") -> None:
        self._reading = reading
        self._values = values
        self._pointer = pointer
        self._path = path
        self._known: set[str] = set()

    # What stands there.

    def __iter__(self) -> Iterator[str]:
        """Yield the keys that are there."""
        return iter(self._values)

    def states(self, key: str) -> bool:
        """Return whether `key` is there and says something: null and empty text say nothing, as in Dex."""
        self._known.add(key)
        return self._values.get(key) not in (None, "")

    def text(self, key: str, *, secret: bool = False, literal: bool = False) -> str | None:
        """Return the text at `key` with `$NAME` expanded, None where it says nothing or can't be used.

        A `secret` is never shown, and is expanded only where it is nothing but one `$NAME`; a `literal` one never is.
        """
        if not self.states(key):
            return None
        return self._text(self._values[key], key, None, secret=secret, literal=literal)

    def required(self, key: str, *, secret: bool = False) -> str:
        """Return the text at `key`, as `text` does; that it says nothing is an error. Empty where it can't be used."""
        if not self.states(key):
            self.error(key, "is missing", f"write '{key}: …'")
        return self.text(key, secret=secret) or ""

    def is_reference(self, key: str) -> bool:
        """Return whether what stands at `key` is nothing but one `$NAME`."""
        value = self._values.get(key)
        return isinstance(value, str) and variables.is_reference(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of the list at `key`; those that can't be used are left out."""
        return tuple(text for _, text in self.indexed_texts(key))

    def text_or_texts(self, key: str) -> tuple[str, ...]:
        """Return the text at `key`, alone, or the texts of the list that stands there."""
        if isinstance(self._values.get(key), list):
            return self.texts(key)
        text = self.text(key)
        return () if text is None else (text,)

    def indexed_texts(self, key: str) -> Iterator[tuple[int, str]]:
        """Yield the texts of the list at `key`, each with its index in the file."""
        for index, item in self._items(key):
            text = self._text(item, key, index)
            if text is not None:
                yield index, text

    def variable(self, key: str) -> str | None:
        """Return the value of the variable that `key` names (Dex: idEnv, secretEnv), None as `text` does."""
        if not self.states(key):
            return None
        name = self._values[key]
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            remedy = "write the name of an environment variable, such as APP_SECRET, without '$'"
            self.error(key, "is not the name of a variable", remedy, shown=HIDDEN)
            return None
        usual = _USUAL_VARIABLE.fullmatch(name) is not None  # else it may be the secret itself
        return self._variable(name, key, None, called=name if usual else HIDDEN)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return the boolean at `key`."""
        if not self.states(key):
            return default
        value = self._values[key]
        if not isinstance(value, bool):
            self.error(key, "is neither true nor false", "write true or false, without quotes")
            return default
        return value

    def duration(self, key: str) -> timedelta | None:
        """Return the duration at `key` (Go's syntax), None where it says nothing or can't be used."""
        if not self.states(key):
            return None
        value = self._values[key]
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)  # YAML takes `10` and `0` for numbers; Go's syntax speaks of both
        text = self._text(value, key, None)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except DurationError as error:
            if text == value:
                self.error(key, error.reason, error.remedy)
            else:  # what the environment holds is not repeated, not even in a remedy
                self.error(key, "is not a duration", "write a number and a unit, such as '10m' or '1h30m'")
            return None

    def section(self, key: str) -> Section:
        """Return the mapping at `key`; an empty one where it says nothing."""
        value = self._values[key] if self.states(key) else {}
        if not isinstance(value, dict):
            self.error(key, "is not a mapping", f"write the settings of {key} indented under it", shown=kind(value))
            value = {}
        return Section(self._reading, value, self._step(key), self._name(key))

    def sections(self, key: str) -> Iterator[Section]:
        """Yield the mappings of the list at `key`."""
        for index, value in self._items(key):
            if isinstance(value, dict):
                yield Section(self._reading, value, self._step(key, index), self._name(key, index))
            else:
                self.error(key, "is not a mapping", "write '- key: value'", index=index, shown=kind(value))

    # Rules that all sections share.

    def choice(self, key: str, served: tuple[str, ...], *, default: str) -> str:
        """Return the text at `key`, one of `served`; a known one that isn't served yet is refused as that."""
        text = self.text(key)
        return text if text is not None and self._is_served(text, key, None, served) else default

    def choices(self, key: str, served: tuple[str, ...], *, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the texts of the list at `key`, each one of `served`; `default` for an empty list, as in Dex."""
        texts = [text for index, text in self.indexed_texts(key) if self._is_served(text, key, index, served)]
        return tuple(dict.fromkeys(texts)) or default

    def not_yet(self, *keys: str) -> None:
        """Refuse each of `keys` that asks for something: known, and not served yet."""
        for key in filter(self._asks, keys):
            self.error(key, f"is not supported yet: {NOT_SERVED_YET[self._pattern(key)]}", "remove it")

    def leave_out(self, *keys: str) -> None:
        """Warn of each of `keys` that asks for something: known, and nothing comes of it."""
        for key in filter(self._asks, keys):
            self.warn(key, f"is left out: {LEFT_OUT[self._pattern(key)]}", "it may stay, or go")

    def accept_meaningless(self) -> None:
        """Accept the keys that mean something to a server alone; one warning will name those that are there."""
        for name in MEANINGLESS_WITHOUT_A_SERVER:
            path, _, key = name.rpartition(".")
            if path == self._path and self.states(key):
                self._reading.meaningless.append((self._line(self._step(key)), name))

    def close(self) -> None:
        """Refuse every key that nobody asked for, with the nearest one that somebody did."""
        for key in self._values:
            if key not in self._known:
                self.error(key, "is an unknown key", remedy_for(key, sorted(self._known)), shown="")

    # Problems.

    def error(self, key: str, message: str, remedy: str, *, index: int | None = None, shown: str | None = None) -> None:
        """Note an error about `key`, or about one item of its list; `shown` stands in for the value that is there."""
        self._note(Severity.ERROR, key, index, message, remedy, shown)

    def warn(self, key: str, message: str, remedy: str, *, index: int | None = None, shown: str | None = None) -> None:
        """Note a warning, as `error` does an error."""
        self._note(Severity.WARNING, key, index, message, remedy, shown)

    def _note(
        self, severity: Severity, key: str, index: int | None, message: str, remedy: str, shown: str | None
    ) -> None:
        if shown is None:
            value = self._values.get(key)
            shown = show(value[index] if index is not None and isinstance(value, list) else value)
        line = self._line(self._step(key, index))
        self._reading.problems.append(Problem(severity, line, self._name(key, index), shown, message, remedy))

    def _line(self, pointer: str) -> int:
        while pointer and pointer not in self._reading.lines:
            pointer = pointer.rpartition("/")[0]
        return self._reading.lines.get(pointer, 1)

    def _step(self, key: str, index: int | None = None) -> str:
        step = f"{self._pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        return step if index is None else f"{step}/{index}"

    def _name(self, key: str, index: int | None = None) -> str:
        name = f"{self._path}.{key}" if self._path else key
        return name if index is None else f"{name}[{index}]"

    def _pattern(self, key: str) -> str:
        """Return the key's path without its indices, as the table of what isn't served yet has it."""
        return re.sub(r"\[[0-9]+\]", "[]", self._name(key))

    # Values.

    def _asks(self, key: str) -> bool:
        return self.states(key) and self._values[key] not in ([], {}, False)

    def _items(self, key: str) -> list[tuple[int, Any]]:
        value = self._values[key] if self.states(key) else []
        if not isinstance(value, list):
            self.error(key, "is not a list", "write one item a line, each after '- '", shown=kind(value))
            return []
        return list(enumerate(value))

    def _text(
        self, value: Any, key: str, index: int | None, *, secret: bool = False, literal: bool = False
    ) -> str | None:
        if not isinstance(value, str):
            remedy = "write text" if isinstance(value, dict | list) else "put the value in quotes"
            shown = HIDDEN if secret else None
            self.error(key, f"is {kind(value)} where text belongs", remedy, index=index, shown=shown)
            return None
        if "$" not in value or literal or self._reading.literal or (secret and not variables.is_reference(value)):
            return value
        if None in [self._variable(name, key, index) for name in variables.names(value)]:
            return None
        return variables.expand(value, self._reading.environment)

    def _variable(self, name: str, key: str, index: int | None, *, called: str | None = None) -> str | None:
        called = called or name
        shown = HIDDEN if called == HIDDEN else None
        value = self._reading.environment.get(name)
        if value:
            return value
        if self._reading.deferred:
            self._reading.awaits_environment = True
            message = f"the environment variable {called} is not set here"
            self._note(Severity.NOTE, key, index, message, "it is checked when a function starts with this file", shown)
            return None
        state = "not set" if value is None else "empty"
        message = f"the environment variable {called} is {state}"
        self.error(key, message, "set it in the environment of what reads this file", index=index, shown=shown)
        return None

    def _is_served(self, text: str, key: str, index: int | None, served: tuple[str, ...]) -> bool:
        if text in served:
            return True
        pattern = self._pattern(key)
        what = NOT_SERVED_YET.get(f"{pattern}: {text}")
        if what is not None:
            remedy = f"use {one_of(served)}" if served else "remove it"
            self.error(key, f"is not supported yet: {what}", remedy, index=index)
        else:
            unserved = (row.partition(": ")[2] for row in NOT_SERVED_YET if row.startswith(f"{pattern}: "))
            self.error(key, "is unknown", remedy_for(text, (*served, *unserved)), index=index)
        return False
