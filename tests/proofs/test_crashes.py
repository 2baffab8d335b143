"""A bad network at every call of every way through POST /token: nothing lost, nothing doubled, never a 500.

The real function on a fresh machine each time, its key ring in Secrets Manager and its tables on MiniStack. Each
attempt of each call fails in each way, once or for good, and now and then the process ends there; then the
client, who got a 503 or nothing, sends the same request again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import pytest

from sundial.config.model import DEVICE_GRANT
from sundial.tokens.device_codes import mint_device_code
from sundial.tokens.opaque import Kind, mint, new_family_id
from sundial_local.ministack import MiniStack
from sundial_local.template import Template
from tests.support.crash_plans import FOR_GOOD, LASTING, plans
from tests.support.crash_world import LAMBDA_TIMEOUT, Bench
from tests.support.families import LOGIN_AT, MAC_KEY, REDIRECT_URI, a_family, a_login
from tests.support.faults import Fault, Network
from tests.support.refresh_world import TABLE_USER, quick_config
from tests.support.stack import own_stack
from tests.support.token_world import USER_ID

WINDOW = 30
CODE = "authorization_code"
REFUSED = (400, "invalid_grant")


def with_settings(refresh_tokens: str) -> str:
    """Return the configuration with these `refreshTokens`."""
    return quick_config(everywhere=refresh_tokens)


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the endpoint: what is asked for, of which family, and what it comes to when all goes well."""

    calls: tuple[str, ...]
    prepare: Callable[[Bench], tuple[str, Mapping[str, str]]]
    status: int = 200
    generation: int = 1
    revoked: bool = False
    once: bool = False
    """Whether what is presented can be used once only."""
    settings: str = f"{{reuseInterval: {WINDOW}s}}"


def code(bench: Bench, user_id: str = USER_ID) -> tuple[str, Mapping[str, str]]:
    bench.now = LOGIN_AT
    login = a_login(family_id=new_family_id(), claims=replace(a_login().claims, user_id=user_id))
    assert bench.families.begin(login)
    return login.family_id, {
        "grant_type": CODE,
        "code": mint(Kind.AUTHORIZATION_CODE, MAC_KEY, login, 1),
        "redirect_uri": REDIRECT_URI,
    }


def used_code(bench: Bench) -> tuple[str, Mapping[str, str]]:
    family_id, form = code(bench)
    answer = bench.machine(with_settings("{}"), Network()).post(form)
    assert answer is not None
    assert answer.status == 200
    return family_id, form


def device_code(bench: Bench) -> tuple[str, Mapping[str, str]]:
    bench.now = LOGIN_AT + 60
    text, family_id = mint_device_code(MAC_KEY, "example-app", LOGIN_AT, LOGIN_AT + 300)
    login = a_family(family_id=family_id, code=None, claims=replace(a_family().claims, user_id=USER_ID))
    assert bench.devices.allow(login, LOGIN_AT + 300, None)
    return family_id, {"grant_type": DEVICE_GRANT, "device_code": text}


def token(
    *, generation: int = 1, presented: int = 1, after: int = WINDOW + 10, user_id: str = USER_ID
) -> Callable[[Bench], tuple[str, Mapping[str, str]]]:
    """A refresh token of a family that is at `generation` for `after` seconds."""

    def prepare(bench: Bench) -> tuple[str, Mapping[str, str]]:
        claims = replace(a_family().claims, user_id=user_id)
        family = a_family(family_id=new_family_id(), generation=generation, claims=claims)
        assert bench.families.begin(family)
        bench.now = LOGIN_AT + after
        text = mint(Kind.REFRESH_TOKEN, MAC_KEY, family, presented)
        return family.family_id, {"grant_type": "refresh_token", "refresh_token": text}

    return prepare


RING, READ, WRITE, TELL = "GetSecretValue", "GetItem", "UpdateItem", "PutEvents"
WAYS = {
    "a code is exchanged": Way((RING, WRITE), code, once=True),
    "a code of a user of the table is exchanged": Way(
        (RING, READ, WRITE), partial(code, user_id=TABLE_USER.user_id), once=True
    ),
    "a code of a user who is gone comes": Way(
        (RING, READ, WRITE, TELL), partial(code, user_id="nobody"), 400, generation=0, revoked=True
    ),
    "a device fetches its tokens": Way((RING, WRITE), device_code, once=True),
    "a used code comes again": Way((RING, WRITE, WRITE, TELL), used_code, 400, revoked=True),
    "a token is rotated": Way((RING, WRITE), token(), generation=2),
    "a token of a user of the table is rotated": Way(
        (RING, READ, WRITE), token(user_id=TABLE_USER.user_id), generation=2
    ),
    "the previous token comes again": Way((RING, WRITE), token(generation=2, after=2), generation=2),
    "the current token rests": Way((RING, WRITE), token(after=2)),
    "a token is kept": Way(
        (RING, WRITE), token(), settings="{disableRotation: true, validIfNotUsedFor: 1h, reuseInterval: 30s}"
    ),
    "a superseded token is replayed": Way(
        (RING, WRITE, WRITE, TELL), token(generation=2), 400, generation=2, revoked=True
    ),
    "a superseded token is rejected": Way(
        (RING, WRITE, TELL), token(generation=2), 400, generation=2, settings="{onReplay: reject}"
    ),
    "an expired token comes": Way((RING, WRITE), token(), 400, settings="{absoluteLifetime: 5s}"),
    "a token of a user who is gone comes": Way((RING, READ, WRITE, TELL), token(user_id="nobody"), 400, revoked=True),
}


@pytest.fixture(scope="module")
def own(
    template: Template, ministack: MiniStack, aws_clients: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Bench:
    return Bench(own_stack(template, ministack, aws_clients), tmp_path_factory.mktemp("deployed"))


@pytest.fixture
def bench(own: Bench, aws_environment: object) -> Bench:
    return own


@pytest.mark.parametrize("name", WAYS)
def test_when_all_goes_well_these_are_the_calls(bench: Bench, name: str) -> None:
    way, network = WAYS[name], Network()
    family_id, form = way.prepare(bench)
    answer = bench.machine(with_settings(way.settings), network).post(form)
    assert answer is not None
    assert answer.status == way.status
    assert tuple(network.calls) == way.calls
    check(bench, way, family_id)


def check(bench: Bench, way: Way, family_id: str) -> None:
    stored = bench.stored(family_id)
    assert (stored.generation, stored.revoked_at is not None) == (way.generation, way.revoked)


@pytest.mark.parametrize("name", WAYS)
def test_whatever_goes_wrong_at_one_call_the_same_request_again_comes_to_the_same(bench: Bench, name: str) -> None:
    way = WAYS[name]
    for plan in plans(way.calls, list(WAYS).index(name)):
        family_id, form = way.prepare(bench)
        machine = bench.machine(with_settings(way.settings), Network(plan))
        answer = machine.post(form)
        ((call, faults),) = plan.items()
        in_passing = way.calls[call] == TELL
        if answer is None:
            assert faults[0].kills
            machine = bench.machine(with_settings(way.settings), Network())
            bench.now += 1
        else:
            is_mended = in_passing or (len(faults) == 1 and faults[0].is_mended_by_the_sdk) or Fault.SLOW in faults
            assert answer.status == (way.status if is_mended else 503), (plan, answer.body)
            if answer.status == 503:
                assert answer.body["error"] == "temporarily_unavailable"
                bench.now += math.ceil(machine.network.seconds) + int(answer.headers["Retry-After"])
        assert machine.network.seconds < LAMBDA_TIMEOUT
        if answer is None or answer.status == 503:
            machine.network.plan = {}
            answer = machine.post(form)
            assert answer is not None
            if way.once and way.calls[call] == WRITE and faults[0].applied:
                assert answer.error == REFUSED
                assert (bench.stored(family_id).revoked_at is not None) == (form["grant_type"] == CODE)
                continue
            assert answer.status == way.status, (plan, answer.body)
        check(bench, way, family_id)
        if "refresh_token" in answer.body:
            bench.now += WINDOW + 1
            following = machine.post({"grant_type": "refresh_token", "refresh_token": answer.body["refresh_token"]})
            assert following is not None
            assert following.status == 200


@pytest.mark.parametrize("name", WAYS)
def test_two_calls_that_hang_still_end_in_an_answer_within_the_functions_timeout(bench: Bench, name: str) -> None:
    way = WAYS[name]
    barely, never = (Fault.UNANSWERED,) * (FOR_GOOD - 1), (Fault.UNANSWERED,) * FOR_GOOD
    for first, second in combinations(range(len(way.calls)), 2):
        for plan in ({first: barely, second: never}, {first: barely, second: barely}):
            _, form = way.prepare(bench)
            machine = bench.machine(with_settings(way.settings), Network(plan))
            answer = machine.post(form)
            assert answer is not None
            assert answer.status in (way.status, 503)
            assert machine.network.seconds < LAMBDA_TIMEOUT


def test_no_answer_sends_a_client_away_for_longer_than_the_window_that_is_shipped(bench: Bench) -> None:
    way = WAYS["a token is rotated"]
    for fault in LASTING:
        _, form = way.prepare(bench)
        machine = bench.machine(with_settings(way.settings), Network({1: (fault,) * FOR_GOOD}))
        answer = machine.post(form)
        assert answer is not None
        assert machine.network.seconds + int(answer.headers["Retry-After"]) < WINDOW / 2


def test_without_a_window_an_answer_that_is_lost_for_good_costs_the_login(bench: Bench) -> None:
    """Nobody can tell this retry from a thief's use: that is what reuseInterval is for."""
    way = replace(WAYS["a token is rotated"], settings="{}")
    for fault in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER):
        family_id, form = way.prepare(bench)
        assert bench.machine(with_settings("{}"), Network({1: (fault,)})).post(form) is None
        answer = bench.machine(with_settings("{}"), Network()).post(form)
        assert answer is not None
        assert (answer.status == 200) == (fault is Fault.KILLED_BEFORE)
        assert (bench.stored(family_id).revoked_at is None) == (fault is Fault.KILLED_BEFORE)


@pytest.mark.parametrize("fault", LASTING)
def test_a_machine_that_cannot_reload_its_keys_goes_on_for_an_hour_and_then_says_503(
    bench: Bench, fault: Fault
) -> None:
    _, form = token()(bench)
    machine = bench.machine(with_settings(f"{{reuseInterval: {WINDOW}s}}"), Network())
    started = bench.now
    for after, broken, expected in (
        (0, False, 200),
        (301, True, 200),
        (3600, True, 200),
        (3606, True, 503),
        (3607, False, 200),
    ):
        bench.now = started + after
        reload = len(machine.network.calls)
        machine.network.plan = {reload: (fault,) * FOR_GOOD} if broken else {}
        answer = machine.post(form)
        assert answer is not None
        assert answer.status == expected, (fault, after)
        assert after == 0 or machine.network.calls[reload] == RING
        if answer.status == 200:
            form = {**form, "refresh_token": answer.body["refresh_token"]}
