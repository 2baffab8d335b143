"""The request log on the terminal: a line an answer, with nothing in it that anybody keeps secret."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TextIO

from sundial_local.gateway import Answered

_PLAIN, _GREEN, _CYAN, _YELLOW, _RED = "", "\033[32m", "\033[36m", "\033[33m", "\033[31m"
_RESET = "\033[0m"


def _now() -> datetime:
    return datetime.now().astimezone()


class RequestLog:
    """Writes lines such as `12:00:01 POST /token 200 12 ms`: no query, no header, no body."""

    def __init__(self, terminal: TextIO, *, colours: bool, clock: Callable[[], datetime] = _now) -> None:
        self._terminal = terminal
        self._colours = colours
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
            f"{answered.method:7} {path:32}",
            f"{status}",
            f"{answered.seconds * 1000:6.0f} ms" + "".join(f"  {note}" for note in notes),
            _colour(status),
        )

    def failed(self, function: str) -> None:
        """Write a line for a scheduled run that failed."""
        self._write(f"{function} failed on its schedule;", "see the functions' log", "", _RED)

    def _write(self, before: str, marked: str, after: str, colour: str) -> None:
        if self._colours:
            marked = f"{colour}{marked}{_RESET}"
        print(f"{self._clock():%H:%M:%S} {before} {marked} {after}".rstrip(), file=self._terminal)


def _colour(status: int) -> str:
    return {2: _GREEN, 3: _CYAN, 4: _YELLOW, 5: _RED}.get(status // 100, _PLAIN)
