"""Instructions a request, counted by callgrind: the same at every run, so a change of one in a hundred shows.

One process under valgrind makes all requests. It waits before and after each series of them, while this one has
callgrind set its counters to zero, and tell them. (`perf` counts too, where a machine's counters may be read.)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.measure import Goal, Part, Row, row_of
from bench.world import CREDENTIALS

_SERIES, _WARM = 10, 40
_NAMES = (
    "refresh, rotate",
    "refresh, retry",
    "refresh, forged",
    "code exchange",
    "client credentials",
    "introspection",
    "userinfo",
    "JWKS",
)
_GOALS = {"refresh, rotate": Goal(1.25)}
_SINCE_ZERO = re.compile(r"^summary: (\d+)", re.MULTILINE)
"""`totals` adds up the functions, of which those that were running already have what they had before."""


def measure() -> Part:
    """Return millions of instructions a request, and those of its floor."""
    title = "Warm handlers: instructions a request, beside its floor"
    valgrind, control = shutil.which("valgrind"), shutil.which("callgrind_control")
    if valgrind is None or control is None:
        return Part("instructions", title, (), ("Not counted: it takes valgrind.",))
    rows: list[Row] = []
    for name, of in count(valgrind, control, _NAMES, ("RS256", "ES256")).items():
        floor = [of["floor"]] if "floor" in of else []
        goal = _GOALS.get(name.partition(" (")[0])
        beside = "floor" if floor else ""
        rows.append(row_of(name, [median([of["request"]])], "million", beside=beside, floor=floor, goal=goal))
    return Part("instructions", title, tuple(rows))


def count(valgrind: str, control: str, names: Sequence[str], algs: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return millions of instructions of each of these requests, by its name: of the `request`, and of its `floor`."""
    counted: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as folder:
        for name, which, instructions in _counted(valgrind, control, Path(folder), names, algs):
            counted.setdefault(name, {})[which] = instructions / _SERIES / 1e6
    return counted


def _counted(
    valgrind: str, control: str, folder: Path, names: Sequence[str], algs: Sequence[str]
) -> Iterator[tuple[str, str, int]]:
    """Yield what is measured, `request` or `floor`, and the instructions of a series of it."""
    # Not counting until it is asked to: to start takes a fifth of the time then.
    command = [valgrind, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
    tell = [control, f"--vgdb-prefix={folder}/vgdb"]
    dumps = 0
    with subprocess.Popen(
        [
            *command,
            f"--vgdb-prefix={folder}/vgdb",
            sys.executable,
            "-m",
            "bench.instructions",
            json.dumps([names, algs]),
        ],
        env={**os.environ, **CREDENTIALS, "PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            name, which, state = line.rstrip("\n").split("\t")
            for ask in ("--instr=on", "--zero") if state == "ready" else ("--dump", "--instr=off"):
                subprocess.run([*tell, ask, str(process.pid)], check=True, capture_output=True)
            if state == "done":
                dumps += 1
                text = Path(f"{folder}/out.{dumps}").read_text(encoding="utf-8")
                yield name, which, int(_SINCE_ZERO.findall(text)[-1])
            process.stdin.write("\n")
            process.stdin.flush()


def _main() -> None:
    """Make the requests: this is the process under valgrind."""
    from bench.requests import measured_requests
    from bench.warm import silenced

    out, wait = sys.stdout, sys.stdin.readline
    names, algs = json.loads(sys.argv[1])
    with silenced():
        for request in measured_requests(tuple(algs)):
            if request.name not in names:
                continue
            for which, call in (("request", request.call), ("floor", request.floor)):
                if call is None:
                    continue
                for _ in range(_WARM):
                    call()
                print(f"{request.name} ({request.alg})\t{which}\tready", file=out, flush=True)
                wait()
                for _ in range(_SERIES):
                    call()
                print(f"{request.name} ({request.alg})\t{which}\tdone", file=out, flush=True)
                wait()


if __name__ == "__main__":
    _main()
