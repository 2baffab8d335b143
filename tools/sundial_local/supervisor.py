"""The process that `make run` starts: it brings up MiniStack and the stack, and keeps a serving process running.

It holds the listening socket itself, so that a request that comes while the code is loaded again waits
instead of being refused. What it starts has sessions of its own: a Ctrl-C reaches this process alone,
which then stops the others in order; and they stop by themselves where this process is killed.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic

from sundial.config.problems import ConfigError
from sundial_cli.output import print_problems
from sundial_local.banner import banner
from sundial_local.configuration import USUAL_PORT, Configuration, listen
from sundial_local.intrinsics import TemplateError
from sundial_local.ministack import MiniStack, running_ministack
from sundial_local.paths import LAYER, TOOLS
from sundial_local.serve import Settings
from sundial_local.signals import on_signals
from sundial_local.stack import Stack, clients
from sundial_local.state import CLOCK_SHIFT, StateFolder, held
from sundial_local.template import Template
from sundial_local.watch import watch_sources

_SECONDS_TO_STOP = 10

Process = subprocess.Popen[bytes]


class Happening(Enum):
    """What the supervisor waits for."""

    STOP = auto()
    CHANGED = auto()
    """A source file."""
    READY = auto()
    """A serving process answers requests."""
    ENDED = auto()
    """A serving process is gone."""


Happenings = SimpleQueue[tuple[Happening, Process | None]]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    config: Path
    port: int | None
    state: Path
    template: Path
    clock: timedelta
    """How far the functions' clock is ahead of the machine's."""

    @property
    def variables(self) -> dict[str, str]:
        """The variables that the configuration file may name: the shell's, and that of the deployment's own file."""
        return {"SUNDIAL_ISSUER": f"http://127.0.0.1:{self.port or USUAL_PORT}", **os.environ}


def run(options: Options) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP.

    Raises ConfigError, TemplateError, PortTakenError, StateInUseError, MiniStackError or an OSError of
    the configuration file for what keeps it from starting.
    """
    happenings: Happenings = SimpleQueue()
    on_signals((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), lambda: happenings.put((Happening.STOP, None)))
    issuer = Configuration.of(options.config, options.variables).config.issuer
    with (
        held(options.state) as folder,
        listen(issuer, options.port) as listener,
        running_ministack(folder.ministack_log, state=folder.ministack) as ministack,
    ):
        supervisor = _Supervisor(options, folder, listener, ministack, happenings)
        supervisor.run()
    _say(f"Stopped. What was kept is in {folder.path.name}/; `make reset` forgets it.")


class _Supervisor:
    def __init__(
        self,
        options: Options,
        folder: StateFolder,
        listener: socket.socket,
        ministack: MiniStack,
        happenings: Happenings,
    ) -> None:
        self._options = options
        self._folder = folder
        self._listener = listener
        self._ministack = ministack
        self._happenings = happenings
        self._clients = clients(ministack.endpoint)
        self._process: Process | None = None
        self._started = 0.0

    def run(self) -> None:
        configuration, settings = self._prepare()
        stopping = Event()
        watch_sources(
            (LAYER, self._options.template.parent / "functions"),
            (self._options.template, self._options.config),
            stopping,
            lambda: self._happenings.put((Happening.CHANGED, None)),
        )
        try:
            self._start(settings)
            greeting = banner(configuration, self._folder.log)
            while (happened := self._next())[0] is not Happening.STOP:
                match happened:
                    case Happening.CHANGED, _:
                        self._reload()
                    case Happening.READY, process if process is self._process:
                        _say(greeting or f"Loaded the change in {monotonic() - self._started:.1f} s.")
                        greeting = ""
                    case Happening.ENDED, process if process is self._process:
                        _say("The functions don't run; waiting for the next change.")
                        self._process = None
        finally:
            stopping.set()
            self._stop()

    def _next(self) -> tuple[Happening, Process | None]:
        """Return what happens next; several changes in a row are one, and whatever else goes with them is history."""
        happened = self._happenings.get()
        while happened[0] is Happening.CHANGED:
            try:
                following = self._happenings.get_nowait()
            except Empty:
                break
            if following[0] is Happening.STOP:
                return following
        return happened

    def _prepare(self) -> tuple[Configuration, Settings]:
        """Compile the configuration, make what the template asks for, and return the serving process's settings."""
        port = self._listener.getsockname()[1]
        configuration = Configuration.of(self._options.config, self._options.variables).moved_to(
            port, self._options.variables
        )
        if not configuration.is_demo:  # whose secret in clear is everybody's
            print_problems(str(self._options.config), configuration.problems, sys.stderr)
        configuration.write(self._folder.config)
        template = Template.load(self._options.template, {"Issuer": configuration.config.issuer})
        stack = Stack(template, self._clients)
        stack.ensure()
        environments = {
            function.name: {**stack.environment(function), "SUNDIAL_CONFIG": str(self._folder.config)}
            for function in template.functions
        }
        everything = dict(self._ministack.environment)
        for environment in environments.values():
            everything |= environment
        clock = int(self._options.clock.total_seconds())
        self._write_environment(everything | {CLOCK_SHIFT: str(clock)})
        settings = Settings(
            issuer=configuration.config.issuer,
            template=str(self._options.template),
            environments=environments,
            listener=self._listener.fileno(),
            log=str(self._folder.log),
            clock=clock,
        )
        return configuration, settings

    def _write_environment(self, variables: Mapping[str, str]) -> None:
        """Write what lets a shell's `sundial` and `aws` work on this stack: `. .sundial/environment`."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
        self._folder.environment.write_text("".join(lines), encoding="utf-8")

    def _start(self, settings: Settings) -> None:
        self._started = monotonic()
        read_end, write_end = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "sundial_local.serve"],
            stdin=subprocess.PIPE,
            pass_fds=(settings.listener, write_end),
            env={**os.environ, **self._ministack.environment, "PYTHONPATH": f"{LAYER}{os.pathsep}{TOOLS}"},
            start_new_session=True,
        )
        os.close(write_end)
        self._process = process
        Thread(target=self._follow, args=(process, read_end), daemon=True).start()
        if process.stdin is not None:
            process.stdin.write(replace(settings, ready=write_end).to_line())
            process.stdin.flush()

    def _follow(self, process: Process, ready: int) -> None:
        with os.fdopen(ready, "rb") as pipe:
            if pipe.read(1):
                self._happenings.put((Happening.READY, process))
        process.wait()
        self._happenings.put((Happening.ENDED, process))

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def _reload(self) -> None:
        try:
            _, settings = self._prepare()
        except ConfigError as error:
            print_problems(str(self._options.config), error.problems, sys.stderr)
        except (TemplateError, OSError) as error:
            _say(str(error))
        else:
            self._stop()
            self._start(settings)


def _say(text: str) -> None:
    with suppress(OSError):  # a terminal that was closed is no reason not to stop in order
        print(text, flush=True)
