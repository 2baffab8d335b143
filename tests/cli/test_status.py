"""`sundial status`: what is well, what isn't and what to do about it, and what couldn't be seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from sundial.version import VERSION
from sundial_cli.health.alarms import alarm_findings
from sundial_cli.health.finding import Verdict, bad, exit_status, ok, unseen, warning, worst
from sundial_cli.health.keys import ring_findings
from sundial_cli.health.stack import function_finding, layers_findings, unpublished_findings
from sundial_cli.main import main
from sundial_local.paths import ROOT
from tests.support.aws_cli import aws_cli, needs_aws_cli
from tests.support.cloudformation import RESOURCES, make_stack, resource_ids
from tests.support.issuer import served
from tests.support.keys import HOUR
from tests.support.live_issuer import Issuer, live
from tests.support.operator import Operator
from tests.support.stack import OwnStack

Served = tuple[Operator, Issuer]


def lines(out: str, verdict: str) -> list[str]:
    """Return the findings of a verdict."""
    return re.findall(rf"^  {verdict} +(.*)$", out, re.MULTILINE)


# the local stack


def test_a_deployment_as_it_should_be_is_status_0(issuer: Served) -> None:
    sundial, _ = issuer
    result = sundial("status")
    assert (result.status, result.err) == (0, "")
    assert not lines(result.out, "(?:warning|bad|unseen)")
    assert f"Sundial {VERSION} is deployed" in result.out
    assert re.search(r"ES256: \S+ has signed for 1 h; \S+ follows at ", result.out)
    assert re.search(r"\n\d+ ok\n$", result.out)
    document = sundial("status --json").json
    assert (document["verdict"], document["at"]) == ("ok", sundial.now)
    assert {finding["area"] for finding in document["findings"]} == {"keys", "issuer", "tables", "encryption"}


def test_what_is_not_as_it_should_be_is_said_with_what_to_do_and_the_page(issuer: Served, stack: OwnStack) -> None:
    sundial, _ = issuer
    stack.kms.disable_key(KeyId=stack.environment["SUNDIAL_KMS_KEY"])
    stack.secretsmanager.delete_secret(SecretId=stack.secret_id)
    stack.dynamodb.delete_table(TableName=stack.directory_table)
    off = {"Enabled": False, "AttributeName": "ttl"}
    stack.dynamodb.update_time_to_live(TableName=stack.families_table, TimeToLiveSpecification=off)
    result = sundial("status")
    assert result.status == 1
    found = "\n".join(lines(result.out, "bad"))
    for problem in ("KMS key KeyRingKey is disabled", "secret KeyRing was deleted", "DirectoryTable is gone"):
        assert problem in found
    assert lines(result.out, "warning")[0].startswith("FamiliesTable keeps what is over for ever")
    assert "do: aws kms enable-key --key-id " in result.out
    assert f"do: aws secretsmanager restore-secret --secret-id {stack.secret_id}" in result.out
    assert "docs/operations.md#restoring-a-table-from-a-backup" in result.out


def test_an_issuer_that_verifiers_do_not_reach_is_bad_and_the_rest_is_looked_at(issuer: Served) -> None:
    sundial, served = issuer
    served.between = lambda _answer: lambda _path: {"statusCode": 503}
    result = sundial("status")
    assert result.status == 1
    assert [text for text in lines(result.out, "bad") if "answers 503" in text]
    assert lines(result.out, "ok")


def test_a_warning_counts_where_a_script_is_strict(issuer: Served) -> None:
    sundial, _ = issuer
    live(sundial, 0)
    sundial.now += 40 * HOUR  # and the rotation has not run
    assert (sundial("status").status, sundial("status --strict").status) == (0, 1)
    assert "OVERDUE" in lines(sundial("status").out, "warning")[0]


# a stack of CloudFormation

INVENTORY = {
    "at": 1800000000,
    "version": VERSION,
    "serial": 1,
    "not_before": 0,
    "algorithms": [],
    "signing_keys": [],
    "mac_keys": [],
    "published": None,
}


@pytest.fixture
def name(aws_environment: Mapping[str, str]) -> Iterator[str]:
    """A stack with a table, a key, a secret, a function, a schedule, an alarm and a topic, all as they should be."""
    name = f"sundial-{uuid4().hex[:8]}"
    with served(lambda: lambda _path: {"statusCode": 503}) as url:
        outputs = {
            "Issuer": url,
            "FamiliesTableName": {"Ref": "FamiliesTable"},
            "DirectoryTableName": {"Ref": "FamiliesTable"},
            "PublicKeysTableName": {"Ref": "FamiliesTable"},
            "EventBusName": "default",
            "RotateKeysFunctionName": {"Ref": "RotateKeysFunction"},
        }
        make_stack(name, outputs, RESOURCES)
        boto3.client("dynamodb").update_continuous_backups(  # which MiniStack doesn't take from a template
            TableName=resource_ids(name)["FamiliesTable"],
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
        yield name


@pytest.fixture
def rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rotation function answers, without being run."""
    monkeypatch.setattr("sundial_cli.target._invoke", lambda *_: INVENTORY)


Refusals = Callable[[Callable[[str], bool]], None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refusals:
    """Return a function that has IAM refuse the operations that `refused` holds for."""
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def refusing(refused: Callable[[str], bool]) -> None:
        def checked(self: BaseClient, operation: str, arguments: Any) -> Any:
            if refused(operation):
                action = f"{self.meta.service_model.signing_name}:{operation}"
                message = f"User: arn:aws:iam::1:user/jo is not authorized to perform: {action} on resource: arn:x"
                raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, operation)
            return call(self, operation, arguments)

        monkeypatch.setattr(BaseClient, "_make_api_call", checked)

    return refusing


def status(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    exit = main(["status", *arguments])
    return exit, capsys.readouterr().out


@pytest.mark.usefixtures("rotation")
def test_a_stack_is_looked_at_by_what_it_is_made_of(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    boto3.client("sns").subscribe(
        TopicArn=f"arn:aws:sns:eu-central-1:000000000000:{name}", Protocol="email", Endpoint="jo@example.com"
    )
    _, out = status(capsys, "--stack", name)
    well = "\n".join(lines(out, "ok"))
    for text in (
        "the stack is CREATE_COMPLETE",
        "FamiliesTable is active, and protected from deletion",
        "FamiliesTable can be restored",
        "the KMS key KeyRingKey is enabled",
        "the secret KeyRing is there",
        "RotateKeysFunction: live is version 1",
        "the schedule runs the rotation at rate(10 minutes)",
        "1 of 1 alarms is quiet",
    ):
        assert text in well


def switch_everything_off(name: str) -> dict[str, str]:
    """Switch off what can be switched off in a stack; return what its resources are called."""
    dynamodb, kms = boto3.client("dynamodb"), boto3.client("kms")
    scheduler, cloudwatch = boto3.client("scheduler"), boto3.client("cloudwatch")
    ids = resource_ids(name)
    table = ids["FamiliesTable"]
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    kms.schedule_key_deletion(KeyId=ids["KeyRingKey"], PendingWindowInDays=7)
    schedule = scheduler.get_schedule(Name=f"{name}-rotate")
    scheduler.update_schedule(
        State="DISABLED",
        Name=schedule["Name"],
        ScheduleExpression=schedule["ScheduleExpression"],
        FlexibleTimeWindow=schedule["FlexibleTimeWindow"],
        Target=schedule["Target"],
    )
    cloudwatch.set_alarm_state(AlarmName=f"{name}-integrity", StateValue="ALARM", StateReason="try")
    cloudwatch.disable_alarm_actions(AlarmNames=[f"{name}-integrity"])
    return ids


@pytest.mark.usefixtures("rotation")
def test_each_thing_that_somebody_has_switched_off_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ids = switch_everything_off(name)
    exit, out = status(capsys, "--stack", name)
    assert exit == 1
    found, unwise = "\n".join(lines(out, "bad")), "\n".join(lines(out, "warning"))
    assert "the KMS key KeyRingKey is to be deleted at " in found
    assert f"aws kms cancel-key-deletion --key-id {ids['KeyRingKey']}" in out
    assert "the schedule RotateKeysFunctionSchedule is disabled" in found
    assert f"{name}-integrity rings since " in found
    assert "do: Raise the watermark.\n           docs/operations.md#integrity\n" in out
    for text in ("can be deleted by mistake", "can't be restored", "is muted", "nobody hears of alarms"):
        assert text in unwise


@needs_aws_cli
@pytest.mark.usefixtures("rotation")
def test_what_is_said_to_do_is_what_it_takes(
    name: str, aws_environment: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    switch_everything_off(name)
    shown = re.findall(r"do: (aws .*)", status(capsys, "--stack", name)[1])
    commands = [command for remedy in shown for command in remedy.split(", and then ")]
    assert {command.split()[2] for command in commands} >= {
        "update-table",
        "update-continuous-backups",
        "cancel-key-deletion",
        "enable-key",
        "enable-alarm-actions",
    }
    with aws_cli(aws_environment) as aws:
        for command in commands:
            aws(command)
    left = re.findall(r"do: (aws .*)", status(capsys, "--stack", name)[1])
    assert left == []


def test_without_rights_each_is_named_and_the_rest_is_looked_at(
    name: str, refuse: Refusals, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(lambda operation: operation not in ("DescribeStacks", "ListStackResources", "DescribeTable"))
    exit, out = status(capsys, "--stack", name)
    assert exit == 1, "the issuer answers 503"
    hidden = "\n".join(lines(out, "unseen"))
    for action in (
        "lambda:Invoke",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:DescribeContinuousBackups",
        "kms:DescribeKey",
        "secretsmanager:DescribeSecret",
        "lambda:GetAlias",
        "scheduler:GetSchedule",
        "monitoring:DescribeAlarms",
        "sns:GetTopicAttributes",
    ):
        assert f"you lack {action}" in hidden
    assert "FamiliesTable is active, and protected from deletion" in lines(out, "ok")
    assert "docs/operations.md#rights-of-an-operator" in out


@pytest.mark.usefixtures("rotation")
def test_without_the_right_to_list_the_stack_its_keys_are_looked_at_all_the_same(
    name: str, refuse: Refusals, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(lambda operation: operation == "ListStackResources")
    _, out = status(capsys, "--stack", name)
    assert len(lines(out, "unseen")) == 1
    assert f"Sundial {VERSION} is deployed" in out


# the verdicts themselves


def test_the_exit_status_is_that_of_the_worst_finding() -> None:
    fine, careful, broken, hidden = ok("a"), warning("b", "do"), bad("c", "do"), unseen("d", "do")
    assert worst([]) is Verdict.OK
    for findings, lenient, strict in (
        ([fine], 0, 0),
        ([fine, careful], 0, 1),
        ([careful, hidden, fine], 3, 3),
        ([hidden, broken, careful], 1, 1),
    ):
        verdict = worst(findings)
        assert (exit_status(verdict, strict=False), exit_status(verdict, strict=True)) == (lenient, strict)


def test_a_ring_without_a_key_or_a_successor_and_a_deployment_of_another_version_are_found() -> None:
    alone = {"kid": "k", "alg": "ES256", "state": "active", "signs_from": 1799999000, "signs_until": None}
    ring = {**INVENTORY, "version": "0.0.9", "algorithms": ["ES256", "RS256"], "signing_keys": [alone]}
    found = {finding.text: finding.verdict for finding in ring_findings(ring)}
    assert found["Sundial 0.0.9 is deployed, and this command is " + VERSION] is Verdict.WARNING
    assert found["RS256: no key signs"] is Verdict.BAD
    assert any(text.startswith("ES256: k has signed for 16 min 40 s, and has no successor") for text in found)


def test_a_release_under_way_is_a_warning_and_a_version_that_failed_is_bad() -> None:
    halfway = {"FunctionVersion": "7", "RoutingConfig": {"AdditionalVersionWeights": {"8": 0.1}}}
    found = function_finding("TokenFunction", halfway, {})
    assert found.verdict is Verdict.WARNING
    assert "version 7, and 10% of its requests go to version 8" in found.text
    failed = {"State": "Failed", "StateReason": "no such layer"}
    assert function_finding("TokenFunction", {"FunctionVersion": "7"}, failed).verdict is Verdict.BAD


def test_a_parameter_that_no_version_has_yet_is_a_warning() -> None:
    live = {"Version": "3", "MemorySize": 512, "Environment": {"Variables": {"SUNDIAL_ISSUER": "https://a.example"}}}
    assert not list(unpublished_findings("JwksFunction", {**live, "Version": "$LATEST"}, live))
    [found] = unpublished_findings("JwksFunction", {**live, "Version": "$LATEST", "MemorySize": 1024}, live)
    assert found.verdict is Verdict.WARNING
    assert found.text == "JwksFunction: what live runs lacks the last change of its MemorySize"
    assert "samconfig.toml" in found.remedy


def test_functions_with_different_layers_are_a_warning() -> None:
    old, new = ({"Layers": [{"Arn": f"arn:aws:lambda:r:1:layer:s-config:{number}"}]} for number in (3, 4))
    [same] = layers_findings({"a": new, "b": new})
    assert same.text == "all functions have the layers s-config version 4"
    [different] = layers_findings({"a": old, "b": new})
    assert different.verdict is Verdict.WARNING


def test_an_alarm_that_is_gone_is_bad() -> None:
    [gone] = alarm_findings(["sundial-integrity"], [])
    assert (gone.verdict, gone.text) == (Verdict.BAD, "the alarm sundial-integrity is gone")


def test_each_page_that_a_finding_leads_to_is_there() -> None:
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "operations.md").read_text("utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    sources = (ROOT / "tools" / "sundial_cli" / "health").glob("*.py")
    named = {page for path in sources for page in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', path.read_text("utf-8"))}
    assert {"rotation-overdue", "jwks-out-of-step"} <= named
    assert named <= anchors


def test_the_version_is_that_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION
