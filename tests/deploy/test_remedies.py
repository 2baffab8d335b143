"""What the pages say to do at once: the commands of AWS's command line in their text, on what has just been broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import boto3
import pytest

from sundial_local.ministack import MiniStack
from tests.support.aws_cli import AwsCli, needs_aws_cli
from tests.support.cloudformation import RESOURCES, make_stack, resource_ids
from tests.support.pages import every_command

STACK = "sundial-dev"

pytestmark = needs_aws_cli


@pytest.fixture
def ids(everything: MiniStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, str]]:
    """What the resources of a stack are called that has a secret, a key under an alias, and functions."""
    for name, value in everything.environment.items():
        monkeypatch.setenv(name, value)
    secret = {"Name": "sundial/STACK/key-ring", "SecretString": "{}"}
    alias = {"AliasName": "alias/sundial/STACK/key-ring", "TargetKeyId": {"Ref": "KeyRingKey"}}
    wanted = ("KeyRingKey", "RotateKeysFunction", "RotateKeysFunctionVersion", "RotateKeysFunctionAliaslive")
    make_stack(
        STACK,
        {},
        {
            **{name: RESOURCES[name] for name in wanted},
            "KeyRing": {"Type": "AWS::SecretsManager::Secret", "Properties": secret},
            "KeyRingAlias": {"Type": "AWS::KMS::Alias", "Properties": alias},
        },
    )
    yield resource_ids(STACK)
    boto3.client("cloudformation").delete_stack(StackName=STACK)


@dataclass(frozen=True, slots=True)
class Breakage:
    """What makes a command necessary, and how it shows that it has helped."""

    happens: Callable[[], Any]
    is_over: Callable[[], bool]


def breakages(ids: Mapping[str, str]) -> Mapping[str, Breakage]:
    """Return what each command of AWS's is for."""
    secrets, kms = boto3.client("secretsmanager"), boto3.client("kms")
    secret, key = ids["KeyRing"], ids["KeyRingKey"]

    def key_is(state: str) -> Callable[[], bool]:
        return lambda: kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == state

    return {
        "restore-secret": Breakage(
            lambda: secrets.delete_secret(SecretId=secret),
            lambda: "DeletedDate" not in secrets.describe_secret(SecretId=secret),
        ),
        "enable-key": Breakage(lambda: kms.disable_key(KeyId=key), key_is("Enabled")),
        "cancel-key-deletion": Breakage(lambda: kms.schedule_key_deletion(KeyId=key), key_is("Disabled")),
    }


def test_what_to_do_at_once_mends_what_was_broken(ids: Mapping[str, str], aws: AwsCli, tmp_path: Path) -> None:
    broken = breakages(ids)
    instead = {
        "--secret-id ARN": f"--secret-id {ids['KeyRing']}",
        "--key-id ID": f"--key-id {ids['KeyRingKey']}",
        "FUNCTION:live": f"{ids['RotateKeysFunction']}:live",
        "STACK-RotateKeysFunction-…": ids["RotateKeysFunction"],
        "STACK": STACK,
        "/dev/stdout": str(tmp_path / "answer"),
    }
    printed = {}
    with (
        every_command("docs/operations.md", "aws secretsmanager ", "aws lambda ", "aws kms ", "aws route53 ") as one,
        every_command("docs/troubleshooting.md", "aws ") as other,
    ):
        for command in (*one, *other):
            operation = command.split()[2]
            if operation in broken:
                broken[operation].happens()
            typed = reduce(lambda text, replaced: text.replace(*replaced), instead.items(), command)
            printed[operation] = aws(typed)
            assert operation not in broken or broken[operation].is_over(), command
    assert ids["KeyRingKey"].endswith(printed["describe-key"].strip('"'))
    assert (tmp_path / "answer").read_text("utf-8") == "{}"
    assert "HostedZones" in printed["list-hosted-zones"]


def test_a_stack_is_looked_at_and_taken_down(ids: Mapping[str, str], aws: AwsCli, tmp_path: Path) -> None:
    with every_command(
        "docs/operations.md", "aws cloudformation describe-stack-", "aws cloudformation continue-"
    ) as shown:
        describe, go_on = (command.replace("STACK", STACK) for command in shown)
        assert "CREATE_COMPLETE" in aws(describe)
        # No emulator brings a stack to where this helps; of any other it is refused.
        with pytest.raises(AssertionError, match="cannot be called from current stack status"):
            aws(go_on)
    with every_command("docs/deployment.md", "aws lambda", "aws cloudformation delete-stack") as (smoke, delete):
        answer = tmp_path / "answer"
        aws(smoke.replace("STACK-SmokeFunction-…", ids["RotateKeysFunction"]).replace("/dev/stdout", str(answer)))
        assert answer.read_text("utf-8") == "{}"
        aws(delete)
