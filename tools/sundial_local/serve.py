"""The serving process: the functions and the HTTP server in front of them. The supervisor starts a new one on a change.

Its settings come as one line of JSON on standard input, which then stays open: when it ends, the
supervisor is gone, and so is this. Standard output is for the request log; what the functions print
goes to the functions' log.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TextIO
from uuid import uuid4

from sundial_local.events import scheduled_event
from sundial_local.functions import FunctionError, Functions
from sundial_local.gateway import Gateway
from sundial_local.http_server import Server
from sundial_local.request_log import RequestLog
from sundial_local.router import Router
from sundial_local.signals import on_signals
from sundial_local.template import Function, Template

_SECONDS_TO_FINISH = 5


@dataclass(frozen=True, slots=True)
class Settings:
    """What the supervisor tells the serving process."""

    issuer: str
    template: str
    environments: Mapping[str, Mapping[str, str]]
    """By function."""
    listener: int
    """The file descriptor of the listening socket."""
    log: str
    """The file for what the functions print."""
    clock: int
    """Seconds that the functions' clock is ahead of the machine's; negative, behind it."""
    ready: int = -1
    """The file descriptor to write a byte to once requests are answered."""

    def to_line(self) -> bytes:
        """Return the settings as one line of JSON."""
        return json.dumps(asdict(self)).encode("utf-8") + b"\n"


def main() -> None:
    """Serve until SIGTERM, or until standard input ends."""
    settings = Settings(**json.loads(sys.stdin.readline()))
    Thread(target=_stop_with_supervisor, daemon=True).start()
    terminal = _divert_output(Path(settings.log))
    if settings.clock:
        _turn_clock(settings.clock)
    serve(settings, RequestLog(terminal))


def serve(settings: Settings, log: RequestLog) -> None:
    """Load the functions, run what is scheduled, say that we are ready, and serve until SIGTERM."""
    stop = Event()
    functions = Functions(settings.environments)
    deployed = Template.load(Path(settings.template), {"Issuer": settings.issuer}).functions
    for function in deployed:
        functions.load(function)
    for function in deployed:
        if function.every is not None:
            _run_scheduled(functions, function, log)
            Thread(target=_keep_schedule, args=(functions, function, log, stop), daemon=True).start()
    gateway = Gateway(Router(deployed, settings.issuer), functions, log.answered)
    with socket.socket(fileno=settings.listener) as listener, Server(listener, gateway) as server:
        # Not before: code that hangs while it is loaded is to be stopped by a SIGTERM too. Not later: from now on there
        # may be a request to answer before we go.
        on_signals((signal.SIGTERM,), stop.set)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        os.write(settings.ready, b"\n")
        os.close(settings.ready)
        stop.wait()
        server.shutdown()
        server.drain(_SECONDS_TO_FINISH)


def _stop_with_supervisor() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _divert_output(log: Path) -> TextIO:
    """Return the standard output as it was, having sent what is printed from now on to the file `log`."""
    terminal = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
    sys.stdout = os.fdopen(sys.stdout.fileno(), "w", encoding="utf-8", buffering=1, closefd=False)
    return terminal


def _turn_clock(seconds: int) -> None:
    real = time.time
    time.time = lambda: real() + seconds


def _keep_schedule(functions: Functions, function: Function, log: RequestLog, stop: Event) -> None:
    if function.every is not None:
        while not stop.wait(function.every.total_seconds()):
            _run_scheduled(functions, function, log)


def _run_scheduled(functions: Functions, function: Function, log: RequestLog) -> None:
    try:
        functions.invoke(function, scheduled_event(function.name, event_id=str(uuid4()), now=time.time()))
    except FunctionError:
        log.failed(function.name)


if __name__ == "__main__":
    main()
