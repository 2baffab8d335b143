"""Cold starts: each function from its built layer, under Lambda's own runtime client, in a process of its own.

Measured are the time from the process to the first `next` (what Lambda bills as init), the time of the first
invocation, and the most memory held by then. Beside the functions start, in turn and in the same way, a handler that
imports nothing, and a bare `boto3.client("dynamodb")` of the same versions, precompiled, untrimmed.

Twice: with one core, and with the share of one that 512 MB buy in Lambda (1769 MB are a whole one). Lambda gives a
whole core while a function starts, so the truth lies between the two: init of the first, invocation of the second.
"""

from __future__ import annotations

import itertools
import os
import platform
import queue
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.built import BARE, FUNCTIONS, PLAIN, Built, build
from bench.measure import Goal, Part, Row, row_of
from bench.runtime_api import Asked, RuntimeApi, aws_over_http, runtime_api
from bench.warm import silenced
from bench.world import World

_WHOLE_CORE, _SHARE = 1769, 512
_LONGEST = 120.0
_GOALS = {"token": Goal(1.0), "jwks": Goal(1.05)}


@dataclass(frozen=True, slots=True)
class Start:
    """One cold start; milliseconds and megabytes."""

    init: float
    init_cpu: float
    invocation: float
    memory: float


def measure(rounds: int, refreshes: int) -> Part:
    """Return the cold starts of `rounds` processes of each function, and what memory so many refreshes take."""
    lacking = _missing()
    if lacking:
        return Part("cold", "Cold starts", (), (f"Not measured: {lacking}.",))
    rows: list[Row] = []
    notes = []
    with TemporaryDirectory() as folder, ExitStack() as stack:
        # As the configuration that is shipped has it: local users, and no connector beside them.
        world = World("RS256", stack.enter_context(TemporaryDirectory()), int(time.time()), upstream=False)
        endpoint = stack.enter_context(aws_over_http(world.aws.answers))
        built = build(Path(folder))
        rows += _memory(built, world, endpoint, refreshes)
        for title, share in (("one core", None), (f"the share of {_SHARE} MB", _SHARE / _WHOLE_CORE)):
            group = stack.enter_context(_limited_to(share)) if share else None
            if share and group is None:
                notes.append(f"Not measured: {title}, which needs a writable cgroup of the processor (run as root).")
                continue
            starts = _start_all(built, world, endpoint, group, rounds)
            rows += _rows(starts, title, with_goals=not share)
    return Part("cold", "Cold starts", tuple(rows), tuple(notes))


def _start_all(built: Built, world: World, endpoint: str, group: Path | None, rounds: int) -> dict[str, list[Start]]:
    """Start everything once a round, in turn: what disturbs one disturbs all."""
    starts: dict[str, list[Start]] = {name: [] for name in built.tasks}
    for _ in range(rounds):
        for name in built.tasks:
            with silenced():
                event = world.first_event(name)
            starts[name].append(start(built, name, event, world.environment, endpoint, group))
    return starts


def _memory(built: Built, world: World, endpoint: str, count: int) -> Iterator[Row]:
    """The most memory that `token` has held after so many refreshes, and after a tenth of them."""
    with silenced():
        event = world.first_event("token")
    peaks = []
    with _process(built, "token", world.environment, endpoint, None) as (api, process):
        for number in range(count):
            _next(api, process, "next")
            if number in (count // 10, count - 1):
                peaks.append(_most_memory(process.pid))
            api.events.put(event)
            _next(api, process, "response")
    yield Row(f"peak memory of token after {count // 10:,} refreshes", peaks[0], "MB")
    yield Row(f"peak memory of token after {count:,} refreshes", peaks[1], "MB", goal=Goal(110))


def start(
    built: Built, name: str, event: Mapping[str, Any], environment: Mapping[str, str], endpoint: str, group: Path | None
) -> Start:
    """Start one process, have it answer `event`, and end it. Raises RuntimeError where it answers no such thing."""
    begun = time.perf_counter()
    with _process(built, name, environment, endpoint, group) as (api, process):
        ready = _next(api, process, "next")
        init_cpu = time.clock_gettime(_cpu_clock(process.pid))
        invoked = time.perf_counter()
        api.events.put(event)
        answer = _next(api, process, "response")
        memory = _most_memory(process.pid)
    if isinstance(answer.document, dict) and answer.document.get("statusCode", 200) >= 400:
        raise RuntimeError(f"{name} refused its event: {answer.document}")
    return Start((ready.at - begun) * 1000, init_cpu * 1000, (answer.at - invoked) * 1000, memory)


@contextmanager
def _process(
    built: Built, name: str, environment: Mapping[str, str], endpoint: str, group: Path | None
) -> Iterator[tuple[RuntimeApi, subprocess.Popen[bytes]]]:
    """Run a function under Lambda's runtime client, on one core, until the block ends."""
    libraries = built.boto3 if name in PLAIN else built.layer
    command = [f"{sys.base_prefix}/bin/python3", "-S", "-P", "-m", "awslambdaric", "app.handler"]
    with runtime_api() as api:
        process = subprocess.Popen(
            [shutil.which("taskset") or "taskset", "-c", str(min(os.sched_getaffinity(0))), *command],
            env=_environment(built, environment, f"{built.tasks[name]}:{libraries}:{built.runtime}")
            | {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_ENDPOINT_URL": endpoint},
            cwd=built.tasks[name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=(lambda: _join(group)) if group else None,  # noqa: PLW1509 (it is in the group from its first instruction)
        )
        try:
            yield api, process
        finally:
            process.kill()
            process.communicate()


def _next(api: RuntimeApi, process: subprocess.Popen[bytes], kind: str) -> Asked:
    """Return what a function asks of the API next. Raises RuntimeError where it is not of that kind."""
    try:
        asked = api.asked.get(timeout=_LONGEST)
    except queue.Empty:
        process.kill()
        raise RuntimeError(f"a function did not come so far: {process.communicate()[1].decode()}") from None
    if asked.kind != kind:
        raise RuntimeError(f"a function failed: {asked.document}")
    return asked


def _rows(starts: Mapping[str, Sequence[Start]], title: str, *, with_goals: bool) -> Iterator[Row]:
    def column(name: str, which: str) -> list[float]:
        return [getattr(one, which) for one in starts[name]]

    for name in itertools.chain(FUNCTIONS, PLAIN):
        beside = "" if name == BARE else "bare boto3"
        more = {
            "init, CPU ms": median(column(name, "init_cpu")),
            "first invocation, ms": median(column(name, "invocation")),
            "peak memory, MB": median(column(name, "memory")),
        }
        floor = column(BARE, "init_cpu") if beside else ()
        goal = _GOALS.get(name) if with_goals else None
        yield row_of(
            f"{name}: init, CPU ({title})",
            column(name, "init_cpu"),
            "ms",
            beside=beside,
            floor=floor,
            goal=goal,
            **more,
        )
        yield row_of(
            f"{name}: init ({title})",
            column(name, "init"),
            "ms",
            beside=beside,
            floor=column(BARE, "init") if beside else (),
        )
        yield row_of(f"{name}: first invocation ({title})", column(name, "invocation"), "ms")
        yield row_of(f"{name}: peak memory by then ({title})", column(name, "memory"), "MB")


def _environment(built: Built, environment: Mapping[str, str], path: str) -> dict[str, str]:
    """Return the environment that Lambda gives, as far as Python minds: nothing of the caller's gets in."""
    return {
        **environment,
        "SUNDIAL_CONFIG": str(environment.get("SUNDIAL_CONFIG") or built.configuration),
        "PATH": os.environ["PATH"],
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",  # /opt is read-only
        "PYTHONHASHSEED": "0",
        "LAMBDA_TASK_ROOT": path.partition(":")[0],
        "_HANDLER": "app.handler",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_LOG_FORMAT": "Text",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }


def _missing() -> str | None:
    if platform.python_version_tuple()[:2] != ("3", "13"):
        return "the functions run on Python 3.13, and `make bench` found none on PATH or in pyenv"
    if not Path("/proc/self/status").exists() or shutil.which("taskset") is None:
        return "it takes Linux, with taskset"
    return None


def _cpu_clock(pid: int) -> int:
    """Return the clock of the CPU time of a process: clock_getcpuclockid(3), which Python has not got."""
    return (~pid << 3) | 2


def _most_memory(pid: int) -> float:
    """Return the most resident memory that a process has had, in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    raise RuntimeError("this system does not say how much memory a process has had")


@contextmanager
def _limited_to(share: float) -> Iterator[Path | None]:
    """Make a control group whose processes get `share` of a core (cgroup v1 or v2); None where that is not allowed."""
    first = Path("/sys/fs/cgroup/cpu")
    group = (first if first.is_dir() else Path("/sys/fs/cgroup")) / f"sundial-bench-{os.getpid()}"
    period = 20_000  # microseconds, as in Lambda
    try:
        group.mkdir()
        if first.is_dir():
            (group / "cpu.cfs_period_us").write_text(str(period))
            (group / "cpu.cfs_quota_us").write_text(str(int(period * share)))
        else:
            (group / "cpu.max").write_text(f"{int(period * share)} {period}")
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        group.rmdir()


def _join(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))
