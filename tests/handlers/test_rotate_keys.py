"""The function `rotate_keys`, on the template's secret and table."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sundial.errors import OAuthError
from sundial.keys.ring import signing_key
from sundial.keys.scheduled import Handler, rotation_handler
from tests.support.config import APP
from tests.support.deployed import deployed
from tests.support.events import load, recorded_events
from tests.support.keys import HOUR, T0
from tests.support.logs import logged
from tests.support.stack import OwnStack
from tests.support.told import metrics_of

SCHEDULE = next(path for function, path in recorded_events() if function == "rotate_keys")


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def handler(stack: OwnStack, tmp_path: Path, clock: Clock) -> Handler:
    return rotation_handler(deployed(stack, tmp_path, APP + "signing: {algorithms: [ES256]}\n"), clock=clock)


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics_of(capsys.readouterr().out)}


def test_the_schedules_event_makes_the_first_keys(handler: Handler) -> None:
    report = handler(load(SCHEDULE), None)
    assert [change["what"] for change in report["changes"]].count("made") == 4
    assert list(report["active"]) == ["ES256"]
    assert report["active"]["ES256"]["age_seconds"] == 0
    assert report["next_change_at"] > T0


def test_a_second_event_finds_nothing_to_do(handler: Handler) -> None:
    first = handler(load(SCHEDULE), None)
    second = handler(load(SCHEDULE), None)
    assert second["changes"] == []
    assert second["serial"] == first["serial"]


def test_a_run_reports_how_old_the_active_key_is_and_that_none_is_overdue(
    handler: Handler, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    handler({}, None)
    clock.now += HOUR
    capsys.readouterr()
    handler({}, None)
    found = metrics(capsys)
    assert found["SigningKeyAge"] == HOUR
    assert found["KeyRotationOverdue"] == 0


def test_what_happens_to_keys_is_logged_without_a_private_half(
    stack: OwnStack, handler: Handler, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for _ in range(40):
        handler({}, None)
        clock.now += HOUR
    text = logged(caplog)
    for message in ("key made", "key published", "key retired", "key dropped"):
        assert message in text
    assert "PRIVATE" not in text
    secret = json.loads(stack.secretsmanager.get_secret_value(SecretId=stack.secret_id)["SecretString"])
    for key in secret["mac_keys"]:
        assert key["secret"] not in text
    for key in secret["signing_keys"]:
        assert not key["private_pem"] or key["private_pem"].splitlines()[1] not in text


def test_an_operator_revokes_a_key_by_an_invocation(stack: OwnStack, handler: Handler, clock: Clock) -> None:
    leaked = handler({}, None)["active"]["ES256"]["kid"]
    clock.now += 4 * HOUR
    handler({}, None)
    report = handler({"command": "revoke", "kid": leaked}, None)
    assert {"what": "revoked", "kid": leaked, "alg": "ES256"} in report["changes"]
    assert report["active"]["ES256"]["kid"] != leaked
    assert report["everywhere_at"] == clock.now + 300
    value = stack.secretsmanager.get_secret_value(SecretId=stack.secret_id)["SecretString"]
    assert leaked not in value


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"command": "rotate"}, "in every verifier's cache only from"),
        ({"command": "revoke", "kid": "nonesuch"}, "no key nonesuch"),
        ({"command": "dance"}, "the commands are"),
        ({"command": "watermark", "not_before": T0 + HOUR}, "future"),
    ],
)
def test_a_command_that_cannot_be_obeyed_is_answered_with_why(
    handler: Handler, event: dict[str, Any], why: str
) -> None:
    handler({}, None)
    answer = handler(event, None)
    assert list(answer) == ["refused"]
    assert why in answer["refused"]


def test_a_secret_that_is_out_of_reach_fails_the_run_so_that_it_is_tried_again_and_an_alarm_rings(
    stack: OwnStack, tmp_path: Path, clock: Clock
) -> None:
    without_secret = deployed(stack, tmp_path, SUNDIAL_SECRET="nonesuch")
    with pytest.raises(OAuthError):
        rotation_handler(without_secret, clock=clock)({}, None)


def test_two_functions_at_once_leave_one_ring_that_is_served(stack: OwnStack, tmp_path: Path, clock: Clock) -> None:
    deployment = deployed(stack, tmp_path, APP + "signing: {algorithms: [ES256]}\n")
    handlers = [rotation_handler(deployment, clock=clock) for _ in range(4)]
    for _ in range(6):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda each: each({}, None), handlers))
        ring, _ = deployment.vault.read()
        served = deployment.public_keys.load()
        assert ring is not None
        assert served is not None
        assert {jwk["kid"] for jwk in served.keys} == {key.kid for key in ring.signing_keys}
        assert signing_key(ring, "ES256", int(clock())) is not None
        assert len([key for key in ring.signing_keys if key.created_at == clock.now]) <= 2
        clock.now += 2 * HOUR
