"""MiniStack, the AWS of a developer's machine: one process on a free loopback port, in its own virtual environment."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from sundial_local.paths import MINISTACK_PYTHON

REGION = "eu-central-1"
SERVICES = ("dynamodb", "events", "kms", "secretsmanager")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

_SECONDS_TO_START = 60
_SECONDS_TO_STOP = 20
_PROGRAM = Path(__file__).with_name("ministack_main.py")


class MiniStackError(Exception):
    """MiniStack is not installed, or did not start; says what to do."""


@dataclass(frozen=True, slots=True)
class MiniStack:
    """A running MiniStack."""

    endpoint: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which boto3 finds it, and nothing else: no profile, no instance metadata."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **CREDENTIALS,
        }


@contextmanager
def running_ministack(
    log: Path,
    *,
    state: Path | None = None,
    services: tuple[str, ...] = SERVICES,
    python: Path = MINISTACK_PYTHON,
    program: Path = _PROGRAM,
    variables: Mapping[str, str] | None = None,
) -> Iterator[MiniStack]:
    """Run MiniStack until the block ends, its own messages in the file `log`.

    `state` is the folder that its state is loaded from and, on a clean stop, saved to; without one
    everything is forgotten. `program` is what `python` runs to start it, with `variables` in its environment
    beside the usual ones. It runs in a session of its own, so that the Ctrl-C that stops us does not
    reach it before we have finished with it. Raises MiniStackError.
    """
    if not python.exists():
        raise MiniStackError(f"{python} is missing: MiniStack is not installed; `make run` and `make test` install it")
    log.parent.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("ab") as output:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [python, "-I", program, str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(port, log.parent, state, services) | dict(variables or {}),
            pass_fds=(listener.fileno(),),
            start_new_session=True,
        )
    try:
        _wait_until_ready(port, process, log)
        yield MiniStack(f"http://127.0.0.1:{port}", process.pid)
    finally:
        _stop(process)


def _environment(port: int, folder: Path, state: Path | None, services: tuple[str, ...]) -> dict[str, str]:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": ",".join(services),
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    if state is not None:
        environment |= {"PERSIST_STATE": "1", "STATE_DIR": str(state)}
    return environment


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    # The socket listens already, so that one request waits in its queue until MiniStack answers it.
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS_TO_START)
    try:
        connection.request("GET", "/_ministack/health")
        connection.getresponse().read()
    except (OSError, HTTPException) as error:
        ending = "" if process.poll() is None else f" (it ended with status {process.returncode})"
        raise MiniStackError(f"MiniStack did not start{ending}; what it said is in {log}") from error
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()
