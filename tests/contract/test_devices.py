"""DynamoDevices keeps the contract of DeviceStore: the condition of a poll is the pure decision, for every case."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.errors import OAuthError
from sundial.expiry import device
from sundial.expiry.device import DeviceRequest, Poll
from sundial.expiry.family import Family
from sundial.store.devices import DynamoDevices, Polled
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.tokens.device_codes import PresentedDevice
from sundial.tokens.opaque import new_change_id, new_family_id
from tests.support.depth import examples
from tests.support.devices import MemoryDevices, a_request
from tests.support.families import LOGIN_AT, MAC_KEY, MemoryFamilies, a_login
from tests.support.stack import OwnStack

on_one_table = examples(100, 2000)

ENDS_AT = LOGIN_AT + 300


@pytest.fixture
def devices(stack: OwnStack) -> DynamoDevices:
    return DynamoDevices(stack.dynamodb, stack.families_table)


def presented(family_id: str) -> PresentedDevice:
    return PresentedDevice(family_id, LOGIN_AT, ENDS_AT)


def an_allowed_login(**changes: object) -> Family:
    """Return the family that a request becomes."""
    now = LOGIN_AT + 20
    made = {"redeemed_at": now, "generation": 1, "rotated_at": now, "last_used_at": now, "mac_key_id": MAC_KEY.id}
    return a_login(**{"code": None, "change_id": new_change_id(), **made, **changes})


def stored(devices: DynamoDevices, item_id: str) -> dict[str, Any]:
    found = devices._client.get_item(TableName=devices._table, Key={"id": {"S": item_id}})
    return dict(found["Item"])


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("poll"), st.integers(0, 12), st.sampled_from(["", "", "https://a.example", "https://b.example"])
        ),
        st.tuples(st.just("poll of another client"), st.integers(0, 12), st.just("")),
        st.tuples(st.just("allow"), st.integers(0, 3), st.sampled_from(["", "https://a.example"])),
        st.tuples(st.just("deny"), st.just(0), st.just("")),
    ),
    max_size=12,
)


@given(steps)
@on_one_table
def test_a_poll_is_noted_exactly_where_the_rule_says_so(
    families: DynamoFamilies, devices: DynamoDevices, steps: list[tuple[str, int, str]]
) -> None:
    memory = MemoryFamilies()
    model = MemoryDevices(memory)
    family = an_allowed_login(family_id=new_family_id())
    for now, (step, _, resource) in zip(accumulate((LOGIN_AT, *(s[1] for s in steps))), steps, strict=False):
        if step == "allow":
            allowed = replace(family, resources=(resource,) if resource else ())
            assert devices.allow(allowed, ENDS_AT, None) == model.allow(allowed, ENDS_AT, None)
        elif step == "deny":
            families.revoke(family.family_id, LOGIN_AT, "denied")
            memory.revoke(family.family_id, LOGIN_AT, "denied")
        else:
            client_id = "another-app" if step.endswith("client") else family.client_id
            asked = frozenset((resource,)) if resource else frozenset()
            change = new_change_id()
            real = devices.poll(presented(family.family_id), client_id, asked, now, change)
            expected = model.poll(presented(family.family_id), client_id, asked, now, change)
            assert real.applied == expected.applied
            outcomes = [device.decide(one.login, client_id, asked, now) for one in (real, expected)]
            assert outcomes[0] == outcomes[1]
            assert real.applied == outcomes[0].is_noted
            assert real.login.family == expected.login.family


def poll(devices: DynamoDevices, family_id: str, now: int = LOGIN_AT + 30, change: str = "") -> Polled:
    return devices.poll(presented(family_id), "example-app", frozenset(), now, change or new_change_id())


def outcome(polled: Polled, now: int = LOGIN_AT + 30) -> Poll:
    return device.decide(polled.login, "example-app", frozenset(), now)


def test_of_many_polls_at_once_exactly_one_gets_the_tokens(devices: DynamoDevices) -> None:
    for _ in range(20):
        family = an_allowed_login(family_id=new_family_id())
        poll(devices, family.family_id, LOGIN_AT + 1)
        assert devices.allow(family, ENDS_AT, None)
        with ThreadPoolExecutor(8) as pool:
            polled = list(pool.map(lambda _, family=family: poll(devices, family.family_id), range(8)))
        assert sorted(outcome(one) for one in polled) == [Poll.GRANT, *[Poll.USED] * 7]
        assert sum(one.applied for one in polled) == 1


def test_polls_that_race_the_answer_lose_nothing(devices: DynamoDevices) -> None:
    for _ in range(20):
        family = an_allowed_login(family_id=new_family_id())
        with ThreadPoolExecutor(5) as pool:
            polls = [pool.submit(poll, devices, family.family_id) for _ in range(4)]
            assert pool.submit(devices.allow, family, ENDS_AT, None).result()
        granted = [one.result() for one in polls if outcome(one.result()) is Poll.GRANT]
        assert len(granted) + (outcome(poll(devices, family.family_id)) is Poll.GRANT) == 1


def test_a_poll_that_the_sdk_sends_again_is_recognised_as_its_own(devices: DynamoDevices) -> None:
    family = an_allowed_login(family_id=new_family_id())
    for _ in range(2):
        polled = poll(devices, family.family_id, LOGIN_AT + 5, "of one poll")
        assert polled.applied
        assert outcome(polled, LOGIN_AT + 5) is Poll.PENDING
    devices.allow(family, ENDS_AT, None)
    for _ in range(2):
        polled = poll(devices, family.family_id, LOGIN_AT + 10, "of the next")
        assert polled.applied
        assert outcome(polled) is Poll.GRANT
    assert outcome(poll(devices, family.family_id)) is Poll.USED


def test_a_request_is_found_by_its_code_until_it_is_answered(devices: DynamoDevices, families: DynamoFamilies) -> None:
    request = a_request(audience=("peer",), resources=("https://a.example",))
    assert devices.ask(request, LOGIN_AT)
    poll(devices, request.family_id)
    assert devices.find(request.user_code) == request
    assert devices.find("BBBBBBBB") is None
    devices.allow(an_allowed_login(family_id=request.family_id), ENDS_AT, None)
    assert devices.find(request.user_code) is None
    denied = a_request()
    devices.ask(denied, LOGIN_AT)
    families.revoke(denied.family_id, LOGIN_AT, "denied")
    assert devices.find(denied.user_code) is None


def test_a_code_is_nobody_elses_while_it_is_alive(devices: DynamoDevices) -> None:
    request = a_request(user_code="BCDFGHJK")
    assert devices.ask(request, LOGIN_AT)
    assert devices.ask(request, LOGIN_AT), "the SDK's retry of its own write"
    another = replace(request, family_id=new_family_id())
    assert not devices.ask(another, request.expires_at)
    assert devices.ask(replace(another, expires_at=request.expires_at + 1), request.expires_at + 1)


def test_allowing_twice_is_allowing_once(devices: DynamoDevices, families: DynamoFamilies) -> None:
    family = an_allowed_login(family_id=new_family_id())
    assert devices.allow(family, ENDS_AT, None)
    assert devices.allow(replace(family, rotated_at=LOGIN_AT + 99), ENDS_AT, None)
    assert families.get(family.family_id) == family
    poll(devices, family.family_id)
    assert devices.allow(family, ENDS_AT, None), "the device has its tokens: that is what was allowed"
    assert not devices.allow(replace(family, change_id="of another login"), ENDS_AT, None)
    families.revoke(family.family_id, LOGIN_AT, "denied")
    assert not devices.allow(family, ENDS_AT, None)


def test_a_login_is_kept_as_long_as_it_is_of_use_once_its_tokens_are_fetched(devices: DynamoDevices) -> None:
    grace = 7 * 86400
    family = an_allowed_login(family_id=new_family_id())
    devices.allow(family, ENDS_AT, LOGIN_AT + 10**7)
    assert stored(devices, family.family_id)["ttl"] == {"N": str(ENDS_AT + grace)}, "nobody may ever fetch them"
    poll(devices, family.family_id)
    assert stored(devices, family.family_id)["ttl"] == {"N": str(LOGIN_AT + 10**7 + grace)}
    immortal = an_allowed_login(family_id=new_family_id())
    devices.allow(immortal, ENDS_AT, None)
    poll(devices, immortal.family_id)
    assert int(stored(devices, immortal.family_id)["ttl"]["N"]) > LOGIN_AT + 10**10


def test_what_only_polls_made_is_collected_soon_and_is_nobodys_login(
    devices: DynamoDevices, families: DynamoFamilies
) -> None:
    family_id = new_family_id()
    poll(devices, family_id)
    item = stored(devices, family_id)
    assert item["ttl"] == {"N": str(ENDS_AT + 7 * 86400)}
    assert "subject" not in item
    assert families.get(family_id) is None


def test_tries_are_counted_by_source_and_window(devices: DynamoDevices) -> None:
    assert [devices.may_try("somebody", 1, 3, ENDS_AT) for _ in range(5)] == [True, True, True, False, False]
    assert devices.may_try("somebody", 2, 3, ENDS_AT)
    assert devices.may_try("somebody else", 1, 3, ENDS_AT)
    assert stored(devices, "tries#somebody#1")["ttl"] == {"N": str(ENDS_AT)}


def test_a_table_that_is_not_there_is_a_503(stack: OwnStack) -> None:
    missing = DynamoDevices(stack.dynamodb, "no-such-table")
    request: DeviceRequest = a_request()
    family = an_allowed_login()
    for call in (
        lambda: missing.ask(request, LOGIN_AT),
        lambda: missing.find(request.user_code),
        lambda: missing.allow(family, ENDS_AT, None),
        lambda: poll(missing, family.family_id),
        lambda: missing.may_try("somebody", 1, 3, ENDS_AT),
    ):
        with pytest.raises(OAuthError) as raised:
            call()
        assert raised.value.status == 503
