"""A copy of the checkout to build and deploy from: what is rehearsed changes nothing in the checkout itself."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sundial_local.paths import ROOT
from sundial_rehearsal.report import StepFailedError

ENVIRONMENT = "local"
"""Of samconfig.toml: the environment that is deployed to an AWS on loopback."""
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_COPIED = (
    *("events", "functions", "layers", "requirements", "tools"),
    *("Makefile", "pyproject.toml", "samconfig.toml", "template.yaml"),
)
_LINKED = (".venv-run", ".venv-sam", ".venv-uv")
_LINES_OF_A_FAILURE = 40


@dataclass(frozen=True, slots=True)
class Workshop:
    """`folder` holds the copy; `runtime` is the folder of the functions' python3.13; `variables` lead to the AWS."""

    folder: Path
    runtime: Path
    variables: Mapping[str, str]

    def fill(self) -> None:
        """Copy what is built and deployed; the environments are the checkout's.

        `local` gets this machine's Architecture, as somebody would write it there whose functions are not for arm64.
        """
        self.folder.mkdir()
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules")
        for name in _COPIED:
            source, target = ROOT / name, self.folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy2(source, target)
        for name in _LINKED:
            (self.folder / name).symlink_to(ROOT / name)
        file = self.folder / "samconfig.toml"
        before, local, after = file.read_text("utf-8").partition(f"[{ENVIRONMENT}.deploy.parameters]")
        opening = "parameter_overrides = ["
        written = after.replace(opening, f'{opening}"Architecture={self.architecture}", ', 1)
        file.write_text(f"{before}{local}{written}", "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """The variables that commands find: those that lead to the AWS, and the functions' Python first on PATH."""
        return {
            **self.variables,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "ARCH": self.architecture,
            "PATH": f"{self.runtime}{os.pathsep}{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
            "NO_COLOR": "1",
        }

    @property
    def architecture(self) -> str:
        """This machine's, as Lambda names it."""
        return ARCHITECTURES[platform.machine().lower()]

    def sam(self, command: str, *options: str) -> str:
        """Run `sam COMMAND OPTIONS` and return what it printed. Raises StepFailedError with its last lines."""
        done = self._run(command, *options)
        if done.returncode:
            raise StepFailedError(f"`sam {command}` ended with status {done.returncode}", last_lines(done.stdout))
        return done.stdout

    def refused(self, command: str, *options: str) -> str:
        """Run what has to fail, and return what it printed. Raises StepFailedError where it doesn't."""
        done = self._run(command, *options)
        if not done.returncode:
            raise StepFailedError(f"`sam {command}` was to be refused, and was not", last_lines(done.stdout))
        return done.stdout

    def status(self) -> list[dict[str, str]]:
        """Return what `sundial status` finds of the stack. Raises StepFailedError where it finds nothing out."""
        options = ["--json", "--stack", self.stack, "--region", self.region]
        done = subprocess.run(
            [sys.executable, "-m", "sundial_cli", "status", *options],
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout:
            raise StepFailedError(f"`sundial status` ended with status {done.returncode}", last_lines(done.stderr))
        findings: list[dict[str, str]] = json.loads(done.stdout)["findings"]
        return findings

    def _run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        sam = self.folder / ".venv-sam" / "bin" / "sam"
        return run_to_its_end([sam, command, *options], self.folder, {**os.environ, **self.environment})

    def parameters(self, **others: str) -> list[str]:
        """Return samconfig.toml's parameters of `local`, and `others`, which win."""
        configured = tomllib.loads((self.folder / "samconfig.toml").read_text("utf-8"))
        pairs = configured[ENVIRONMENT]["deploy"]["parameters"]["parameter_overrides"]
        given = dict(pair.split("=", 1) for pair in pairs)
        return [f"{name}={value}" for name, value in {**given, **others}.items()]

    @property
    def stack(self) -> str:
        """The name of the stack."""
        configured = tomllib.loads((self.folder / "samconfig.toml").read_text("utf-8"))
        return str(configured[ENVIRONMENT]["global"]["parameters"]["stack_name"])

    @property
    def region(self) -> str:
        """Where samconfig.toml puts it."""
        configured = tomllib.loads((self.folder / "samconfig.toml").read_text("utf-8"))
        return str(configured[ENVIRONMENT]["deploy"]["parameters"]["region"])


def run_to_its_end(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed, errors with the rest. It ends with us, and all that it has started."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # to which all of that belongs
    ) as process:
        try:
            said, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, said)


def last_lines(text: str, count: int = _LINES_OF_A_FAILURE) -> str:
    """Return the last lines of what a command printed."""
    return "\n".join(text.rstrip().splitlines()[-count:])
