"""The key ring as a picture: a bar a key, from its publication to its end, and when it next changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TextIO

from sundial_cli.instants import relative, utc
from sundial_cli.output import coloured

Key = Mapping[str, Any]
"""A key of `sundial.keys.inventory.inventory`."""

_COLOURS = {"active": "32;1", "pending": "36", "retired": "2"}
_SHORTEST, _LONGEST = 16, 56  # columns of a bar
_INDENT = 11
_BESIDE = 64  # columns for what stands beside the bar, the indent included


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters of a bar."""

    waits: str
    signs: str
    lasts: str
    now: str


UNICODE = Marks("░", "█", "▒", "│")
ASCII = Marks(".", "#", "-", "|")


def timeline(document: Mapping[str, Any], stream: TextIO, columns: int) -> Iterator[str]:
    """Yield the lines that show the ring of an inventory on `stream`, which is so many columns wide."""
    marks = UNICODE if (stream.encoding or "ascii").lower().startswith("utf") else ASCII
    width = max(_SHORTEST, min(_LONGEST, columns - _BESIDE))
    now = document["at"]
    keys = sorted(document["signing_keys"], key=lambda key: str(key["alg"])) + list(document["mac_keys"])
    for alg, group in groupby(keys, key=lambda key: key["alg"]):
        chain = list(group)
        scale = _Scale.of(chain, now, width)
        yield f"{coloured(f'{alg:{_INDENT}}', '1', stream)}{coloured(scale.axis(), '2', stream)}".rstrip()
        for key in chain:
            colour = _COLOURS[key["state"]]
            what, at = _next(key)
            change = what if at is None else f"{what} {utc(at)}, {relative(at, now)}"
            late = coloured("  OVERDUE", "31;1", stream) if key.get("overdue") else ""
            state = coloured(f"{key['state']:8}", colour, stream)
            yield f"  {state} {key['kid']}{late}"
            yield f"{'':{_INDENT}}{coloured(scale.bar(key, marks), colour, stream)}  {change}"
        yield ""
    yield f"{marks.waits} waits   {marks.signs} signs   {marks.lasts} is kept for what it signed   {marks.now} now"
    yield "MAC keys make authorization codes, refresh tokens and the sealed forms of a login."


@dataclass(frozen=True, slots=True)
class _Scale:
    """Which instant stands in which column."""

    begins: int
    ends: int
    now: int
    width: int

    @classmethod
    def of(cls, keys: Iterable[Key], now: int, width: int) -> _Scale:
        known = [at for key in keys for at in _instants(key)]
        return cls(min((*known, now)), max((*known, now + 1)), now, width)

    def column(self, at: int) -> int:
        """Return the column of an instant, the last one for whatever is later."""
        return min(self.width - 1, (at - self.begins) * (self.width - 1) // max(1, self.ends - self.begins))

    def axis(self) -> str:
        """Return what stands above the bars: when they begin, now, and when they end, as far as there is room."""
        line = relative(self.begins, self.now) if self.begins < self.now else ""
        end = f" {relative(self.ends, self.now)}"
        for text, column in ((" now", self.column(self.now) - 2), (end, self.width - len(end))):
            if max(0, column) >= len(line) and column + len(text) <= self.width:
                line = f"{line:{max(0, column)}}{text}"
        return line

    def bar(self, key: Key, marks: Marks) -> str:
        cells = [" "] * self.width
        signs_from, signs_until = key["signs_from"], key["signs_until"]
        shown_from = key.get("published_at") or key["created_at"]
        gone_at = key.get("published_until") or key.get("kept_until")
        self._fill(cells, shown_from, signs_from, marks.waits)
        if signs_until is not None:
            self._fill(cells, signs_until, gone_at, marks.lasts)
        if signs_from is not None:
            self._fill(cells, signs_from, signs_until, marks.signs)
        cells[self.column(self.now)] = marks.now
        return "".join(cells)

    def _fill(self, cells: list[str], begins: int, ends: int | None, mark: str) -> None:
        last = self.width - 1 if ends is None else self.column(ends)
        for column in range(self.column(begins), last + 1):
            cells[column] = mark


def _instants(key: Key) -> Iterator[int]:
    """Yield the instants of a key, but for the distant one at which it leaves: that only ends its bar."""
    for name in ("created_at", "published_at", "signs_from", "signs_until", "published_until"):
        if key.get(name) is not None:
            yield key[name]


def _next(key: Key) -> tuple[str, int | None]:
    """Return what next happens to a key, and when."""
    if key["state"] == "pending":
        if key["signs_from"] is not None:
            return "signs from", key["signs_from"]
        return ("waits to be planned" if key.get("published_at") else "not yet seen in the JWKS"), None
    if key["state"] == "active":
        return ("signs until", key["signs_until"]) if key["signs_until"] is not None else ("has no successor yet", None)
    if key["alg"] == "MAC":
        return ("kept until", key["kept_until"]) if key["kept_until"] is not None else ("kept without end", None)
    return ("in the JWKS until", key["published_until"]) if key["published_until"] is not None else ("retired", None)
