"""The pipeline: what runs is pinned, what is built is what is deployed, and dev comes before prod."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sundial_local.paths import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
ACTION = ROOT / ".github" / "actions" / "deploy" / "action.yml"
FILES = [*sorted(WORKFLOWS.glob("*.yml")), ACTION]
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
LOCAL = re.compile(r"\./\.github/(workflows/\w+\.yml|actions/\w+)")


def document(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = document(WORKFLOWS / "deploy.yml")["jobs"]
    return found


def steps() -> Iterator[dict[str, Any]]:
    for path in FILES:
        loaded = document(path)
        for job in [*loaded.get("jobs", {}).values(), loaded.get("runs", {})]:
            yield from job.get("steps", ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_action_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    uses = re.findall(r"uses: (.+)", path.read_text("utf-8"))
    assert [one for one in uses if not PINNED.fullmatch(one) and not LOCAL.fullmatch(one)] == []


def test_one_version_of_an_action_is_used_everywhere() -> None:
    uses = {one for path in FILES for one in re.findall(r"uses: (\S+@\S+ # \S+)", path.read_text("utf-8"))}
    assert len({one.partition("@")[0] for one in uses}) == len(uses)


def test_it_is_checked_then_built_once_then_deployed_to_dev_then_to_prod(jobs: dict[str, Any]) -> None:
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "check": None,
        "build": "check",
        "dev": "build",
        "prod": ["build", "dev"],
    }
    assert jobs["check"]["uses"] == "./.github/workflows/ci.yml"
    for name in ("dev", "prod"):
        assert jobs[name]["environment"]["name"] == name
        [deploy] = [step for step in jobs[name]["steps"] if step["uses"] == "./.github/actions/deploy"]
        assert deploy["with"]["environment"] == name
        assert deploy["with"]["sha256"] == "${{ needs.build.outputs.sha256 }}"
    assert not [step for step in document(ACTION)["runs"]["steps"] if "build" in step.get("run", "").split()]


def test_nothing_of_it_runs_in_a_repository_that_has_not_asked_for_it(jobs: dict[str, Any]) -> None:
    assert jobs["check"]["if"] == "vars.DEPLOY == 'yes'"
    assert not [name for name, job in jobs.items() if name != "check" and ("if" in job or not job["needs"])]


def test_only_the_jobs_that_deploy_can_prove_who_they_are(jobs: dict[str, Any]) -> None:
    assert document(WORKFLOWS / "deploy.yml")["permissions"] == {"contents": "read"}
    assert {name: job.get("permissions") for name, job in jobs.items()} == {
        "check": None,
        "build": None,
        "dev": {"contents": "read", "id-token": "write"},
        "prod": {"contents": "read", "id-token": "write"},
    }


def test_no_expression_stands_in_a_command() -> None:
    commands = [step["run"] for step in steps() if "run" in step]
    assert commands
    assert not [command for command in commands if "${{" in command]


def test_every_command_is_one_that_bash_can_read() -> None:
    for step in steps():
        if "run" in step:
            subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)  # noqa: S607  any bash will do


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_pipeline_deploys_by_cloudformations_own_role_into_its_own_bucket() -> None:
    [deploy] = [step for step in document(ACTION)["runs"]["steps"] if "sam deploy" in step.get("run", "")]
    assert '--role-arn "$EXECUTION_ROLE" --s3-bucket "$ARTIFACT_BUCKET"' in deploy["run"]
    assert '--config-env "$ENVIRONMENT" --no-confirm-changeset' in deploy["run"]
    # What `sam deploy` refuses beside a bucket is taken out of its configuration.
    assert "sed --in-place '/^resolve_s3 /d' samconfig.toml" in deploy["run"]
    assert re.search(r"^resolve_s3 = true$", (ROOT / "samconfig.toml").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_stack_has_the_tags_by_which_the_bootstrap_template_knows_its_keys(environment: str) -> None:
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))[environment]
    assert configured["deploy"]["parameters"]["tags"] == ["application=sundial", f"environment={environment}"]
    assert len(configured["global"]["parameters"]["stack_name"]) <= 24
