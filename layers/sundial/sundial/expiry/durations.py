"""Durations in Go's syntax, because Dex's settings are written in it (`time.ParseDuration`)."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

_UNITS_IN_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # U+00B5, the micro sign
    "μs": 10**3,  # U+03BC, the Greek letter mu
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TERM = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<unit>[^0-9.]*)")
_GO_MAXIMUM = 2**63 - 1  # nanoseconds: Go's Duration is an int64


class DurationError(ValueError):
    """A duration that Go would refuse, or that Sundial has no use for; the text says what would be right."""


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` names: `10m`, `1h30m`, `1.5h`, `100ms`, `0`.

    Raises DurationError for what Go's `time.ParseDuration` refuses (`90d`, `10`, an empty string) and
    for a negative duration, which Go parses but no setting of Dex's has a meaning for. Precision is a
    timedelta's: below a microsecond it rounds towards zero.
    """
    if text in ("0", "+0", "-0"):
        return timedelta(0)
    if text.startswith("-"):
        raise DurationError(f"{text!r} is negative; a duration here is zero or more, such as '10m'")
    rest = text.removeprefix("+")
    if not rest:
        raise DurationError("an empty duration; write a number and a unit, such as '10m', '1h30m' or '3960h'")
    total = Fraction(0)
    while rest:
        term = _TERM.match(rest)
        if term is None:
            raise DurationError(f"{text!r} is not a duration; write a number and a unit, such as '10m' or '1h30m'")
        number, unit = term["number"], term["unit"]
        if not unit:
            raise DurationError(f"{text!r} has a number without a unit; did you mean '{text}s', '{text}m' or '{text}h'?")
        if unit not in _UNITS_IN_NANOSECONDS:
            raise DurationError(f"{text!r} has the unknown unit {unit!r}; {_unit_hint(number, unit)}")
        total += Fraction(number.rstrip(".") or "0") * _UNITS_IN_NANOSECONDS[unit]
        rest = rest[term.end() :]
    if total > _GO_MAXIMUM:
        raise DurationError(f"{text!r} is longer than Go's longest duration, about 2562047h")
    return timedelta(microseconds=int(total / 1000))


def format_duration(duration: timedelta) -> str:
    """Return `duration` in Go's syntax, in the largest units that fit: `1h30m`, `24h`, `100ms`, `0s`."""
    microseconds = duration // timedelta(microseconds=1)
    if microseconds == 0:
        return "0s"
    if microseconds < 10**6:
        return f"{microseconds // 1000}ms" if microseconds % 1000 == 0 else f"{microseconds}us"
    seconds, fraction = divmod(microseconds, 10**6)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    tail = f"{seconds}.{fraction:06d}".rstrip("0").rstrip(".") if fraction else str(seconds)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{tail}s" if tail != "0" else ""]
    return "".join(parts)


def _unit_hint(number: str, unit: str) -> str:
    if unit == "d":
        return f"days have no unit in Go's syntax: write '{Fraction(number.rstrip('.')) * 24}h'"
    return "the units are h, m, s, ms, us and ns"
