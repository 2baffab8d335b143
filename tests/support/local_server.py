"""The local server as a process of its own, as `make run` starts it."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import IO

import pytest

from sundial.keys.vault import Vault
from sundial_local.paths import LAYER, ROOT, TOOLS
from sundial_local.stack import clients
from tests.support.leak_watch import LEAKS

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc to see processes")
"""For a test that looks at processes and sockets."""

needs_make_run = pytest.mark.skipif(
    shutil.which("make") is None
    or not all((ROOT / name / ".complete").exists() for name in (".venv-run", ".venv-ministack")),
    reason="needs make, and the environments of `make run` (`make test` makes them)",
)

BANNER_END = "Ctrl-C stops it."
_SECONDS_TO_START = 60
_SECONDS_TO_STOP = 30


class LocalServer:
    """A running local server. What it prints is kept, and can be waited for."""

    def __init__(
        self,
        process: subprocess.Popen[str],
        output: IO[str],
        state: Path,
        interrupt: Callable[[], object] | None = None,
    ) -> None:
        """`interrupt` does what Ctrl-C does; unless it is given, the process that was started is sent a SIGINT."""
        self._process = process
        self._output = output
        self._interrupt = interrupt or self.signal
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._ended = False
        self.state = state
        self.printed: list[str] = []
        Thread(target=self._read, daemon=True).start()

    @property
    def issuer(self) -> str:
        """The issuer that it says it serves."""
        return next(line for line in self.printed if line.startswith("Sundial serves ")).split()[2]

    @property
    def port(self) -> int:
        """The port that it listens on, from /proc: an issuer behind a proxy doesn't tell."""
        inodes = {
            os.readlink(link).removeprefix("socket:[").removesuffix("]")
            for link in Path(f"/proc/{self.pid}/fd").iterdir()
            if os.readlink(link).startswith("socket:[")
        }
        rows = (row.split() for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
        return next(int(row[1].partition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes)

    @property
    def pid(self) -> int:
        """Of the process that was started; others descend from it."""
        return self._process.pid

    def wait_for(self, pattern: str, seconds: float = _SECONDS_TO_START) -> str:
        """Return the first line not yet seen in which `pattern` is found; fails where none comes in time."""
        deadline = monotonic() + seconds
        while (line := self._next(deadline - monotonic())) is not None:
            if re.search(pattern, line):
                return line
            if line.startswith("The functions don't run"):
                break
        raise AssertionError(f"{pattern!r} was not printed; what was:\n" + "\n".join(self.printed))

    @property
    def runs(self) -> bool:
        """Whether the process that was started is still there."""
        return self._process.poll() is None

    def signal(self, number: int = signal.SIGINT) -> None:
        """Send a signal to the process that was started, and to no other."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """Stop it by Ctrl-C, and return its exit status, its last lines in `printed`."""
        if self.runs:
            self._interrupt()
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended, and return its exit status."""
        status = self._process.wait(timeout=_SECONDS_TO_STOP)
        while self._next(_SECONDS_TO_STOP) is not None:
            pass
        return status

    def descendants(self) -> list[int]:
        """Return the processes that descend from it, from /proc."""
        parents = {}
        for entry in Path("/proc").iterdir():
            with suppress(OSError):  # one that has just ended
                if entry.name.isdigit():
                    after_name = entry.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2]
                    parents[int(entry.name)] = int(after_name.split()[1])
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

    def _next(self, seconds: float) -> str | None:
        """Return the next line, kept in `printed`; None where no more comes, or none in time."""
        try:
            line = None if self._ended else self._lines.get(timeout=max(0.0, seconds))
        except Empty:
            return None
        if line is None:
            self._ended = True
        else:
            self.printed.append(line)
        return line

    def _read(self) -> None:
        with suppress(OSError):  # how a pseudo-terminal says that nobody is left at its other end
            for line in self._output:
                self._lines.put(line.rstrip("\r\n"))
        self._lines.put(None)


@contextmanager
def local_server(state: Path, *arguments: str, template: Path | None = None) -> Iterator[LocalServer]:
    """Start a local server, on any free port unless `arguments` say otherwise; stop it when the block ends."""
    options = ["--state", str(state), *arguments]
    if "--port" not in arguments:
        options += ["--port", "0"]
    if template is not None:
        options += ["--template", str(template)]
    command = [sys.executable, "-m", "sundial_local", *options]
    environment = _environment() | {"PYTHONPATH": f"{LAYER}{os.pathsep}{TOOLS}", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=environment
    ) as process:
        output = process.stdout
        assert output is not None
        with _stopped_at_the_end(LocalServer(process, output, state)) as server:
            yield server


@contextmanager
def make_run(state: Path, **variables: str) -> Iterator[LocalServer]:
    """Run `make run` on a terminal of its own, and type Ctrl-C there when the block ends."""
    keyboard, terminal = os.openpty()
    make = ["make", "run", f"STATE={state}", *(f"{name}={value}" for name, value in variables.items())]
    on_terminal = "import os, sys; os.login_tty(int(sys.argv[1])); os.execvp(sys.argv[2], sys.argv[2:])"
    with (
        os.fdopen(keyboard, encoding="utf-8") as output,
        subprocess.Popen(
            [sys.executable, "-c", on_terminal, str(terminal), *make],
            pass_fds=(terminal,),
            text=True,
            cwd=ROOT,
            env=_environment(),
        ) as process,
    ):
        os.close(terminal)
        server = LocalServer(process, output, state, interrupt=lambda: os.write(keyboard, b"\x03"))
        with _stopped_at_the_end(server):
            yield server


@contextmanager
def run_as_typed(command: str, state: Path, **variables: str) -> Iterator[LocalServer]:
    """Run the `make run …` of a page; yield it once it serves. `variables` replace those that are typed; any port."""
    make, run, *given = shlex.split(command)
    assert (make, run) == ("make", "run")
    typed = dict(one.split("=", 1) for one in given)
    with make_run(state, **{"PORT": "0", "NO_COLOR": "1", **typed, **variables}) as server:
        server.wait_for(BANNER_END)
        yield server


def _environment() -> dict[str, str]:
    """The variables of a shell that knows nothing of tests, AWS or Sundial."""
    ours = ("ARGS", "AWS_", "CONFIG", "MAKE", "MFLAGS", "PORT", "PYTEST_", "PYTHON", "STATE", "SUNDIAL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def _stopped_at_the_end(server: LocalServer) -> Iterator[LocalServer]:
    try:
        yield server
        if server.runs:
            _note_its_keys(server)
        server.stop()
    finally:
        if server.runs:
            server.kill()
        _watch(server)


def _note_its_keys(server: LocalServer) -> None:
    """Have the watch for secrets see the keys that the server made, by reading its key ring."""
    exported = server.state.joinpath("environment").read_text(encoding="utf-8")
    variables = dict(word.partition("=")[::2] for word in shlex.split(exported) if "=" in word)
    if "SUNDIAL_SECRET" in variables:
        Vault(clients(variables["AWS_ENDPOINT_URL"])["secretsmanager"], variables["SUNDIAL_SECRET"]).read()


def _watch(server: LocalServer) -> None:
    """Hand what it logged to the watch for secrets; but not the banner, which tells the demonstration's own."""
    banner_end = server.printed.index(BANNER_END) + 1 if BANNER_END in server.printed else 0
    LEAKS.log(f"the local server in {server.state.name}", "\n".join(server.printed[banner_end:]))
    log = server.state / "log.jsonl"
    if log.exists():
        LEAKS.log(f"the functions of the local server in {server.state.name}", log.read_text(encoding="utf-8"))
