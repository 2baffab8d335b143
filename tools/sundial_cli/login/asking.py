"""The user at the terminal: asked to log in, and told what goes on, while standard output is another program's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sundial_cli.login.browser import log_in_by_browser
from sundial_cli.login.device import log_in_by_device
from sundial_cli.login.provider import Provider, Tokens
from sundial_cli.output import printable
from sundial_cli.status import FINDING, StoppedError


def ask_to_log_in(provider: Provider, scope: str, way: str, port: int, command: str) -> Tokens:
    """Have the user log in; `way` is the option --how. Raises StoppedError, which names `command` where nobody is."""
    if way == "auto":
        way = best_way()
    if way == "never":
        raise StoppedError(FINDING, f"nobody is logged in: say, in a terminal, `{command}`")
    with _stdout_kept_clean():
        if way == "browser":
            return log_in_by_browser(provider, scope, say, port)
        return log_in_by_device(provider, scope, say)


def best_way() -> str:
    """Return how to log in here: who can't be told where to go can't be asked at all."""
    has_display = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if has_display and not os.environ.get("SSH_CONNECTION"):
        return "browser"
    return "device" if _terminal() is not None else "never"


def say(text: str) -> None:
    """Tell whoever sits at the terminal, or else standard error."""
    text = "\n".join(map(printable, text.split("\n")))  # some of it is the provider's
    terminal = _terminal()
    if terminal is None:
        print(text, file=sys.stderr, flush=True)
        return
    with terminal.open("w", encoding="utf-8") as stream:
        print(text, file=stream, flush=True)


def _terminal() -> Path | None:
    """Return the terminal at which somebody sits: who runs this keeps the standard streams for themselves."""
    terminal = Path("/dev/tty")
    try:
        terminal.open("w", encoding="utf-8").close()
    except OSError:
        return None
    return terminal


@contextmanager
def _stdout_kept_clean() -> Iterator[None]:
    """Send what a browser prints to standard error: standard output is for the credentials alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
