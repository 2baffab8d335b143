"""Why a command stopped, and the exit status that says so to a script."""

from __future__ import annotations

FINDING = 1
"""Something is not as it should be, or was refused; the deployment was reached."""
USAGE = 2
"""The command was called wrongly."""
UNREACHABLE = 3
"""AWS, or the deployment in it, can't be reached, or doesn't let us."""
INTERRUPTED = 130
"""Ctrl-C, as a shell has it: 128 and the number of the signal."""


class StoppedError(Exception):
    """Stops a command. The text says what is wrong and what to do about it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
