"""What the rotation tells: of a key that took over, of one that was revoked, of one that is overdue; and its alarms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sundial.errors import OAuthError
from sundial.keys.jwks import ITEM_ID, PublicKeys
from sundial.keys.scheduled import Handler, rotation_handler
from tests.support.config import APP
from tests.support.deployed import deployed
from tests.support.keys import HOUR, MINUTE, T0
from tests.support.stack import OwnStack
from tests.support.told import Metric, RecordingBus, messages, metrics_of, recording_events


@dataclass
class Rotation:
    """The function `rotate_keys` on a stack of its own, and the bus that it tells. It is `now`."""

    stack: OwnStack
    folder: Path
    now: int = T0
    bus: RecordingBus = field(init=False)
    handler: Handler = field(init=False)

    def __post_init__(self) -> None:
        self.deployment = deployed(self.stack, self.folder, APP + "signing: {algorithms: [ES256]}\n")
        self.deployment.events, self.bus = recording_events()
        self.handler = rotation_handler(self.deployment, clock=lambda: self.now)

    def run(self, **event: object) -> dict[str, Any]:
        return self.handler(event, None)

    def live(self, seconds: int) -> None:
        """Let the schedule's runs come until so much time has passed."""
        for _ in range(seconds // (10 * MINUTE)):
            self.now += 10 * MINUTE
            self.run()

    def active(self) -> str:
        return str(self.run()["active"]["ES256"]["kid"])


@pytest.fixture
def rotation(stack: OwnStack, tmp_path: Path) -> Rotation:
    return Rotation(stack, tmp_path)


def last(printed: str, name: str) -> Metric:
    return [metric for metric in metrics_of(printed) if metric.name == name][-1]


def test_a_key_that_took_over_is_told_once(rotation: Rotation, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    first = rotation.active()
    rotation.live(8 * HOUR)
    second = rotation.active()
    [(title, detail)] = rotation.bus.events
    assert title == "Signing Key Rotated"
    assert (detail["kid"], detail["previous_kid"], detail["signs_from"]) == (second, first, T0 + 6 * HOUR)
    assert T0 + 6 * HOUR < detail["at"] <= T0 + 6 * HOUR + 20 * MINUTE
    assert messages(caplog).count("signing_key_rotated") == 1


def test_each_rotation_is_told_and_nothing_else_in_a_day_of_runs(rotation: Rotation) -> None:
    rotation.run()
    rotation.live(25 * HOUR)
    assert rotation.bus.titles == ["Signing Key Rotated"] * 4


def test_a_revoked_key_is_told_once_with_when_it_is_over(
    rotation: Rotation, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    rotation.run()
    rotation.live(4 * HOUR)
    leaked = rotation.active()
    capsys.readouterr()
    report = rotation.run(command="revoke", kid=leaked)
    [(title, detail)] = rotation.bus.events
    assert title == "Key Revoked"
    assert (detail["alg"], detail["kid"]) == ("ES256", leaked)
    assert (detail["everywhere_at"], detail["caches_until"]) == (rotation.now + 300, rotation.now + HOUR + 60)
    assert report["everywhere_at"] == detail["everywhere_at"]
    assert report["caches_until"] == detail["caches_until"]
    assert report["all_caches_until"] == rotation.now + 3 * HOUR + 5 * MINUTE
    assert messages(caplog).count("key_revoked") == 1
    assert "key revoked" not in messages(caplog)
    assert [metric.name for metric in metrics_of(capsys.readouterr().out)].count("KeysRevoked") == 1


def test_a_revoked_mac_key_was_in_nobodys_cache(rotation: Rotation) -> None:
    rotation.run()
    rotation.live(3 * HOUR)
    [active, _] = rotation.run(command="list")["mac_keys"]
    report = rotation.run(command="revoke", kid=active["kid"])
    [(_, detail)] = rotation.bus.events
    assert (detail["alg"], detail["kid"], detail["caches_until"]) == ("MAC", active["kid"], None)
    assert "caches_until" not in report


def test_a_command_that_is_refused_tells_nothing(rotation: Rotation) -> None:
    rotation.run()
    assert "refused" in rotation.run(command="revoke", kid=rotation.active())
    assert rotation.bus.calls == []


def test_what_is_written_is_told_even_where_the_run_fails_after_it(
    rotation: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation.run()
    rotation.live(4 * HOUR)
    leaked = rotation.active()
    load = rotation.deployment.public_keys.load
    answers = iter([load])

    def fails_the_second_time() -> PublicKeys | None:
        return next(answers)()

    monkeypatch.setattr(rotation.deployment.public_keys, "load", fails_the_second_time)
    with pytest.raises(StopIteration):
        rotation.run(command="revoke", kid=leaked)
    assert rotation.bus.titles == ["Key Revoked"]


def test_an_overdue_key_is_told_by_each_run_that_finds_it_so_and_measured_by_every_run(
    rotation: Rotation, capsys: pytest.CaptureFixture[str]
) -> None:
    rotation.run()
    assert last(capsys.readouterr().out, "KeyRotationOverdue").value == 0
    rotation.now += 13 * HOUR  # no run for so long that the successor, which took over, is late itself
    rotation.run()
    assert last(capsys.readouterr().out, "KeyRotationOverdue").value == HOUR
    rotation.live(20 * MINUTE)
    overdue = [detail for title, detail in rotation.bus.events if title == "Key Rotation Overdue"]
    assert [detail["overdue_seconds"] for detail in overdue] == [3600, 4200, 4800]
    assert {detail["due_at"] for detail in overdue} == {T0 + 12 * HOUR}
    rotation.live(4 * HOUR)
    assert last(capsys.readouterr().out, "KeyRotationOverdue").value == 0


def test_a_jwks_that_is_in_step_measures_zero_over_a_day(
    rotation: Rotation, capsys: pytest.CaptureFixture[str]
) -> None:
    rotation.run()
    rotation.live(30 * HOUR)
    measured = [metric.value for metric in metrics_of(capsys.readouterr().out) if metric.name == "JwksOutOfStep"]
    assert len(measured) == 181
    assert set(measured) == {0}


def tamper(rotation: Rotation, keys: list[dict[str, str]]) -> None:
    rotation.stack.dynamodb.update_item(
        TableName=rotation.stack.public_keys_table,
        Key={"id": {"S": ITEM_ID}},
        UpdateExpression="SET #keys = :keys",
        ExpressionAttributeNames={"#keys": "keys"},
        ExpressionAttributeValues={":keys": {"S": json.dumps(keys)}},
    )


@pytest.mark.parametrize("what", ["a key is missing", "there is one too many", "a key is another", "it is gone"])
def test_a_jwks_that_is_out_of_step_is_measured_and_mended(
    what: str, rotation: Rotation, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    rotation.run()
    served = rotation.deployment.public_keys.load()
    assert served is not None
    first, *rest = (dict(jwk) for jwk in served.keys)
    match what:
        case "a key is missing":
            tamper(rotation, rest)
        case "there is one too many":
            tamper(rotation, [first, *rest, {**first, "kid": "forged"}])
        case "a key is another":
            tamper(rotation, [{**first, "x": first["y"]}, *rest])
        case _:
            rotation.stack.dynamodb.delete_item(TableName=rotation.stack.public_keys_table, Key={"id": {"S": ITEM_ID}})
    capsys.readouterr()
    rotation.run()
    assert last(capsys.readouterr().out, "JwksOutOfStep").value == 1
    assert "jwks_out_of_step" in messages(caplog)
    assert rotation.deployment.public_keys.load() == served
    rotation.run()
    assert last(capsys.readouterr().out, "JwksOutOfStep").value == 0


def test_the_list_is_the_ring_without_its_private_halves_and_changes_nothing(rotation: Rotation) -> None:
    rotation.run()
    rotation.live(8 * HOUR)
    before = rotation.deployment.vault.read()
    document = rotation.run(command="list")
    assert rotation.deployment.vault.read() == before
    ring, _ = before
    assert ring is not None
    assert [key["kid"] for key in document["signing_keys"]] == [key.kid for key in ring.signing_keys]
    assert [key["state"] for key in document["signing_keys"]] == ["retired", "active", "pending", "pending"]
    assert [key["state"] for key in document["mac_keys"]] == ["active", "pending"]
    assert document["published"]["keys"] == [dict(key.public_jwk) for key in ring.signing_keys]
    text = json.dumps(document)
    assert "PRIVATE" not in text
    assert not {"private_pem", "secret", "d"} & {
        name for key in document["signing_keys"] for name in (*key, *key["jwk"])
    }


def test_a_list_before_the_first_run_is_empty(rotation: Rotation) -> None:
    document = rotation.run(command="list")
    assert (document["signing_keys"], document["mac_keys"], document["published"]) == ([], [], None)


def test_a_list_of_a_secret_that_is_out_of_reach_fails(stack: OwnStack, tmp_path: Path) -> None:
    without_secret = deployed(stack, tmp_path, SUNDIAL_SECRET="nonesuch")
    with pytest.raises(OAuthError):
        rotation_handler(without_secret, clock=lambda: T0)({"command": "list"}, None)
