"""Durations in Go's syntax, because Dex's settings are written in it (`time.ParseDuration`)."""

from __future__ import annotations

import re
from datetime import timedelta

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
_TERM = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<unit>[^0-9.]*)")
_GO_MAXIMUM = 2**63 - 1  # nanoseconds: Go's Duration is an int64
_DIGITS_THAT_MATTER = 19  # of a number: more would overflow Go's int64, or be under a nanosecond
_LONGER_UNITS_IN_HOURS = {"d": 24, "day": 24, "days": 24, "w": 168, "week": 168, "weeks": 168, "y": 8760}
_SPELT_OUT = {"sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m"}
_SPELT_OUT |= {"minutes": "m", "hr": "h", "hrs": "h", "hour": "h", "hours": "h"}


class DurationError(ValueError):
    """A duration that Go would refuse, or that Sundial has no use for.

    `reason` says what is wrong with it and `remedy` what would be right; only `str()` and `remedy`
    repeat the text.
    """

    def __init__(self, text: str, reason: str, remedy: str) -> None:
        super().__init__(f"{text!r} {reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` names: `10m`, `1h30m`, `1.5h`, `100ms`, `0`.

    Raises DurationError for what Go's `time.ParseDuration` refuses (`90d`, `10`, an empty string) and
    for a negative duration, which Go parses but no setting of Dex's has a meaning for. Precision is a
    timedelta's: below a microsecond it rounds towards zero.
    """
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return timedelta(0)
    if not rest:
        raise DurationError(text, "is empty", "write a number and a unit, such as '10m', '1h30m' or '3960h'")
    nanoseconds = 0
    while rest:
        term, rest = _next_term(text, rest)
        nanoseconds += term
    if nanoseconds > _GO_MAXIMUM:
        raise DurationError(text, "is longer than Go's longest duration", "write at most '2562047h'")
    if nanoseconds and text.startswith("-"):
        raise DurationError(text, "is negative", f"write '{text[1:]}', or leave it out if that is not what you mean")
    return timedelta(microseconds=nanoseconds // 1000)


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
    tail = f"{seconds}.{fraction:06d}".rstrip("0") if fraction else str(seconds)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{tail}s" if tail != "0" else ""]
    return "".join(parts)


def _next_term(text: str, rest: str) -> tuple[int, str]:
    """Return the nanoseconds of the first number and unit of `rest`, and what follows them."""
    term = _TERM.match(rest)
    if term is None or not (term["whole"] or term["fraction"]):
        raise DurationError(text, "is not a duration", "write a number and a unit, such as '10m' or '1h30m'")
    whole, fraction, unit = term["whole"], term["fraction"] or "", term["unit"]
    if not unit:
        raise DurationError(text, "has a number without a unit", _missing_unit_remedy(text, rest[term.end() :]))
    if unit not in _UNITS_IN_NANOSECONDS:
        raise DurationError(text, f"has the unknown unit '{unit}'", _unit_remedy(text, term))
    whole, fraction = whole.lstrip("0"), fraction[:_DIGITS_THAT_MATTER]
    if len(whole) > _DIGITS_THAT_MATTER:
        return _GO_MAXIMUM + 1, rest[term.end() :]
    in_units = int(whole + fraction or "0")
    return in_units * _UNITS_IN_NANOSECONDS[unit] // 10 ** len(fraction), rest[term.end() :]


def _missing_unit_remedy(text: str, rest: str) -> str:
    if rest:
        return "write a number and a unit, such as '10m' or '1h30m'"
    return f"did you mean '{text}s', '{text}m' or '{text}h'?"


def _unit_remedy(text: str, term: re.Match[str]) -> str:
    unit = term["unit"].strip()
    number = term[0].removesuffix(term["unit"])
    if unit.lower() in _LONGER_UNITS_IN_HOURS and term[0] == text and not term["fraction"]:
        hours = int(term["whole"]) * _LONGER_UNITS_IN_HOURS[unit.lower()]
        return f"Go's longest unit is the hour: write '{hours}h'"
    if unit.lower() in _LONGER_UNITS_IN_HOURS:
        return "Go's longest unit is the hour: write it in h"
    if unit in _UNITS_IN_NANOSECONDS:
        return f"leave out the spaces: '{''.join(text.split())}'"
    if unit.lower() in _SPELT_OUT:
        return f"write '{text.replace(term[0], number + _SPELT_OUT[unit.lower()])}'"
    return "the units are h, m, s, ms, us and ns"
