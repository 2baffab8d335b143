"""AWS's own command line, started once for many commands: it takes a second to load."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import pytest

from sundial_local.paths import ROOT

PYTHON = ROOT / ".venv-awscli" / "bin" / "python"

needs_aws_cli = pytest.mark.skipif(
    not PYTHON.exists(), reason="needs AWS's command line in .venv-awscli, which `make test` prepares"
)
_DRIVER = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
answers = sys.stdout
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = create_clidriver().main(json.loads(line))
    print(json.dumps([status, out.getvalue(), err.getvalue()]), file=answers, flush=True)
"""


@dataclass(frozen=True, slots=True)
class AwsCli:
    """Runs `aws` commands as they are typed."""

    commands: IO[str]
    answers: IO[str]

    def __call__(self, command: str) -> str:
        """Return what `aws …` prints; fails where its exit status is not 0."""
        aws, *arguments = shlex.split(command)
        assert aws == "aws"
        print(json.dumps(arguments), file=self.commands, flush=True)
        status, out, err = json.loads(self.answers.readline())
        assert status == 0, f"{command}: {err}{out}"
        return str(out).strip()


@contextmanager
def aws_cli(environment: Mapping[str, str]) -> Iterator[AwsCli]:
    """Start it, with these variables beside those of the process, until the block ends."""
    variables = {**os.environ, **environment, "AWS_PAGER": ""}
    with subprocess.Popen(
        [PYTHON, "-c", _DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield AwsCli(process.stdin, process.stdout)
        process.stdin.close()
