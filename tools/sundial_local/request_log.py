"""The request log on the terminal: a line an answer, with nothing in it that anybody keeps secret."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TextIO

from sundial_cli.output import coloured
from sundial_local.gateway import Answered

_COLOURS = {2: "32", 3: "36", 4: "33", 5: "31;1"}
"""ANSI, by the class of the status."""


def _now() -> datetime:
    return datetime.now().astimezone()


class RequestLog:
    """Writes lines such as `12:00:01 POST /token 200 12 ms`: no query, no header, no body."""

    def __init__(self, terminal: TextIO, *, clock: Callable[[], datetime] = _now) -> None:
        self._terminal = terminal
        self._clock = clock

    def answered(self, answered: Answered) -> None:
        """Write a line for one request."""
        status = answered.response.status
        notes = [answered.error] if answered.error else []
        if status >= 500 and answered.request_id:
            notes.append(f"correlation id {answered.request_id}")
        # A path is the client's text: it must not speak to the terminal.
        path = "".join(character if character.isprintable() else "?" for character in answered.path)
        self._write(
            f"{answered.method:7} {path:40}",
            f"{status}",
            f"{answered.seconds * 1000:6.0f} ms" + "".join(f"  {note}" for note in notes),
            status // 100,
        )

    def failed(self, function: str) -> None:
        """Write a line for a scheduled run that failed."""
        self._write(function, "failed", "on its schedule; the functions' log says why", 5)

    def _write(self, before: str, marked: str, after: str, status_class: int) -> None:
        marked = coloured(marked, _COLOURS.get(status_class, "0"), self._terminal)
        with suppress(OSError):  # a terminal that was closed is no reason not to answer
            print(f"{self._clock():%H:%M:%S} {before} {marked} {after}", file=self._terminal)
