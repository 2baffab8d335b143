"""A deployment behind a bad network: its functions on machines of their own, and whoever asks them asks again.

The functions are the real ones, their key ring in Secrets Manager and their tables on MiniStack. A test says what
becomes of each attempt of each call (`tests.support.faults`); what is answered and what stands in the tables is real.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, cycle, pairwise
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sundial.authorize.endpoint import ROUTES, authorize_edge
from sundial.config.model import Config
from sundial.device.endpoint import FOR_DEVICES, FOR_PEOPLE, device_edge
from sundial.expiry.family import Family
from sundial.grants.endpoint import token_edge
from sundial.keys.algorithms import to_jwk
from sundial.keys.jwks import PublicKeys, PublicKeyStore
from sundial.keys.ring import Ring, SigningKey
from sundial.keys.vault import Vault
from sundial.store.clients import DynamoClients
from sundial.store.devices import DynamoDevices
from sundial.store.directory import DynamoDirectory
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.envelopes import KmsEnvelopes
from sundial.userinfo import userinfo_edge
from tests.support.deployed import environment_of
from tests.support.depth import DEEP
from tests.support.events import http_event
from tests.support.families import LOGIN_AT, MAC_KEY
from tests.support.faults import Fault, Killed, Network, OverWire, Wire
from tests.support.refresh_world import TABLE_USER
from tests.support.signers import signers
from tests.support.stack import OwnStack
from tests.support.token_world import SECRET, Answer, FixedRing

LAMBDA_TIMEOUT = 29
FOR_GOOD = 3
"""Attempts: what happens to this many happens to the call."""
TELL = "PutEvents"
"""The call in passing: whatever becomes of it changes no answer."""

Response = Mapping[str, Any]
Item = Mapping[str, Any]
Plan = Mapping[int, tuple[Fault, ...]]


class Bench:
    """The deployment, and what is done to its tables meanwhile. `now` stands still while a machine answers."""

    def __init__(self, stack: OwnStack, folder: Path) -> None:
        self.stack, self._folder = stack, folder
        self.families = DynamoFamilies(stack.dynamodb, stack.families_table)
        self.devices = DynamoDevices(stack.dynamodb, stack.families_table)
        self.users = DynamoDirectory(stack.dynamodb, stack.directory_table)
        self.clients = DynamoClients(stack.dynamodb, stack.directory_table)
        self.envelopes = KmsEnvelopes(lambda: stack.kms, stack.environment["SUNDIAL_KMS_KEY"])
        self.wire = Wire()
        self.now = LOGIN_AT
        self._deployments: dict[str, OverWire] = {}
        self._keep_a_ring()
        assert self.users.create(TABLE_USER)

    def machine(self, config: str, network: Network | None = None, *, warm: bool = False) -> Machine:
        """Return a machine that has just started, with this configuration; a `warm` one has the ring in memory."""
        if config not in self._deployments:
            folder = self._folder / str(len(self._deployments))
            folder.mkdir()
            environment = environment_of(self.stack, folder, config, SUNDIAL_ISSUER="")
            read = OverWire(environment, self.wire).config
            self._deployments[config] = OverWire(environment, self.wire, config=read)
        deployment = self._deployments[config]
        return Machine(deployment.anew(**{"ring": FixedRing()} if warm else {}), network or Network(), self)

    def stored(self, family_id: str) -> Family:
        found = self.families.get(family_id)
        assert found is not None
        return found

    def take_items(self) -> list[Item]:
        """Return every item of the families' table, and leave none."""
        client, table = self.stack.dynamodb, self.stack.families_table
        items: list[Item] = client.scan(TableName=table, ConsistentRead=True)["Items"]
        for item in items:
            client.delete_item(TableName=table, Key={"id": item["id"]})
        return items

    def _keep_a_ring(self) -> None:
        signer = signers()["ES256"]
        pem = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        jwk = {**to_jwk(signer.key.public_key(), "ES256"), "kid": signer.kid}
        key = SigningKey(signer.kid, "ES256", jwk, pem, LOGIN_AT, published_at=LOGIN_AT, signs_from=LOGIN_AT)
        vault = Vault(self.stack.secretsmanager, self.stack.secret_id)
        assert vault.replace(Ring(1, (key,), (MAC_KEY,)), vault.read()[1])
        store = PublicKeyStore(self.stack.dynamodb, self.stack.public_keys_table)
        assert store.publish(PublicKeys(1, LOGIN_AT, (jwk,)))


class Machine:
    """One machine of each function; it dies where its network says so."""

    def __init__(self, deployment: OverWire, network: Network, bench: Bench) -> None:
        self.deployment, self.network, self._bench = deployment, network, bench

    @property
    def config(self) -> Config:
        return self.deployment.config

    def edge(self, event: Mapping[str, Any]) -> Response:
        """Answer an event; raises Killed where the machine dies. `network.seconds` is how long it took."""
        self.network.seconds = 0
        with self._bench.wire.of(self.network):
            return self._function(event["routeKey"])(event)

    def send(self, event: Mapping[str, Any]) -> Response | None:
        """Return the answer to an event; None where the machine dies."""
        try:
            return self.edge(event)
        except Killed:
            return None
        finally:
            assert self.network.seconds < LAMBDA_TIMEOUT, self.network.calls

    def post(self, form: Mapping[str, str], path: str = "/token") -> Answer | None:
        """Return the answer to a POST of `form` to the function `token`, as example-app; None where it dies."""
        whole = {"client_id": "example-app", "client_secret": SECRET, **form}
        response = self.send(http_event(f"POST {path}", form=whole))
        return None if response is None else in_json(response)

    def _function(self, route: str) -> Callable[[Mapping[str, Any]], Response]:
        if route in ROUTES:
            return self._authorize
        if route in FOR_DEVICES or route in FOR_PEOPLE:
            return self._device
        return self._userinfo if route.endswith("/userinfo") else self._token

    def _clock(self) -> float:
        return self._bench.now + self.network.seconds

    @cached_property
    def _authorize(self) -> Callable[[Mapping[str, Any]], Response]:
        return authorize_edge(self.deployment, clock=self._clock)

    @cached_property
    def _device(self) -> Callable[[Mapping[str, Any]], Response]:
        return device_edge(self.deployment, clock=self._clock)

    @cached_property
    def _token(self) -> Callable[[Mapping[str, Any]], Response]:
        return token_edge(self.deployment, clock=self._clock, wait=self.network.sleep)

    @cached_property
    def _userinfo(self) -> Callable[[Mapping[str, Any]], Response]:
        return userinfo_edge(self.deployment, clock=self._clock)


def in_json(response: Response) -> Answer:
    """Return an answer of the function `token`, or another that is no page."""
    return Answer(response["statusCode"], response["headers"], json.loads(response["body"] or "{}"))


# Whoever asks, asks again


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been prepared, and how to tell in the end that all is well."""

    event: Mapping[str, Any]
    settled: Callable[[Response], None]
    """Checks the answer that it came to, and what stands in the tables then."""
    pressed: Callable[[Response], Mapping[str, Any] | None] = lambda _: None
    """What a browser sends when the button of a page is pressed; None where it has none, and is loaded again."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way through a function: its calls, and the status that it comes to, when all goes well."""

    config: str
    calls: tuple[str, ...]
    prepare: Callable[[], Asked]
    status: int = 200
    cold: bool = False
    """Whether the machine has yet to read the ring."""
    in_passing: frozenset[int] = frozenset()
    """The calls of whose failure the answer says nothing, beside TELL."""
    used_up: Mapping[int, int] = field(default_factory=dict)
    """The status that it comes to instead where what is good once has gone for nothing; by the call that went wrong."""

    def is_in_passing(self, call: int) -> bool:
        return call in self.in_passing or self.calls[call] == TELL


LASTING = tuple(fault for fault in Fault if not fault.kills and fault is not Fault.SLOW)
LOST = tuple((Fault.ANSWER_LOST, fault, fault) for fault in (Fault.UNREACHABLE, Fault.THROTTLED, Fault.BAD_GATEWAY))
"""Carried out, which nobody hears of, and then out of reach."""
_READS = frozenset(("GetItem", "BatchGetItem", "GetSecretValue"))


def is_of_aws(call: str) -> bool:
    """Return whether a call is one of AWS's, which the SDK tries three times; else it is a provider's, made once."""
    return " " not in call


def plans(calls: tuple[str, ...], start: int = 0) -> Iterator[Plan]:
    """Yield plans in which one call goes wrong: in its first attempt, in all, or in all once it is carried out.

    In `make test` the ways to fail take turns, from the one numbered `start`.
    """
    return every_plan(calls) if DEEP else _few_plans(calls, start)


def every_plan(calls: Iterable[str]) -> Iterator[Plan]:
    for number, call in enumerate(calls):
        yield from ({number: (fault,)} for fault in Fault)
        if is_of_aws(call):
            yield from ({number: (fault,) * FOR_GOOD} for fault in Fault if not fault.kills)
            yield from ({number: faults} for faults in LOST)


def _few_plans(calls: tuple[str, ...], start: int) -> Iterator[Plan]:
    """To end before a call is to end after the one before it; a read that is lost is a read that was never made."""
    once, for_good, lost = (cycle(turned(some, start)) for some in ((*LASTING, Fault.SLOW), LASTING, LOST))
    for number, call in enumerate(calls):
        yield {number: (Fault.KILLED_AFTER,)}
        yield {number: (next(once),)}
        if not is_of_aws(call):
            yield {number: (Fault.ANSWER_LOST,)}
            yield {number: (next(once),)}
            continue
        yield {number: (next(for_good),) * FOR_GOOD}
        if call not in _READS:
            yield {number: (Fault.ANSWER_LOST,)}
            yield {number: next(lost)}


def turned(some: tuple[Any, ...], start: int) -> tuple[Any, ...]:
    """Return `some`, from the one numbered `start` on, and then those before it."""
    first = start % len(some)
    return some[first:] + some[:first]


def hanging_pairs(calls: tuple[str, ...]) -> Iterator[Plan]:
    """Yield plans in which two calls hang, the first nearly for good; in `make test`, one just after the other."""
    numbers = range(len(calls))
    for first, second in combinations(numbers, 2) if DEEP else pairwise(numbers):
        yield {first: _barely(calls[first]), second: _barely(calls[second])}
        yield {first: _barely(calls[first]), second: (Fault.UNANSWERED,) * FOR_GOOD}


def _barely(call: str) -> tuple[Fault, ...]:
    return (Fault.UNANSWERED,) * (FOR_GOOD - 1) if is_of_aws(call) else (Fault.SLOW,)


def persist(
    bench: Bench, machine: Machine, asked: Asked, *, by_page: bool = True, most: int = 30
) -> list[Response | None]:
    """Ask, and ask again for as long as nothing comes of it; return every answer, None where a machine died.

    `by_page`: a page that has a button has it pressed; else it is loaded again.
    """
    answers: list[Response | None] = []
    event = asked.event
    for _ in range(most):
        response = machine.send(event)
        answers.append(response)
        bench.now += math.ceil(machine.network.seconds)
        if response is None:
            machine = Machine(machine.deployment.anew(), Network(), bench)
            bench.now += 1
            continue
        if response["statusCode"] not in (502, 503):
            return answers
        machine.network.plan = {}
        bench.now += _told_to_wait(response)
        if by_page:
            event = asked.pressed(response) or event
    raise AssertionError(f"it comes to nothing: {[answer and answer['statusCode'] for answer in answers]}")


def _told_to_wait(response: Response) -> int:
    """Return for how many seconds an answer sends somebody away; a page's 502 says nothing of that."""
    if response["statusCode"] == 502:
        assert response["headers"]["Content-Type"].startswith("text/html")
        return 1
    if response["headers"]["Content-Type"] == "application/json":
        assert json.loads(response["body"])["error"] == "temporarily_unavailable"
    return int(response["headers"]["Retry-After"])


def check_plan(bench: Bench, way: Way, plan: Plan, *, by_page: bool = True) -> None:
    """Let one call go wrong, and hold what it comes to against what it comes to when all goes well."""
    ((call, faults),) = plan.items()
    asked = way.prepare()
    machine = bench.machine(way.config, Network(plan), warm=not way.cold)
    answers = persist(bench, machine, asked, by_page=by_page)
    first, final = answers[0], answers[-1]
    assert final is not None
    if faults[0].kills:
        assert first is None
    elif first is not None and _is_mended(way, call, faults):
        assert len(answers) == 1, plan
    else:
        assert first is not None
        assert first["statusCode"] in (502, 503), plan
    if final["statusCode"] == way.status:
        asked.settled(final)
    else:
        assert _is_used_up(way, call, faults[0], by_page=by_page), (plan, final)
        assert final["statusCode"] == way.used_up[call], (plan, final)


def _is_used_up(way: Way, call: int, fault: Fault, *, by_page: bool) -> bool:
    """Return whether what is good once has gone for nothing: with an answer that never came."""
    if call not in way.used_up:
        return False
    return fault.kills or not by_page if is_of_aws(way.calls[call]) else fault.applied


def check_way(bench: Bench, way: Way) -> None:
    """When all goes well, these are the calls, and this is what it comes to."""
    asked, network = way.prepare(), Network()
    response = bench.machine(way.config, network, warm=not way.cold).send(asked.event)
    assert response is not None
    assert (response["statusCode"], tuple(network.calls)) == (way.status, way.calls)
    asked.settled(response)


def check_two_that_hang(bench: Bench, way: Way) -> None:
    """Two calls that hang still end in an answer in time, and `send` watches the time."""
    for plan in hanging_pairs(way.calls):
        response = bench.machine(way.config, Network(plan), warm=not way.cold).send(way.prepare().event)
        assert response is not None
        assert response["statusCode"] in (way.status, 502, 503), (plan, response)


def _is_mended(way: Way, call: int, faults: tuple[Fault, ...]) -> bool:
    by_sdk = is_of_aws(way.calls[call]) and len(faults) == 1 and faults[0].is_mended_by_the_sdk
    return way.is_in_passing(call) or by_sdk or Fault.SLOW in faults
