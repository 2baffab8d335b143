"""What a person reads of a rehearsal: a line a step, what was seen below it, and at the end what it comes to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_WIDTH = 72


class StepFailedError(Exception):
    """A step did not come out as it should; `lines` are what helps to see why."""

    def __init__(self, why: str, lines: str = "") -> None:
        super().__init__(why)
        self.lines = lines


class Report:
    """Prints the steps as they go; remembers how many came to their end."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._clock = clock
        self._began_at = clock()
        self._seen: list[str] = []
        self.passed = 0
        self.failed = 0

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Announce a step, and say how long it took; the block gets what says, in a line, what was seen.

        A StepFailedError of the block is counted, and goes on.
        """
        began_at = self._clock()
        self._seen = []
        self._print(f"{self.passed + self.failed + 1:>3}  {title}".ljust(_WIDTH), end="", flush=True)
        try:
            yield self._seen.append
        except BaseException:
            self.failed += 1
            self._end("FAILED", began_at)
            raise
        self.passed += 1
        self._end("ok", began_at)

    def end(self) -> None:
        """Print how many steps came to their end."""
        self._print(f"\n{self.passed} passed, {self.failed} failed in {self._clock() - self._began_at:.0f} s")

    def failure(self, error: StepFailedError) -> None:
        """Print why a step failed."""
        self._print(f"\n{error}\n")
        if error.lines:
            self._print(error.lines.rstrip() + "\n")

    def line(self, text: str) -> None:
        """Print a line that belongs to no step."""
        self._print(text)

    def _end(self, outcome: str, began_at: float) -> None:
        self._print(f" {outcome:<6} {self._clock() - began_at:5.1f} s")
        for seen in self._seen:
            self._print(f"     {seen}")

    def _print(self, text: str, end: str = "\n", flush: bool = True) -> None:
        print(text, end=end, file=self._stream, flush=flush)
