"""The deployment that a command is about: found by its outputs, reached as far as AWS allows, or said why not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from sundial_cli.main import main
from tests.support.cloudformation import make_stack, zipped
from tests.support.families import LOGIN_AT
from tests.support.stack import OwnStack

ISSUER = "https://login.example.com"
FUNCTION = """
def handler(event, context):
    command = event.get("command")
    if command == "list":
        return {"at": %d, "not_before": 0, "signing_keys": [], "mac_keys": [], "asked_as": context.invoked_function_arn}
    if command == "rotate":
        return {"refused": "wait until %d (epoch seconds)"}
    raise RuntimeError("the key ring can't be reached")
"""


@pytest.fixture
def name(stack: OwnStack, aws_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A CloudFormation stack with the outputs of template.yaml, whose rotation function is a stand-in."""
    name = f"sundial-{uuid4().hex[:8]}"
    function = f"{name}-rotate"
    lambda_ = boto3.client("lambda")
    lambda_.create_function(
        FunctionName=function,
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/rotate",
        Code={"ZipFile": zipped({"app.py": FUNCTION % (LOGIN_AT, LOGIN_AT + 3600)})},
        Publish=True,
    )
    lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    outputs = {
        "Issuer": ISSUER,
        "FamiliesTableName": stack.families_table,
        "DirectoryTableName": stack.directory_table,
        "PublicKeysTableName": stack.public_keys_table,
        "EventBusName": stack.event_bus,
        "RotateKeysFunctionName": function,
    }
    make_stack(name, outputs)
    yield name
    lambda_.delete_function(FunctionName=function)


def test_a_stack_is_found_by_its_name_and_its_live_rotation_is_asked(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "list", "--stack", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["asked_as"].endswith(f"{name}-rotate:live")
    assert main(["keys", "list", "--stack", name]) == 0
    assert f"{ISSUER}: the stack {name} in eu-central-1" in capsys.readouterr().out


def test_a_stack_can_be_named_in_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUNDIAL_STACK", name)
    assert main(["sessions", "list", "--all"]) == 0
    assert capsys.readouterr().out == "No such login.\n"


def test_what_the_function_refuses_is_status_1(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "rotate", "--stack", name]) == 1
    assert capsys.readouterr().err.startswith("sundial: wait until 2027-01-15 09:00:00Z")


def test_a_function_that_fails_is_status_3_with_its_own_words(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sessions", "watermark", "--stack", name, "--yes", "now"]) == 3
    assert "the key rotation failed: the key ring can't be reached" in capsys.readouterr().err


def test_a_stack_that_is_not_there_is_status_2(
    aws_environment: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "list", "--stack", "nonesuch"]) == 2
    assert "there is no stack nonesuch in eu-central-1: say --stack, --region or --profile" in capsys.readouterr().err


def test_a_stack_of_something_else_is_status_2(
    stack: OwnStack, aws_environment: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"other-{uuid4().hex[:8]}"
    make_stack(name, {"Url": "https://example.com"})
    assert main(["keys", "list", "--stack", name]) == 2
    assert "has no output" in capsys.readouterr().err


# what AWS says, and what an operator can do about it


def says(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["keys", "list", *arguments])
    printed = capsys.readouterr()
    assert printed.out == ""
    return status, printed.err


def test_no_credentials(
    aws_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    status, err = says(capsys)
    assert status == 3
    assert "aws sso login" in err


def test_no_region(
    aws_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    status, err = says(capsys)
    assert status == 3
    assert "say --region" in err


def test_a_profile_that_is_not_there(aws_environment: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    status, err = says(capsys, "--profile", "nonesuch")
    assert status == 3
    assert "nonesuch" in err


def test_nobody_answers(
    aws_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    status, err = says(capsys)
    assert status == 3
    assert err.startswith("sundial: AWS: Could not connect")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("AccessDenied", "docs/operations.md says which rights an operator needs"),
        ("AccessDeniedException", "docs/operations.md says which rights an operator needs"),
        ("ExpiredToken", "log in again"),
        ("ExpiredTokenException", "log in again"),
        ("InternalFailure", "DescribeStacks: InternalFailure"),
    ],
)
def test_what_aws_refuses(
    code: str,
    advice: str,
    aws_environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    def refuse(_self: BaseClient, operation: str, _arguments: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    status, err = says(capsys)
    assert status == 3
    assert advice in err


# the local stack


def test_a_local_stack_that_was_never_served_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, err = says(capsys, "--state", str(tmp_path))
    assert status == 3
    assert "start `make run` first" in err


def test_a_local_stack_that_has_stopped_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "environment").write_text("export AWS_ENDPOINT_URL=http://127.0.0.1:1\n", encoding="utf-8")
    status, err = says(capsys, "--state", str(tmp_path))
    assert status == 3
    assert "nothing answers at http://127.0.0.1:1: start `make run` first" in err
