"""The local server as a process of its own, as `make run` starts it."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from sundial_local.paths import LAYER, ROOT, TOOLS
from tests.support.leak_watch import LEAKS

BANNER_END = "Ctrl-C stops it."
_SECONDS_TO_START = 60
_SECONDS_TO_STOP = 30


class LocalServer:
    """A running local server. What it prints is kept, and can be waited for."""

    def __init__(self, process: subprocess.Popen[str], state: Path) -> None:
        self._process = process
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self.state = state
        self.printed: list[str] = []
        Thread(target=self._read, daemon=True).start()

    @property
    def issuer(self) -> str:
        """The issuer that it says it serves."""
        return next(line for line in self.printed if line.startswith("Sundial serves ")).split()[2]

    @property
    def pid(self) -> int:
        """Of the process that was started; others descend from it."""
        return self._process.pid

    def wait_for(self, pattern: str, seconds: float = _SECONDS_TO_START) -> str:
        """Return the first line not yet seen in which `pattern` is found; fails where none comes in time."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except Empty:
                break
            if line is None:
                break
            self.printed.append(line)
            if re.search(pattern, line):
                return line
        raise AssertionError(f"{pattern!r} was not printed; what was:\n" + "\n".join(self.printed))

    def signal(self, number: int = signal.SIGINT) -> None:
        """Send a signal to the process that was started, and to no other."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """Stop it as Ctrl-C does, and return its exit status, its last lines in `printed`."""
        if self._process.poll() is None:
            self.signal()
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended, and return its exit status."""
        status = self._process.wait(timeout=_SECONDS_TO_STOP)
        while (line := self._lines.get(timeout=_SECONDS_TO_STOP)) is not None:
            self.printed.append(line)
        return status

    def descendants(self) -> list[int]:
        """Return the processes that descend from it, from /proc."""
        parents = {
            int(entry.name): int(entry.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
        }
        found = [self.pid]
        for process in found:
            found += [child for child, parent in parents.items() if parent == process]
        return found[1:]

    def kill(self, seconds: float = _SECONDS_TO_STOP) -> list[int]:
        """Kill it, as no program can prevent, and return which of its descendants are still there after a while."""
        watched = {process: os.pidfd_open(process) for process in self.descendants()}
        self._process.kill()
        self.wait()
        deadline = monotonic() + seconds
        try:
            return [
                process
                for process, descriptor in watched.items()
                if not select.select([descriptor], [], [], max(0.0, deadline - monotonic()))[0]
            ]
        finally:
            for descriptor in watched.values():
                os.close(descriptor)

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


@contextmanager
def local_server(state: Path, *arguments: str, template: Path | None = None) -> Iterator[LocalServer]:
    """Start a local server, on any free port unless `arguments` say otherwise; stop it when the block ends."""
    options = ["--state", str(state), *arguments]
    if "--port" not in arguments:
        options += ["--port", "0"]
    if template is not None:
        options += ["--template", str(template)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SUNDIAL_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "sundial_local", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=environment | {"PYTHONPATH": f"{LAYER}{os.pathsep}{TOOLS}", "PYTHONUNBUFFERED": "1"},
    ) as process:
        server = LocalServer(process, state)
        try:
            yield server
        finally:
            if process.poll() is None:
                server.stop()
            _watch(server)


def _watch(server: LocalServer) -> None:
    """Hand what it logged to the watch for secrets; but not the banner, which tells the demonstration's own."""
    banner_end = server.printed.index(BANNER_END) + 1 if BANNER_END in server.printed else 0
    LEAKS.log(f"the local server in {server.state.name}", "\n".join(server.printed[banner_end:]))
    log = server.state / "log.jsonl"
    if log.exists():
        LEAKS.log(f"the functions of the local server in {server.state.name}", log.read_text(encoding="utf-8"))
