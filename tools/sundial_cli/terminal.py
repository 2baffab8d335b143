"""Speaking with whoever sits at the terminal: questions before anything is destroyed, progress of what takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Lock
from typing import TextIO

from sundial_cli.status import FINDING, USAGE, StoppedError

_SECONDS_BETWEEN_UPDATES = 0.1
_WIDTH = 20
"""Columns of a bar."""
_MARKS, _ASCII_MARKS = ("█", "░"), ("#", ".")


def confirm(question: str, *, yes: bool) -> None:
    """Ask, on standard error, whether to go on, unless `yes` has answered already. Raises StoppedError where not."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise StoppedError(USAGE, f"{question} Nobody is here to say so: repeat it with --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise StoppedError(FINDING, "nothing was changed")


class Progress:
    """A line on a terminal that says how far something is, with a bar; on anything else, nothing at all."""

    def __init__(
        self, what: str, total: int = 0, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`what` has happened to so many of `total`, which may be an estimate; 0 is unknown."""
        self._what = what
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._count = 0
        self._shown_at = 0.0
        self._lock = Lock()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream.isatty() and self._count:
            print("\r\x1b[K", end="", file=self._stream, flush=True)

    def advance(self, by: int) -> None:
        """Say that `by` more are done; any thread may."""
        with self._lock:
            self._count += by
            now = self._clock()
            if self._stream.isatty() and now - self._shown_at >= _SECONDS_BETWEEN_UPDATES:
                self._shown_at = now
                print(f"\r\x1b[K{self._text()}", end="", file=self._stream, flush=True)

    def _text(self) -> str:
        if self._total <= 0:
            return f"{self._what} {self._count:,}"
        percent = min(99, 100 * self._count // self._total)
        full, empty = _MARKS if (self._stream.encoding or "ascii").lower().startswith("utf") else _ASCII_MARKS
        done = _WIDTH * percent // 100
        bar = full * done + empty * (_WIDTH - done)
        return f"{bar} {self._what} {self._count:,} of about {self._total:,} ({percent} %)"
