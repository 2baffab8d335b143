"""The commands that the pages for deploying and operating show: of AWS's command line, on MiniStack, and of make."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sundial_local.ministack import MiniStack
from sundial_local.paths import ROOT
from tests.support.aws_cli import AwsCli, needs_aws_cli
from tests.support.pages import every_command
from tests.support.shell import typed

PROVIDER = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"


def in_the_checkout(command: str) -> str:
    """Return a command as it is typed there, whichever folder the tests run in."""
    return command.replace("--template-file ", f"--template-file {ROOT}/")


@needs_aws_cli
def test_the_bootstrap_stack_is_made_and_says_what_the_pipeline_has_to_know(aws: AwsCli) -> None:
    with every_command("docs/deployment.md", "aws cloudformation deploy", "aws cloudformation describe") as (
        deploy,
        describe,
    ):
        # MiniStack makes no provider of this kind: it gets the one that "an account has already".
        assert "successfully" in aws(f"{in_the_checkout(deploy)} OidcProviderArn={PROVIDER}").lower()
        outputs = {output["OutputKey"] for output in json.loads(aws(f"{describe} --output json"))}
    assert {"DeployRoleArn", "ExecutionRoleArn", "ArtifactBucket", "BoundaryArn", "ProviderArn"} <= outputs


@needs_aws_cli
def test_what_cloudfront_needs_is_made_and_says_what_the_template_has_to_know(aws: AwsCli) -> None:
    with every_command("docs/operations.md", "aws cloudformation deploy", "aws cloudformation describe-stacks") as (
        deploy,
        describe,
    ):
        assert "successfully" in aws(in_the_checkout(deploy)).lower()
        outputs = {output["OutputKey"] for output in json.loads(aws(f"{describe} --output json"))}
    assert {"CertificateArn", "WebAclArn"} <= outputs


@needs_aws_cli
def test_a_dead_letter_is_read_and_the_queue_is_purged(aws: AwsCli, everything: MiniStack) -> None:
    there = f"--endpoint-url {everything.endpoint}"  # of all services, the command line looks for this one elsewhere
    url = json.loads(aws(f"aws sqs create-queue --queue-name failures --output json {there}"))["QueueUrl"]
    aws(f"aws sqs send-message --queue-url {url} --message-body why {there}")
    with every_command("docs/operations.md", "aws sqs") as (read, purge):
        assert "why" in aws(f"{read.replace('URL', url)} {there}")
        aws(f"{purge.replace('URL', url)} {there}")


RECORDER = """\
#!/bin/sh
echo "$ARCH $PYTHON_VERSION: $*" >> "$RECORD"
"""
"""In the place of `sam`, which `make rehearse` runs in earnest."""


@pytest.mark.skipif(
    not all((ROOT / name / ".complete").exists() for name in (".venv-run", ".venv-sam")),
    reason="needs the environments of `make build` (`make test` makes them)",
)
def test_what_is_deployed_to_production_is_built_as_its_environment_says(tmp_path: Path) -> None:
    for program in ("sam", "python3.13"):
        (tmp_path / program).write_text(RECORDER if program == "sam" else "#!/bin/sh\n", "utf-8")
        (tmp_path / program).chmod(0o755)
    record, path = tmp_path / "record", f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with every_command("docs/migrating-from-dex.md", "make ") as (deploy,):
        typed(f"{deploy} SAM={tmp_path / 'sam'}", tmp_path, at=ROOT, PATH=path, RECORD=str(record))
    build, deployed = record.read_text("utf-8").splitlines()
    assert build == "arm64 3.13: build --parameter-overrides Architecture=arm64 PythonRuntime=python3.13"
    assert deployed.partition(": ")[2] == "deploy --config-env prod"
