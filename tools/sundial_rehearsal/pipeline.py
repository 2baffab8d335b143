"""The pipeline's own commands, from its workflow and its action as they stand, run here as GitHub's runners do.

What others wrote is not run: the actions that check out, that carry what was built from one job to the next, and
that get credentials of AWS. The rehearsal sees to those itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sundial_local.paths import ROOT
from sundial_rehearsal.report import StepFailedError
from sundial_rehearsal.workshop import last_lines, run_to_its_end

WORKFLOW = ROOT / ".github" / "workflows" / "deploy.yml"
ACTION = ROOT / ".github" / "actions" / "deploy" / "action.yml"
ARTIFACT = "sundial.tgz"
_INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
_BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
"""What runs the commands of a step whose `shell` is bash."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What one step runs; its `environment` may name inputs of the action."""

    name: str
    text: str
    environment: Mapping[str, str]


def of_the_build() -> list[Commands]:
    """Return what the job `build` runs."""
    return list(_commands(yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["build"]["steps"]))


def of_a_deployment() -> list[Commands]:
    """Return what each of the jobs `dev` and `prod` runs."""
    return list(_commands(yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]))


def _commands(steps: list[dict[str, Any]]) -> Iterator[Commands]:
    for step in steps:
        if "run" in step:
            yield Commands(step.get("name", step["run"].splitlines()[0]), step["run"], step.get("env", {}))


@dataclass(frozen=True, slots=True)
class Runner:
    """A machine that runs steps in the folder `checkout`, with `variables` in its environment."""

    checkout: Path
    variables: Mapping[str, str]

    def run(self, commands: Commands, inputs: Mapping[str, str] | None = None) -> dict[str, str]:
        """Run a step and return its outputs. Raises StepFailedError with the last lines that it printed."""
        outputs = self.checkout.with_name(f"{self.checkout.name}-outputs")
        outputs.write_text("", "utf-8")
        given = {
            name: _INPUT.sub(lambda named: (inputs or {})[named[1]], str(value))
            for name, value in commands.environment.items()
        }
        environment = {**_without_make(os.environ), **self.variables, **given, "GITHUB_OUTPUT": str(outputs)}
        done = run_to_its_end([*_BASH, commands.text], self.checkout, environment)
        if done.returncode:
            raise StepFailedError(f"{commands.name!r} ended with status {done.returncode}", last_lines(done.stdout))
        return dict(line.split("=", 1) for line in outputs.read_text("utf-8").splitlines())


def _without_make(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what the `make` that runs us tells another: its options, and ARGS."""
    return {name: value for name, value in environment.items() if not re.match("MAKE|MFLAGS|ARGS$", name)}
