"""One mapping of the document: hands out its values by type, and notes every problem that it meets.

A reader asks a section for each key it knows; what nobody asked for is unknown, and `close` says so with
the nearest key that somebody did ask for. So the keys are stated once, where they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sundial.config import environment as variables
from sundial.config.problems import Problem, Severity
from sundial.config.unserved import NOT_SERVED_YET
from sundial.expiry.durations import DurationError, parse_duration

HIDDEN = "(hidden)"
_LONGEST_SHOWN = 80


@dataclass(slots=True)
class Reading:
    """What a whole reading shares: the lines, the environment, the problems so far.

    With `deferred`, a variable that isn't set is a note instead of an error: the function that starts
    with the file checks it again, in its own environment.
    """

    lines: Mapping[str, int]
    environment: Mapping[str, str]
    deferred: bool = False
    problems: list[Problem] = field(default_factory=list)
    awaits_environment: bool = False
    """Whether a value was left out because its variable isn't set yet."""
    meaningless: list[str] = field(default_factory=list)
    """The keys that mean something only to a server."""


class Section:
    """A mapping at `pointer` (RFC 6901) of the document, called `path` when a problem speaks of it.

    `pattern` is the path without its indices (`staticClients[]`), as the table of what isn't served yet has it.
    """

    def __init__(self, reading: Reading, pointer: str, path: str, pattern: str, values: Mapping[str, Any]) -> None:
        self.reading = reading
        self.pointer = pointer
        self.path = path
        self.pattern = pattern
        self._values = values
        self._known: set[str] = set()

    # -- what stands there -------------------------------------------------------------------------

    def states(self, key: str) -> bool:
        """Return whether `key` is there and says something: as in Dex, null and empty text say nothing."""
        self._known.add(key)
        return self._values.get(key) not in (None, "")

    @property
    def stated_keys(self) -> tuple[str, ...]:
        """The keys that are there."""
        return tuple(self._values)

    def text(self, key: str, *, secret: bool = False, literal: bool = False) -> str | None:
        """Return the text at `key` with `$NAME` expanded, None where it says nothing or can't be used.

        A `secret` is never shown; a `literal` value may hold dollar signs of its own and is not expanded.
        """
        if not self.states(key):
            return None
        return self._text(self._values[key], key, secret=secret, literal=literal)

    def variable(self, key: str) -> str | None:
        """Return the value of the variable that `key` names (Dex: idEnv, secretEnv), None as `text` does."""
        if not self.states(key):
            return None
        name = self._values[key]
        if not isinstance(name, str):
            self.error(key, "is not text", "write the name of an environment variable")
            return None
        return self._variable(name, key)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return the boolean at `key`."""
        if not self.states(key):
            return default
        value = self._values[key]
        if not isinstance(value, bool):
            self.error(key, "is neither true nor false", "write true or false, without quotes")
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of the list at `key`; those that can't be used are left out."""
        found = (self._text(item, f"{key}[{index}]") for index, item in self._items(key))
        return tuple(text for text in found if text is not None)

    def duration(self, key: str) -> timedelta | None:
        """Return the duration at `key` (Go's syntax), None where it says nothing or can't be used."""
        if not self.states(key):
            return None
        value = self._values[key]
        if isinstance(value, int | float) and not isinstance(value, bool):
            if value == 0:
                return timedelta(0)
            self.error(key, "is a number without a unit", f"did you mean '{value}s', '{value}m' or '{value}h'?")
            return None
        text = self.text(key)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except DurationError as error:
            from_file = text == value  # a value of the environment is not repeated, not even in a remedy
            remedy = error.remedy if from_file else "write a number and a unit, such as '10m' or '1h30m'"
            self.error(key, error.reason if from_file else "is not a duration", remedy)
            return None

    def section(self, key: str) -> Section:
        """Return the mapping at `key`; an empty one where it says nothing."""
        self._known.add(key)
        value = self._values.get(key)
        if value is not None and not isinstance(value, dict):
            self.error(key, "is not a mapping", f"write the settings of {key} indented under it", shown=_shape(value))
            value = None
        pattern = f"{self.pattern}.{key}" if self.pattern else key
        return Section(self.reading, self._step(key), self._path(key), pattern, value or {})

    def sections(self, key: str) -> list[Section]:
        """Return the mappings of the list at `key`."""
        sections = []
        for index, value in self._items(key):
            if not isinstance(value, dict):
                self.error(f"{key}[{index}]", "is not a mapping", "write '- key: value'", shown=_shape(value))
                continue
            pattern = f"{self.pattern}.{key}[]" if self.pattern else f"{key}[]"
            pointer = f"{self._step(key)}/{index}"
            sections.append(Section(self.reading, pointer, self._path(f"{key}[{index}]"), pattern, value))
        return sections

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return the mapping at `key` as it stands, unread: somebody else's to check."""
        return self.section(key)._values

    # -- rules that every section shares -----------------------------------------------------------

    def choice(self, key: str, served: Iterable[str], *, default: str) -> str:
        """Return the text at `key`, one of `served`; a known one that isn't served yet is refused as that."""
        text = self.text(key)
        if text is None or not self._is_served(key, text, tuple(served)):
            return default
        return text

    def choices(self, key: str, served: Iterable[str], *, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the texts at `key`, each one of `served`; `default` where the list is empty, as in Dex."""
        every = tuple(served)
        texts = tuple(
            text
            for index, item in self._items(key)
            if (text := self._text(item, f"{key}[{index}]")) is not None
            and self._is_served(f"{key}[{index}]", text, every)
        )
        return tuple(dict.fromkeys(texts)) or default

    def not_yet(self, *keys: str) -> None:
        """Refuse each of `keys` that says something: known, wanted by somebody, and not served yet."""
        for key in keys:
            if self.states(key) and self._values[key] not in ([], {}, False):
                what = NOT_SERVED_YET[f"{self.pattern}.{key}" if self.pattern else key]
                self.error(key, f"is not supported yet: {what}", "remove it", shown=_shape(self._values[key]))

    def meaningless(self, *keys: str) -> None:
        """Accept `keys` that mean something to a server alone; one warning names those that are there."""
        for key in keys:
            if self.states(key):
                self.reading.meaningless.append(self._path(key))

    def close(self) -> None:
        """Refuse every key that nobody asked for, with the nearest one that somebody did."""
        for key in self._values:
            if key not in self._known:
                remedy = nearest(key, self._known) or f"known here: {', '.join(sorted(self._known))}"
                self.error(key, "is an unknown key", remedy, shown="")

    # -- problems ----------------------------------------------------------------------------------

    def error(self, key: str, message: str, remedy: str, *, shown: str | None = None) -> None:
        """Note an error about `key` (of this section; "" is the section itself)."""
        self._problem(Severity.ERROR, key, message, remedy, shown)

    def warn(self, key: str, message: str, remedy: str, *, shown: str | None = None) -> None:
        """Note a warning about `key`."""
        self._problem(Severity.WARNING, key, message, remedy, shown)

    def _problem(self, severity: Severity, key: str, message: str, remedy: str, shown: str | None) -> None:
        value = self.shown(key) if shown is None else shown
        line = self._line(key)
        self.reading.problems.append(Problem(severity, line, self._path(key), value, message, remedy))

    def shown(self, key: str) -> str:
        """Return the value at `key`, or at `key[index]`, as it stands in the file."""
        name, _, index = key.partition("[")
        value = self._values.get(name)
        if index and isinstance(value, list):
            value = value[int(index.removesuffix("]"))]
        return show(value)

    def _line(self, key: str) -> int:
        pointer = f"{self.pointer}/{key.replace('[', '/').replace(']', '')}" if key else self.pointer
        while pointer and pointer not in self.reading.lines:
            pointer = pointer.rpartition("/")[0]
        return self.reading.lines.get(pointer, 1)

    def _path(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path and key else self.path or key

    def _step(self, key: str) -> str:
        return f"{self.pointer}/{key.replace('~', '~0').replace('/', '~1')}"

    # -- values ------------------------------------------------------------------------------------

    def _items(self, key: str) -> list[tuple[int, Any]]:
        if not self.states(key):
            return []
        value = self._values[key]
        if not isinstance(value, list):
            self.error(key, "is not a list", "write one item a line, each after '- '", shown=_shape(value))
            return []
        return list(enumerate(value))

    def _text(self, value: Any, key: str, *, secret: bool = False, literal: bool = False) -> str | None:
        if not isinstance(value, str):
            shown = HIDDEN if secret else None
            remedy = "write text" if isinstance(value, dict | list) else "put the value in quotes"
            self.error(key, f"is {_kind(value)} where text belongs", remedy, shown=shown)
            return None
        if literal or "$" not in value:
            return value
        found = [self._variable(name, key) for name in variables.names(value)]
        if None in found:
            return None
        return variables.expand(value, self.reading.environment)

    def _variable(self, name: str, key: str) -> str | None:
        value = self.reading.environment.get(name)
        if value:
            return value
        if self.reading.deferred:
            self.reading.awaits_environment = True
            message = f"the variable {name} is not set here"
            self._problem(Severity.NOTE, key, message, "it is checked when a function starts with it", None)
            return None
        state = "not set" if value is None else "empty"
        self.error(key, f"the environment variable {name} is {state}", f"set {name} where this runs")
        return None

    def _is_served(self, key: str, text: str, served: tuple[str, ...]) -> bool:
        if text in served:
            return True
        name = f"{self.pattern}.{key}" if self.pattern else key
        pattern = name.partition("[")[0] if key.endswith("]") else name
        if self.pattern and key.endswith("]"):
            pattern = f"{self.pattern}.{key.partition('[')[0]}"
        what = NOT_SERVED_YET.get(f"{pattern}: {text}")
        if what is not None:
            self.error(key, f"is not supported yet: {what}", f"use {one_of(served)}")
        else:
            self.error(key, "is not a value that means anything here", nearest(text, served) or f"use {one_of(served)}")
        return False


def show(value: Any) -> str:
    """Return `value` as a problem shows it: scalars as they stand, shortened; lists and mappings by their kind."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return _shape(value)
    text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return "did you mean …?" for the known word that is nearest to `word`, None where none is near."""
    import difflib  # only a bad file pays for it

    by_lower = {one.lower(): one for one in known}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean '{by_lower[matches[0]]}'?" if matches else None


def one_of(words: Iterable[str]) -> str:
    """Return `words` as "a", "a or b", "a, b or c"."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _shape(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "a mapping" if isinstance(value, dict) else show(value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, list | dict):
        return _shape(value)
    return "a number" if isinstance(value, int | float) else "nothing"
