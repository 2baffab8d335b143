"""Instants as people read and write them; all of them in UTC, as in the logs."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def utc(at: int) -> str:
    """Return an instant (epoch seconds) as `2026-08-14 10:02:11Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def relative(at: int, now: int) -> str:
    """Return how far an instant is from `now`: `in 3 h 12 min`, `6 h ago`, `now`."""
    if at == now:
        return "now"
    length = span(abs(at - now))
    return f"in {length}" if at > now else f"{length} ago"


def span(seconds: int) -> str:
    """Return a length of time in its two largest units: `3 h 12 min`, `2 d`, `40 s`."""
    for (size, unit), (smaller, smaller_unit) in pairwise(_UNITS):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit} {rest} {smaller_unit}" if rest else f"{seconds // size} {unit}"
    return f"{seconds} s"


def when(at: int, now: int) -> str:
    """Return an instant both ways: `2026-08-14 10:02:11Z (in 3 h 12 min)`."""
    return f"{utc(at)} ({relative(at, now)})"


def parse_instant(text: str, now: int) -> int:
    """Return the epoch seconds that `text` means: `now`, epoch seconds, or ISO 8601, in UTC unless it says otherwise.

    Raises ValueError, which says what would be right.
    """
    if text == "now":
        return now
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no instant: write `now`, or one such as {utc(now).replace(' ', 'T')} or {now} (epoch seconds)"
        ) from None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())
