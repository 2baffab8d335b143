"""Passwords that people type: read from the terminal or from standard input, never from an argument."""

from __future__ import annotations

import getpass
import sys

from sundial.connectors.password import HIGHEST_COST, LONGEST_PASSWORD, RECOMMENDED_COST
from sundial_cli.status import FINDING, USAGE, StoppedError

LOWEST_COST = 10
COSTS = range(LOWEST_COST, HIGHEST_COST + 1)
"""bcrypt's costs, as Dex takes them."""
DEFAULT_COST = RECOMMENDED_COST
SHORTEST_PASSWORD = 8
"""Characters (NIST SP 800-63B §5.1.1.2)."""


def read_password() -> str:
    """Return a new password: asked for twice on a terminal, else the first line of standard input.

    Raises StoppedError for one that is too short, or longer than bcrypt looks at.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("New password: ")
        if password != getpass.getpass("Once more: "):
            raise StoppedError(FINDING, "the two are not the same; nothing was changed")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < SHORTEST_PASSWORD:
        raise StoppedError(USAGE, f"a password has {SHORTEST_PASSWORD} characters at least; nothing was changed")
    if len(password.encode("utf-8")) > LONGEST_PASSWORD:
        raise StoppedError(
            USAGE, f"of a password only {LONGEST_PASSWORD} bytes count (bcrypt), and this one has more: shorten it"
        )
    return password


def hash_password(password: str, cost: int) -> bytes:
    """Return the bcrypt hash of a password."""
    import bcrypt

    return bcrypt.hashpw(password.encode("utf-8"), bcrypt.gensalt(cost))
