"""Races for one refresh token, and for one code: 2 to 64 requests at once, on engines with atomic conditional writes.

Each request is a machine of its own, with its own handler and a clock that may be some seconds off.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from threading import Barrier
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sundial.config.model import DEVICE_GRANT
from sundial.expiry.family import Family
from sundial.expiry.refresh import Refresh
from sundial.store.devices import DynamoDevices
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.tokens.device_codes import mint_device_code
from sundial.tokens.opaque import Kind, mint, new_family_id
from sundial_local.ministack import CREDENTIALS, REGION, MiniStack
from sundial_local.template import Template
from tests.support.config import make_config
from tests.support.depth import depth
from tests.support.families import LOGIN_AT, MAC_KEY, a_family
from tests.support.refresh_world import GrowingRing, quick_config
from tests.support.stack import own_stack
from tests.support.token_world import SECRET, USER_ID, Answer, TokenWorld

LARGEST = 64
ROUNDS = {2: 12, 3: 6, 4: 6, 8: 4, 16: 2, 32: 1, LARGEST: 1}
"""How many rounds, by the number of requests at once."""
WINDOW = 30
SKEW = 5
"""Seconds by which the machines' clocks are off at the most."""
REFUSED = (400, "invalid_grant")


class Race:
    """Sixty-four machines over one table."""

    def __init__(self, client: Any, table: str, pool: ThreadPoolExecutor) -> None:
        self.families = DynamoFamilies(client, table)
        self.ring = GrowingRing()
        self._pool = pool
        self._dice = Random(64)  # noqa: S311 (clocks, no secrets)
        self.machines = [TokenWorld(families=self.families, ring=self.ring) for _ in range(LARGEST)]
        self.devices = DynamoDevices(client, table)

    def configure(self, refresh_tokens: str) -> None:
        config = make_config(quick_config(everywhere=refresh_tokens))
        for machine in self.machines:
            machine.devices = self.devices
            machine.use(config)

    def all_at_once(self, number: int, now: int, request: Callable[[TokenWorld, int], Answer]) -> list[Answer]:
        """Let `number` machines, each at about `now`, make `request` at once."""
        barrier = Barrier(number)

        def run(index: int) -> Answer:
            machine = self.machines[index]
            barrier.wait()
            return request(machine, index)

        for machine in self.machines:
            machine.now = now + self._dice.randint(-SKEW, SKEW)
        return list(self._pool.map(run, range(number)))

    def begin(self) -> tuple[Family, str]:
        """Return a family that began at LOGIN_AT, and its first refresh token."""
        family = a_family(family_id=new_family_id(), claims=replace(a_family().claims, user_id=USER_ID))
        self.families.begin(family)
        return family, mint(Kind.REFRESH_TOKEN, MAC_KEY, family, 1)

    def stored(self, family: Family) -> Family:
        found = self.families.get(family.family_id)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for each machine, all of them made to take turns often."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    with ThreadPoolExecutor(LARGEST) as executor:
        yield executor
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module", params=["dynamodb-local", "ministack"])
def race(
    request: pytest.FixtureRequest,
    template: Template,
    ministack: MiniStack,
    aws_clients: Mapping[str, Any],
    pool: ThreadPoolExecutor,
) -> Race:
    local = request.param == "dynamodb-local"
    endpoint = request.getfixturevalue("dynamodb_local") if local else ministack.endpoint
    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    client = session.client("dynamodb", endpoint_url=endpoint, config=Config(max_pool_connections=LARGEST))
    stack = own_stack(template, ministack, {**aws_clients, "dynamodb": client})
    return Race(client, stack.families_table, pool)


def rounds() -> Iterator[int]:
    """Yield the number of requests at once, round after round."""
    for number, times in ROUNDS.items():
        for _ in range(times * depth(1, 30)):
            yield number


def tokens(answers: list[Answer]) -> set[str]:
    """Return the refresh tokens of those that succeeded; the others are refused, and there is no third way."""
    for answer in answers:
        assert answer.status == 200 or answer.error == REFUSED, answer.body
    return {answer.body["refresh_token"] for answer in answers if answer.status == 200}


def poll(machine: TokenWorld, code: str) -> Answer:
    """Ask for the tokens of a device code (RFC 8628 §3.4)."""
    return machine.post(None, client_id="example-app", client_secret=SECRET, grant_type=DEVICE_GRANT, device_code=code)


def outcomes(metrics: Counter[tuple[str, ...]]) -> dict[str, int]:
    return {name[1]: times for name, times in metrics.items() if name[0] == "Refreshes"}


def test_with_a_window_one_request_rotates_and_all_get_its_one_successor(
    race: Race, metrics: Counter[tuple[str, ...]]
) -> None:
    race.configure(f"{{reuseInterval: {WINDOW}s}}")
    family, token = race.begin()
    now, generation, requests = LOGIN_AT, 1, 0
    for number in rounds():
        now += WINDOW + 3 * SKEW
        answers = race.all_at_once(number, now, lambda machine, _, token=token: machine.refresh(token))  # type: ignore[misc]
        assert [answer.status for answer in answers] == [200] * number
        (successor,) = tokens(answers)
        assert successor != token
        token, generation, requests = successor, generation + 1, requests + number
        assert race.stored(family).generation == generation
        race.ring.rotate_mac_key()
    assert race.stored(family).revoked_at is None
    assert outcomes(metrics) == {Refresh.ROTATE: generation - 1, Refresh.RETRY: requests - generation + 1}


def test_inside_the_window_tabs_that_are_one_behind_and_tabs_that_are_not_all_get_the_current_token(race: Race) -> None:
    race.configure(f"{{reuseInterval: {WINDOW}s}}")
    family, first = race.begin()
    race.machines[0].now = LOGIN_AT + WINDOW + 1
    second = race.machines[0].refresh(first).body["refresh_token"]
    before = race.stored(family)
    for number in rounds():
        answers = race.all_at_once(
            number,
            before.rotated_at + WINDOW - SKEW,
            lambda machine, index: machine.refresh((first, second)[index % 2]),
        )
        assert [answer.status for answer in answers] == [200] * number
        assert tokens(answers) == {second}
    assert race.stored(family) == before


def test_without_a_window_one_request_rotates_and_the_others_are_replays_that_end_the_family(race: Race) -> None:
    race.configure("{}")
    for number in rounds():
        family, token = race.begin()
        answers = race.all_at_once(number, LOGIN_AT + 60, lambda machine, _, token=token: machine.refresh(token))  # type: ignore[misc]
        assert [answer.status for answer in answers].count(200) == 1
        (successor,) = tokens(answers)
        stored = race.stored(family)
        assert stored.generation == 2
        assert stored.revoked_at is not None
        assert race.machines[0].refresh(successor).error == REFUSED


def test_without_a_window_and_with_on_replay_reject_the_one_successor_goes_on(race: Race) -> None:
    race.configure("{onReplay: reject}")
    family, token = race.begin()
    now, generation = LOGIN_AT, 1
    for number in rounds():
        now, generation = now + 60, generation + 1
        answers = race.all_at_once(number, now, lambda machine, _, token=token: machine.refresh(token))  # type: ignore[misc]
        assert [answer.status for answer in answers].count(200) == 1
        (token,) = tokens(answers)
        stored = race.stored(family)
        assert (stored.generation, stored.revoked_at) == (generation, None)


def test_with_rotation_off_all_keep_the_one_token(race: Race) -> None:
    race.configure("{disableRotation: true, validIfNotUsedFor: 1h}")
    family, token = race.begin()
    now = LOGIN_AT
    for number in rounds():
        now += 60
        answers = race.all_at_once(number, now, lambda machine, _: machine.refresh(token))
        assert [answer.status for answer in answers] == [200] * number
        assert tokens(answers) == {token}
    stored = race.stored(family)
    assert (stored.generation, stored.revoked_at) == (1, None)


def test_a_refresh_that_races_a_revocation_never_brings_the_family_back(race: Race) -> None:
    race.configure(f"{{reuseInterval: {WINDOW}s}}")
    for number in rounds():
        family, token = race.begin()

        def act(machine: TokenWorld, index: int, token: str = token, family: Family = family) -> Answer:
            if index == 0:
                race.families.revoke(family.family_id, machine.now, "the user logged out")
            return machine.refresh(token)

        answers = race.all_at_once(number, LOGIN_AT + 60, act)
        successors = tokens(answers)
        assert len(successors) <= 1
        assert answers[0].error == REFUSED
        assert race.stored(family).revoked_at is not None
        race.machines[0].now += WINDOW + 1
        for left in {token, *successors}:
            assert race.machines[0].refresh(left).error == REFUSED


def test_of_many_uses_of_one_code_one_succeeds_and_what_it_got_is_revoked(race: Race) -> None:
    race.configure(f"{{reuseInterval: {WINDOW}s}}")
    for number in rounds():
        race.machines[0].now = LOGIN_AT
        family_id = new_family_id()
        code = race.machines[0].log_in(family_id=family_id)
        answers = race.all_at_once(number, LOGIN_AT + 30, lambda machine, _, code=code: machine.redeem(code))  # type: ignore[misc]
        assert [answer.status for answer in answers].count(200) == 1
        (token,) = tokens(answers)
        stored = race.families.get(family_id)
        assert stored is not None
        assert (stored.generation, stored.revoked_at is None) == (1, False)
        assert race.machines[0].refresh(token).error == REFUSED


def test_of_many_polls_with_one_device_code_one_gets_the_tokens_and_they_go_on(race: Race) -> None:
    race.configure(f"{{reuseInterval: {WINDOW}s}}")
    for number in rounds():
        code, family_id = mint_device_code(MAC_KEY, "example-app", LOGIN_AT, LOGIN_AT + 300)
        login = a_family(family_id=family_id, code=None, claims=replace(a_family().claims, user_id=USER_ID))
        assert race.devices.allow(login, LOGIN_AT + 300, None)
        answers = race.all_at_once(number, LOGIN_AT + 60, lambda machine, _, code=code: poll(machine, code))  # type: ignore[misc]
        assert [answer.status for answer in answers].count(200) == 1
        (token,) = tokens(answers)
        stored = race.stored(login)
        assert (stored.generation, stored.revoked_at) == (1, None)
        race.machines[0].now = LOGIN_AT + 120
        assert race.machines[0].refresh(token).status == 200
