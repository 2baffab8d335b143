"""What an operator sees when something of AWS fails, word for word as docs/troubleshooting.md has it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sundial.errors import OAuthError
from sundial.version import VERSION
from sundial_cli.main import main
from sundial_local.intrinsics import load_yaml
from sundial_local.paths import ROOT, TEMPLATE
from tests.compatibility.record import AT, RELEASES
from tests.compatibility.world import World
from tests.support.faults import Fault, Network, instead_of_waiting, put_between
from tests.support.logs import logged
from tests.support.stack import OwnStack

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")

REFRESHED_AFTER = 60
FIND_USER, ROTATE_TOKEN = 0, 1
"""The calls of a refresh to DynamoDB, for a user of the table."""


def delete_the_secret(world: World) -> Network:
    world.stack.secretsmanager.delete_secret(SecretId=world.stack.secret_id, RecoveryWindowInDays=7)
    return Network()


def fails(service: str, fault: Fault, call: int = 0) -> Callable[[World], Network]:
    """Return what has each attempt of a service's call fail so."""

    def put(world: World) -> Network:
        network = Network({call: (fault,) * 3})
        put_between(world.deployment.client(service), lambda: network)
        return network

    return put


@dataclass(frozen=True, slots=True)
class Trouble:
    """`section` of the page is about it; `detail` is the reason in the log."""

    section: str
    cause: Callable[[World], Network]
    detail: str
    description: str
    alarm: str
    retry_after: str = "5"


KEY_RING = "the key ring can't be reached at the moment; send the same request again"
TOKENS = "the token store can't be reached at the moment; send the same request again"

TROUBLES = (
    Trouble(
        "The secret was deleted",
        delete_the_secret,
        "GetSecretValue: InvalidRequestException",
        KEY_RING,
        "server-errors",
    ),
    Trouble(
        "The KMS key is disabled",
        fails("secretsmanager", Fault.UNDECRYPTED),
        "GetSecretValue: DecryptionFailure",
        KEY_RING,
        "server-errors",
    ),
    Trouble(
        "A permission is missing",
        fails("secretsmanager", Fault.DENIED),
        "GetSecretValue: AccessDeniedException",
        KEY_RING,
        "server-errors",
    ),
    Trouble(
        "A table is throttled",
        fails("dynamodb", Fault.THROTTLED, ROTATE_TOKEN),
        "UpdateItem: ThrottlingException",
        TOKENS,
        "table-throttles",
        retry_after="1",
    ),
)


@pytest.fixture(params=TROUBLES, ids=lambda trouble: trouble.section)
def trouble(request: pytest.FixtureRequest) -> Trouble:
    found: Trouble = request.param
    return found


@dataclass(frozen=True, slots=True)
class Met:
    """A function that has just started meets the trouble: what its client and its log say, and what it counts."""

    world: World
    answer: Any
    line: dict[str, Any]
    counted: list[str]


@pytest.fixture
def met(
    trouble: Trouble,
    stack: OwnStack,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Met]:
    release = json.loads((RELEASES / f"{VERSION}.json").read_text("utf-8"))
    token = release["held"]["tokens"]["refresh_token"]
    world = World(stack, tmp_path, release["at"] + REFRESHED_AFTER)
    world.store(release)
    with instead_of_waiting(trouble.cause(world)):
        answer = world.post_as_app("/token", grant_type="refresh_token", refresh_token=token)
        counted = re.findall(r'"Metrics":\[\{"Name":"(\w+)"', capsys.readouterr().out)
        [line] = [json.loads(line) for line in logged(caplog).splitlines() if '"message":"refused"' in line]
        yield Met(world, answer, line, counted)


def section(title: str) -> str:
    """Return the text of a section of the page."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_client_is_told_to_come_again_and_not_why(trouble: Trouble, met: Met) -> None:
    assert met.answer.status == 503
    assert met.answer.body == {"error": "temporarily_unavailable", "error_description": trouble.description}
    assert met.answer.headers["Retry-After"] == trouble.retry_after
    assert f'{{"error": "temporarily_unavailable", "error_description": "{trouble.description}"}}' in PAGE


def test_the_log_says_why(trouble: Trouble, met: Met) -> None:
    assert met.line["detail"] == trouble.detail
    assert met.line["correlation_id"] == met.answer.headers["X-Correlation-Id"]
    shown = {name: met.line[name] for name in ("message", "route", "error", "detail")}
    assert json.dumps(shown) in section(trouble.section)


def test_an_alarm_rings_that_exists_and_the_page_names_it(trouble: Trouble, met: Met) -> None:
    assert "ServerErrors" in met.counted
    alarms = {
        one["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for one in load_yaml(TEMPLATE.read_text("utf-8"))["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }
    named = set(re.findall(r"alarm\s+`([\w-]+)`", section(trouble.section)))
    assert {trouble.alarm} <= named <= alarms


def test_verifiers_notice_nothing(met: Met) -> None:
    assert met.world.get("/keys").status == 200


def test_without_the_secret_the_rotation_fails_and_says_why(stack: OwnStack, tmp_path: Path) -> None:
    world = World(stack, tmp_path, AT)
    world.rotate({}, None)
    delete_the_secret(world)
    with pytest.raises(OAuthError) as failure:
        World(stack, tmp_path, AT + 600).rotate({}, None)
    assert str(failure.value) in section("The secret was deleted")


def test_a_wrong_setting_ends_the_build_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "layers" / "config" / "sundial.yaml").read_text("utf-8")
    (tmp_path / "sundial.yaml").write_text(text.replace("idTokens: 1h ", "idTokens: 90d "), "utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["config", "compile", "sundial.yaml", "sundial.json"]) == 1  # what the layer's Makefile runs
    assert capsys.readouterr().err in section("A configuration file is wrong")


def test_before_the_first_rotation_that_is_what_is_said(
    stack: OwnStack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answer = World(stack, tmp_path, AT).post_as_app("/token", grant_type="client_credentials")
    assert answer.status == 503
    shown = {"message": "refused", "route": "POST /token", "error": "temporarily_unavailable"}
    line = json.loads(logged(caplog).splitlines()[-1])
    assert json.dumps({**shown, "detail": line["detail"]}) in section("There is no key yet")
