"""`make rehearse`: exit status 0 if all of it went well, 1 if a step failed, 2 if something is missing."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sundial_local.ministack import MiniStack, MiniStackError, running_ministack
from sundial_local.paths import ROOT
from sundial_rehearsal.deployed import DeployedStack
from sundial_rehearsal.rehearsal import Rehearsal, failures_of
from sundial_rehearsal.releases import Releases
from sundial_rehearsal.report import Report, StepFailedError
from sundial_rehearsal.workshop import Workshop, last_lines

PYTHON = ROOT / ".venv-rehearsal" / "bin" / "python"
HERE = Path(__file__).parent
SERVICES = (
    *("apigateway", "cloudformation", "dynamodb", "events", "iam", "kms", "lambda", "logs", "monitoring", "s3"),
    *("scheduler", "secretsmanager", "sns", "sqs", "sts"),
)
_SECONDS_TO_ANSWER = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse, and return the exit status."""
    parser = argparse.ArgumentParser(prog="make rehearse", description=__doc__)
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="leave logs and the built copy there (ARGS=--keep=…)"
    )
    keep = parser.parse_args(arguments).keep
    # So that what was started is stopped, and what was written is deleted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with _folder(keep) as folder:
        return rehearse(folder)


def rehearse(folder: Path) -> int:
    """Rehearse in `folder`, which has nothing in it."""
    clock, recorded, interpreter = folder / "clock", folder / "recorded", folder / "function-python"
    clock.write_text("0", "utf-8")
    interpreter.write_text(_interpreter(), "utf-8")
    interpreter.chmod(0o755)
    variables = {
        "AUTH": "true",  # a function may do what its role allows and nothing else
        "REHEARSAL_CLOCK": str(clock),
        "REHEARSAL_FUNCTION_PYTHON": str(interpreter),
        "REHEARSAL_RECORDED": str(recorded),
    }
    report, log = Report(), folder / "ministack" / "log"
    program = HERE / "emulator_main.py"
    try:
        with running_ministack(log, services=SERVICES, python=PYTHON, program=program, variables=variables) as aws:
            workshop = Workshop(folder / "checkout", PYTHON.resolve().parent, aws.environment)
            report.line(f"Rehearsing the deployment on {_versions()}, for {workshop.architecture}\n")
            try:
                _rehearse(workshop, aws, report, clock, recorded)
            except StepFailedError as error:
                report.failure(error)
                report.line(f"MiniStack's log:\n{last_lines(log.read_text('utf-8', 'replace'), 15)}")
    except MiniStackError as error:
        print(f"make rehearse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        report.line("\nstopped")
        return 130
    report.end()
    return 1 if report.failed else 0


def _rehearse(workshop: Workshop, aws: MiniStack, report: Report, clock: Path, recorded: Path) -> None:
    clients: dict[str, Any] = {}
    session = boto3.Session(
        aws.environment["AWS_ACCESS_KEY_ID"], aws.environment["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    )
    make: Any = session.client
    config = Config(read_timeout=_SECONDS_TO_ANSWER, retries={"total_max_attempts": 1})

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = make(service, endpoint_url=aws.endpoint, config=config)
        return clients[service]

    # The name and the region are samconfig.toml's, which is in the copy once it is filled.
    stack = DeployedStack("sundial-local", client)
    try:
        Rehearsal(workshop, stack, report, Releases(workshop, stack, report, recorded), clock).run()
    except StepFailedError as error:
        raise StepFailedError(str(error), f"{error.lines}\n{_failures(stack)}") from error
    except ClientError as error:
        raise StepFailedError(f"{error.operation_name}: {error}", _failures(stack)) from error


def _failures(stack: DeployedStack) -> str:
    try:
        return "\n".join(failures_of(stack))
    except ClientError:
        return ""


def _interpreter() -> str:
    """The program that MiniStack runs a function with: the functions' Python, as bare as Lambda's."""
    options = f"-S -P -B {shlex.quote(str(HERE / 'function_main.py'))}"
    return f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} {options} "$@"\n'


def _versions() -> str:
    code = "import platform, importlib.metadata as m; print(m.version('ministack'), platform.python_version())"
    said = subprocess.run([PYTHON, "-I", "-c", code], capture_output=True, text=True, check=False).stdout.split()
    return f"MiniStack {said[0]} with Python {said[1]}"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="sundial-rehearsal-", ignore_cleanup_errors=True) as folder:
        yield Path(os.path.realpath(folder))


if __name__ == "__main__":
    sys.exit(main())
