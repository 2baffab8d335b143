"""A bad network at every call of the rotation and of the JWKS: a key that signs is published, and the next run mends.

The real functions, on the template's secret and table on MiniStack. Each attempt of each call of each kind of run
fails in each way, once or for good, and now and then the process ends there. What stands then must do; and the
next run must leave what one undisturbed run would have left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from sundial.discovery.endpoint import jwks_edge
from sundial.errors import OAuthError
from sundial.keys.jwks import PublicKeys, PublicKeyStore
from sundial.keys.policy import key_policy
from sundial.keys.ring import Ring, from_json, public_keys, signing_key
from sundial.keys.rotation import run
from sundial.keys.scheduled import rotation_handler
from sundial.keys.vault import Vault
from sundial_local.ministack import MiniStack
from sundial_local.template import Template
from tests.support.config import APP, make_config
from tests.support.crash_plans import turned
from tests.support.deployed import environment_of
from tests.support.depth import DEEP
from tests.support.events import http_event
from tests.support.faults import Fault, Killed, Network, ReachedThrough, instead_of_waiting
from tests.support.keys import DAY, HOUR, MINUTE, T0, MemoryJwks, MemoryVault
from tests.support.stack import OwnStack, own_stack

ALG = "ES256"
CONFIG = APP + f"signing: {{algorithms: [{ALG}]}}\nexpiry: {{refreshTokens: {{absoluteLifetime: 720h}}}}\n"
POLICY = key_policy(make_config(CONFIG))
LAMBDA_TIMEOUT = 29
FOR_GOOD = 3
"""Attempts: what happens to this many happens to the call."""

READ_JWKS, PUBLISH, TELL = "GetItem", "PutItem", "PutEvents"
READ, PUT, MOVE, LABELS = "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage", "DescribeSecret"
LOOK = (READ_JWKS, READ)
WRITE = (PUT, MOVE, LABELS, MOVE)
"""The last two take the label off that the version was written under; nothing depends on them."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A ring and a JWKS as they stood at `at`, and what a run makes of them: its calls, when all goes well."""

    at: int
    calls: tuple[str, ...]
    command: Mapping[str, Any] = field(default_factory=dict)
    """`kid` is put in: that of the key that signs."""
    restored_from: int | None = None
    """When the backup was made that the secret has been restored from."""


MADE = (*LOOK, *WRITE, *LOOK, PUBLISH, *WRITE, *LOOK, PUBLISH)
"""A key is in the secret, then in the JWKS, then given its instant; each a write of its own."""
ONCE = (*LOOK, *WRITE, *LOOK, PUBLISH)
MOMENTS = {
    "the first run": Moment(T0, (READ_JWKS, READ, LABELS, *WRITE, *MADE[len(LOOK) + len(WRITE) :])),
    "nothing is due": Moment(T0 + HOUR, LOOK),
    "a key is made": Moment(T0 + 6 * HOUR - POLICY.season - HOUR, MADE),
    "a key is retired": Moment(T0 + 6 * HOUR + 10 * MINUTE + 1, (*ONCE, TELL)),
    "a key is dropped": Moment(T0 + 6 * HOUR + POLICY.retention + 1, (*LOOK, PUBLISH, *WRITE, *LOOK, PUBLISH)),
    "a key is revoked": Moment(T0 + 5 * HOUR, (*MADE, TELL), {"command": "revoke"}),
    "a key is promoted by hand": Moment(T0 + 5 * HOUR, MADE, {"command": "rotate"}),
    "the watermark rises": Moment(T0 + 5 * HOUR, ONCE, {"command": "watermark", "not_before": T0}),
    "the secret was restored": Moment(T0 + 36 * HOUR, (*MADE, TELL), restored_from=T0 + 26 * HOUR),
}


@cache
def stores_at(at: int) -> tuple[str | None, PublicKeys | None]:
    """Return the ring's document and the JWKS just before `at`, after a run every ten minutes since T0."""
    vault, jwks = MemoryVault(), MemoryJwks()
    for now in range(T0, at, 10 * MINUTE):
        run(vault, jwks, POLICY, lambda now=now: now)  # type: ignore[misc]
    return vault.document, jwks.served


class Bench:
    """The function `rotate_keys`, deployed behind a network; and its secret and its table, which a test sets."""

    def __init__(self, stack: OwnStack, folder: Path) -> None:
        self.stack = stack
        self.environment = environment_of(stack, folder, CONFIG, SUNDIAL_ISSUER="")
        self.now = T0
        self.network = Network()
        self.function = rotation_handler(self.deployment(self.network), clock=lambda: self.now)
        self.vault = Vault(stack.secretsmanager, stack.secret_id)
        self.store = PublicKeyStore(stack.dynamodb, stack.public_keys_table)

    def deployment(self, network: Network) -> ReachedThrough:
        deployment = ReachedThrough(self.environment)
        deployment.network = network
        return deployment

    def set_to(self, moment: Moment) -> None:
        self.now = moment.at
        document, served = stores_at(moment.at)
        if moment.restored_from is not None:
            document, _ = stores_at(moment.restored_from)
        self._forget()
        if document is not None and served is not None:
            self.stack.secretsmanager.put_secret_value(SecretId=self.stack.secret_id, SecretString=document)
            assert self.store.publish(served)

    def run(self, event: Mapping[str, Any], plan: Plan) -> dict[str, Any] | None:
        """Return what the function answers; None where it dies or fails, which Lambda reports."""
        network = self.network
        network.plan, network.seconds, network.is_dead = plan, 0, False
        network.calls.clear()
        try:
            with instead_of_waiting(network):
                return self.function(event, None)
        except Killed:
            return None
        except OAuthError:
            return None
        finally:
            assert network.seconds < LAMBDA_TIMEOUT

    def ring(self) -> Ring | None:
        return self.vault.read()[0]

    def _forget(self) -> None:
        client, secret_id = self.stack.secretsmanager, self.stack.secret_id
        for version, labels in client.describe_secret(SecretId=secret_id).get("VersionIdsToStages", {}).items():
            for label in labels:
                client.update_secret_version_stage(SecretId=secret_id, VersionStage=label, RemoveFromVersionId=version)
        self.stack.dynamodb.delete_item(TableName=self.stack.public_keys_table, Key={"id": {"S": "jwks"}})


@pytest.fixture(scope="module")
def own(
    template: Template, ministack: MiniStack, aws_clients: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> OwnStack:
    return own_stack(template, ministack, aws_clients)


@pytest.fixture
def bench(own: OwnStack, tmp_path: Path, aws_environment: object) -> Bench:
    return Bench(own, tmp_path)


@dataclass(frozen=True, slots=True)
class State:
    """What a ring and a JWKS come to, but for which key is which."""

    signing: tuple[tuple[object, ...], ...]
    mac: tuple[tuple[object, ...], ...]
    not_before: int


def state_of(ring: Ring | None) -> State:
    assert ring is not None
    return State(
        tuple(
            (key.private_pem is None, key.published_at, key.signs_from, key.signs_until, key.published_until)
            for key in ring.signing_keys
        ),
        tuple((key.signs_from, key.signs_until, key.kept_until) for key in ring.mac_keys),
        ring.not_before,
    )


def event_of(moment: Moment) -> dict[str, Any]:
    document, _ = stores_at(moment.at)
    if moment.command.get("command") != "revoke":
        return dict(moment.command)
    active = signing_key(from_json(document or ""), ALG, moment.at)
    assert active is not None
    return {**moment.command, "kid": active.kid}


def undisturbed(bench: Bench, moment: Moment) -> tuple[State, tuple[str, ...]]:
    """Return what a run comes to when all goes well, and its calls."""
    bench.set_to(moment)
    answer = bench.run(event_of(moment), {})
    assert answer is not None
    assert "refused" not in answer
    calls = tuple(bench.network.calls)
    check_settled(bench)
    return state_of(bench.ring()), calls


def check_standing(bench: Bench, moment: Moment) -> None:
    """What holds after a run that came to grief: whoever signs is published, and has been for long enough."""
    ring, served = bench.ring(), bench.store.load()
    before, _ = stores_at(moment.at)
    if before is None or moment.restored_from is not None:
        return  # what the first run, or a restored secret, needs, it has once the run mends
    assert ring is not None
    assert served is not None
    active = signing_key(ring, ALG, bench.now)
    assert active is not None
    assert active.private_pem is not None
    kids = {jwk["kid"] for jwk in served.keys}
    assert active.kid in kids
    assert {key.kid for key in public_keys(ring, bench.now) if key.signs_from is not None} <= kids
    for key in public_keys(from_json(before), bench.now):
        is_gone = key.kid not in {one.kid for one in ring.signing_keys}
        assert key.kid in kids or (is_gone and key.kid == event_of(moment).get("kid"))


def check_settled(bench: Bench) -> None:
    """The served JWKS is the ring's, and one key signs."""
    ring, served = bench.ring(), bench.store.load()
    assert ring is not None
    assert served is not None
    assert signing_key(ring, ALG, bench.now) is not None
    assert {jwk["kid"] for jwk in served.keys} == {key.kid for key in public_keys(ring, bench.now)}
    assert (served.serial, served.not_before) == (ring.serial, ring.not_before)


Plan = Mapping[int, tuple[Fault, ...]]
LASTING = tuple(fault for fault in Fault if not fault.kills and fault is not Fault.SLOW)


def plans(calls: tuple[str, ...], start: int) -> Iterator[Plan]:
    """Yield plans in which one call goes wrong: in its first attempt, in all, or in all once it is carried out.

    In `make test` the ways to fail take turns, from the one numbered `start`.
    """
    return _every_plan(calls) if DEEP else _few_plans(calls, start)


def _every_plan(calls: tuple[str, ...]) -> Iterator[Plan]:
    for number in range(len(calls)):
        yield from ({number: (fault,)} for fault in Fault)
        yield from ({number: (fault,) * FOR_GOOD} for fault in LASTING)
        for fault in (Fault.UNREACHABLE, Fault.SERVER_ERROR, Fault.BAD_GATEWAY):
            yield {number: (Fault.ANSWER_LOST, fault, fault)}


def _few_plans(calls: tuple[str, ...], start: int) -> Iterator[Plan]:
    """A process that ends after a write, or one whose answer is lost; and one that fails at any call.

    To end after a read, or before a write, is to end after the write before it.
    """
    ways = cycle(turned(LASTING, start))
    after_a_write = cycle(turned((Fault.KILLED_AFTER, Fault.ANSWER_LOST), start))
    for number, call in enumerate(calls):
        if call in (PUT, MOVE, PUBLISH):
            yield {number: (next(after_a_write),)}
        yield {number: (next(ways),) * FOR_GOOD}


@pytest.mark.parametrize("name", MOMENTS)
def test_when_all_goes_well_these_are_the_calls(bench: Bench, name: str) -> None:
    moment = MOMENTS[name]
    _, calls = undisturbed(bench, moment)
    assert calls == moment.calls


@pytest.mark.parametrize("name", MOMENTS)
def test_whatever_goes_wrong_at_one_call_the_next_run_mends(bench: Bench, name: str) -> None:
    moment = MOMENTS[name]
    expected, calls = undisturbed(bench, moment)
    event = event_of(moment)
    for plan in plans(calls, list(MOMENTS).index(name)):
        bench.set_to(moment)
        answer = bench.run(event, plan)
        ((call, faults),) = plan.items()
        if len(faults) == 1 and faults[0].is_mended_by_the_sdk and not faults[0].kills:
            assert answer is not None, plan
        if answer is None:
            check_standing(bench, moment)
            again = bench.run(event, {})  # Lambda's retry of the same event, or the operator's
            assert again is not None
            if "refused" in again:  # the command was obeyed before
                assert bench.run({}, {}) is not None
        assert state_of(bench.ring()) == expected, (calls[call], plan)
        check_settled(bench)
        settled = bench.run({}, {})
        assert settled is not None
        assert settled["changes"] == []
        assert tuple(bench.network.calls) == LOOK


@pytest.mark.parametrize("fault", LASTING)
def test_the_jwks_bridges_five_minutes_and_is_then_a_503_and_comes_back(bench: Bench, fault: Fault) -> None:
    bench.set_to(MOMENTS["nothing is due"])
    network = Network()
    edge = jwks_edge(bench.deployment(network), clock=lambda: bench.now)

    def ask(*, broken: bool) -> tuple[int, str]:
        network.plan = {len(network.calls): (fault,) * FOR_GOOD} if broken else {}
        with instead_of_waiting(network):
            answer = edge(http_event("GET /keys"))
        if answer["statusCode"] == 200:
            _, served = stores_at(MOMENTS["nothing is due"].at)
            assert served is not None
            assert json.loads(answer["body"]) == json.loads(served.document())
        return answer["statusCode"], answer["headers"]["Cache-Control"]

    loaded_at = bench.now = T0 + 10 * MINUTE
    for after, broken, expected in (
        (-1, True, (503, "no-store")),  # a cold start
        (0, False, (200, "public, must-revalidate, max-age=3600")),
        (59, True, (200, "public, must-revalidate, max-age=3600")),
        (60, True, (200, "public, must-revalidate, max-age=60")),
        (66, True, (200, "public, must-revalidate, max-age=60")),
        (300, True, (200, "public, must-revalidate, max-age=60")),
        (301, True, (503, "no-store")),
        (302, False, (200, "public, must-revalidate, max-age=3600")),
    ):
        bench.now = loaded_at + after
        assert ask(broken=broken) == expected, (fault, after)


def test_a_rotation_that_fails_for_two_days_delays_the_plan_and_costs_no_signature(bench: Bench) -> None:
    bench.set_to(MOMENTS["nothing is due"])
    ring = bench.ring()
    for hour in range(48):
        bench.now += HOUR
        assert bench.run({}, {hour % 2: (Fault.UNDECRYPTED,) * FOR_GOOD}) is None
        assert bench.ring() == ring
        check_standing(bench, MOMENTS["nothing is due"])
    answer = bench.run({}, {})
    assert answer is not None
    check_settled(bench)
    assert answer["next_change_at"] < bench.now + DAY


def test_failures_hold_nothing_private(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="sundial")
    moment = MOMENTS["a key is made"]
    _, calls = undisturbed(bench, moment)
    for number in range(len(calls)):
        bench.set_to(moment)
        bench.run({}, {number: (Fault.DENIED,) * FOR_GOOD})
    assert "PRIVATE" not in caplog.text
