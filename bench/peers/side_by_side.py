"""The servers in turn, under the same load: what each answers a second, and a second of its CPU time."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.load import Load, client_credentials, refreshes
from bench.measure import Goal, Part, Row, spread
from bench.requests import ALGORITHMS
from bench.world import CREDENTIALS

_NODE = Path(__file__).with_name("oidc_provider")
_CONNECTIONS = (1, 8, 32)
_SUNDIAL = "Sundial"
_OIDC, _OIDC_JWT = "oidc-provider", "oidc-provider, JWT access tokens"
_AUTHLIB, _AUTHLIB_ID = "Authlib", "Authlib, ID tokens too"
_GOALS = {
    (_OIDC, "ES256"): Goal(1.5, at_least=True),
    (_OIDC, "RS256"): Goal(1.0, at_least=True),
    (_AUTHLIB, "ES256"): Goal(2.0, at_least=True),
    (_AUTHLIB, "RS256"): Goal(2.0, at_least=True),
}
_ROUNDS = 5


@dataclass
class Served:
    """A server under load. Its first loads, which warm it, don't count."""

    report: dict[str, Any]

    def load(self, what: str, connections: int, seconds: float) -> Load:
        """Return what came of a load."""
        port, path, pid = self.report["port"], self.report["path"], self.report["pid"]
        if what == "refresh":
            return asyncio.run(refreshes(port, path, pid, self.report["tokens"], connections, seconds))
        return asyncio.run(client_credentials(port, path, pid, connections, seconds))


def measure(seconds: float) -> Part:
    """Return how the servers do under loads of `seconds` each."""
    rows: list[Row] = []
    notes: list[str] = []
    commands = dict(_commands(notes))
    for alg in ALGORITHMS:
        for what in ("refresh", "client credentials"):
            loads = _loads(commands, alg, what, seconds)
            rows += _rows(loads, alg, what)
    title = "Peers over HTTP on loopback: requests a second of the server's CPU time"
    return Part("peers", title, tuple(rows), tuple(notes))


def _loads(commands: dict[str, list[str]], alg: str, what: str, seconds: float) -> dict[tuple[str, int], list[Load]]:
    """Return what came of the loads. All servers run, one is loaded at a time: a round of each after the other."""
    loads: dict[tuple[str, int], list[Load]] = {(name, some): [] for name in commands for some in _CONNECTIONS}
    with ExitStack() as running:
        servers: dict[str, Served] = {}
        for name, command in commands.items():
            wanted = {
                "alg": alg,
                "logins": max(_CONNECTIONS),
                "jwt": name == _OIDC_JWT,
                "id_token": name == _AUTHLIB_ID,
            }
            servers[name] = running.enter_context(_running([*command, json.dumps(wanted)]))
            servers[name].load(what, 8, seconds)
        for connections in _CONNECTIONS:
            for _ in range(_ROUNDS):
                for name, server in servers.items():
                    loads[name, connections].append(server.load(what, connections, seconds / _ROUNDS))
    return loads


def _rows(loads: dict[tuple[str, int], list[Load]], alg: str, what: str) -> Iterator[Row]:
    for (name, connections), some in loads.items():
        rates = [len(load.latencies) / load.cpu for load in some]
        latencies = [latency * 1000 for load in some for latency in load.latencies]
        ours = [len(load.latencies) / load.cpu for load in loads[_SUNDIAL, connections]]
        ratio = None if name == _SUNDIAL else median(ours) / median(rates)
        goal = _GOALS.get((name, alg)) if what == "refresh" and connections == 8 else None
        yield Row(
            f"{what}, {name} ({alg}, {connections} connection{'s' if connections > 1 else ''})",
            median(rates),
            "/CPU s",
            spread(rates),
            "" if ratio is None else "Sundial's over it",
            ratio,
            goal,
            {
                "requests/s": median(len(load.latencies) / load.wall for load in some),
                "median, ms": median(latencies),
                "99th percentile, ms": quantiles(latencies, n=100)[-1] if len(latencies) > 1 else latencies[0],
            },
        )


def _commands(notes: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each server that can be started here; note those that can't."""
    yield _SUNDIAL, [sys.executable, "-m", "bench.peers.sundial_server"]
    yield _AUTHLIB, [sys.executable, "-m", "bench.peers.authlib_server"]
    yield _AUTHLIB_ID, [sys.executable, "-m", "bench.peers.authlib_server"]
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        notes.append("Not measured: oidc-provider, which needs node and npm.")
        return
    if not (_NODE / "node_modules").exists():
        subprocess.run([npm, "ci", "--silent", "--prefix", _NODE], check=True, stdout=sys.stderr)
    yield _OIDC, [node, str(_NODE / "server.mjs")]
    yield _OIDC_JWT, [node, str(_NODE / "server.mjs")]


def _wait_for(port: int) -> None:
    """Return once a server that has said its port listens there."""
    for _ in range(200):
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on port {port}")


@contextmanager
def _running(command: Sequence[str]) -> Iterator[Served]:
    environment = {**os.environ, **CREDENTIALS, "NODE_ENV": "production", "PYTHONHASHSEED": "0"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{command[-2]} did not start")
        report = json.loads(line)
        _wait_for(report["port"])
        yield Served(report)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
