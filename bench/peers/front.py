"""One WSGI application behind gunicorn: one process, four threads, connections kept alive. Prints where it is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gunicorn.app.base import BaseApplication


class _Front(BaseApplication):  # type: ignore[misc]
    def __init__(self, make: Callable[[], tuple[Any, Sequence[str]]], path: str) -> None:
        self._make, self._path = make, path
        super().__init__()

    def load_config(self) -> None:
        settings: Mapping[str, Any] = {
            "bind": "127.0.0.1:0",
            "workers": 1,
            "worker_class": "gthread",
            "threads": 4,
            "keepalive": 75,
            "errorlog": "/dev/null",
            "when_ready": self._say,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        application, tokens = self._make()
        port = int(os.environ["BENCH_PORT"])
        report = {"port": port, "pid": os.getpid(), "path": self._path, "tokens": list(tokens)}
        os.write(3, f"{json.dumps(report)}\n".encode())
        return application

    def _say(self, arbiter: Any) -> None:
        os.environ["BENCH_PORT"] = str(arbiter.LISTENERS[0].sock.getsockname()[1])


def serve(make: Callable[[], tuple[Any, Sequence[str]]], path: str) -> None:
    """Serve what `make` returns, an application and a refresh token a login, until the process is ended."""
    os.dup2(1, 3)  # where this reports; what the application logs goes to standard output, and nowhere
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    sys.argv[1:] = []
    _Front(make, path).run()
