"""One WSGI application behind Granian: one process, one thread for requests, connections kept alive. Says where it is.

A front in Rust takes least beside what it stands before: behind gunicorn, half of what was measured was gunicorn.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from tests.support.ports import free_port

_HOST = "127.0.0.1"


def serve(make: Callable[[], tuple[Any, Sequence[str]]], path: str) -> None:
    """Serve what `make` returns, an application and a refresh token a login, until the process is ended."""
    os.dup2(1, 3)  # where this reports; what the application logs goes to standard output, and nowhere
    os.set_inheritable(3, True)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    port = free_port()

    def load(_target: str) -> Any:
        """Make the application, in the one process that serves it."""
        application, tokens = make()
        report = {"port": port, "pid": os.getpid(), "path": path, "tokens": list(tokens)}
        os.write(3, f"{json.dumps(report)}\n".encode())
        return application

    front = Granian(
        "made here",
        address=_HOST,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=1,  # nothing is waited for, with all in memory: more would only wait for each other
        websockets=False,
        log_enabled=False,
    )
    front.serve(target_loader=load)
