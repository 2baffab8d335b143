"""Families that come from Dex, written into the real table, and refreshed there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from sundial.expiry.family import Ending
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.families import Change
from sundial.store.inheritance import DynamoInheritance
from sundial.tokens.opaque import Presented, new_change_id
from sundial.tokens.subject import connector_tag, user_tag
from tests.support.dex import CURRENT, OBSOLETE, dex_token, imported_family
from tests.support.families import LOGIN_AT, MAC_KEY
from tests.support.refresh_world import RefreshWorld, quick_config
from tests.support.stack import OwnStack
from tests.support.token_world import USER_ID, Answer, TokenWorld

_AT_ONCE = 16
Stores = tuple[DynamoInheritance, DynamoFamilies]


@pytest.fixture
def stores(stack: OwnStack) -> Stores:
    return (
        DynamoInheritance(stack.dynamodb, stack.families_table),
        DynamoFamilies(stack.dynamodb, stack.families_table),
    )


def test_a_family_comes_back_as_it_was_written(stores: Stores) -> None:
    inheritance, families = stores
    for family in (imported_family(), imported_family(obsolete=False, family_id="A" * 22)):
        assert inheritance.inherit(family, None)
        assert families.get(family.family_id) == family


def test_the_item_holds_digests_and_no_token(stores: Stores, stack: OwnStack) -> None:
    inheritance, _ = stores
    inheritance.inherit(imported_family(), LOGIN_AT + 60)
    [item] = stack.dynamodb.scan(TableName=stack.families_table)["Items"]
    text = repr(item)
    assert CURRENT not in text
    assert OBSOLETE not in text
    assert int(item["expires_at"]["N"]) == LOGIN_AT + 60
    assert int(item["ttl"]["N"]) == LOGIN_AT + 60 + 7 * 86400


def test_again_it_takes_the_place_of_what_nobody_has_used(stores: Stores) -> None:
    inheritance, families = stores
    assert inheritance.inherit(imported_family(), None)
    later = imported_family(used_at=LOGIN_AT + 9)
    assert inheritance.inherit(later, None)
    assert families.get(later.family_id) == later


def test_a_login_that_was_revoked_here_does_not_come_back(stores: Stores) -> None:
    inheritance, families = stores
    family = imported_family()
    inheritance.inherit(family, None)
    families.revoke(family.family_id, LOGIN_AT + 1, Ending.BY_OPERATOR)
    assert not inheritance.inherit(family, None)


@pytest.mark.parametrize("refreshed", [False, True])
@pytest.mark.parametrize("alive_until", [None, LOGIN_AT + 3600])
def test_a_login_that_was_revoked_here_does_not_come_back_years_later(
    stores: Stores, stack: OwnStack, alive_until: int | None, refreshed: bool
) -> None:
    inheritance, families = stores
    family = imported_family()
    assert inheritance.inherit(family, alive_until)
    if refreshed:
        world = RefreshWorld(stack=stack)
        change = Change(LOGIN_AT + 60, new_change_id(), MAC_KEY.id)
        policy = world.config.refresh_policy(world.config.clients["example-app"], "local")  # which ends no login
        presented = _presented(family.family_id)
        assert families.rotate(presented, "example-app", frozenset(), policy, 0, None, change).applied
    families.revoke(family.family_id, LOGIN_AT + 90, Ending.BY_OPERATOR)
    collect_garbage(stack, LOGIN_AT + 10 * 365 * 86400)
    assert not inheritance.inherit(family, None)
    found = families.get(family.family_id)
    assert found is not None
    assert found.revoked_at == LOGIN_AT + 90


def test_a_login_that_comes_to_its_own_end_is_collected(stores: Stores, stack: OwnStack) -> None:
    inheritance, families = stores
    family = imported_family()
    inheritance.inherit(family, LOGIN_AT + 60)
    collect_garbage(stack, LOGIN_AT + 60 + 7 * 86400)
    assert families.get(family.family_id) is not None
    collect_garbage(stack, LOGIN_AT + 60 + 7 * 86400 + 1)
    assert families.get(family.family_id) is None


def collect_garbage(stack: OwnStack, now: int) -> None:
    """Delete what DynamoDB's TTL would have deleted by `now`."""
    for item in stack.dynamodb.scan(TableName=stack.families_table)["Items"]:
        if "ttl" in item and int(item["ttl"]["N"]) < now:
            stack.dynamodb.delete_item(TableName=stack.families_table, Key={"id": item["id"]})


def test_nor_one_that_was_revoked_before_it_came(stores: Stores) -> None:
    inheritance, families = stores
    family = imported_family()
    families.revoke(family.family_id, LOGIN_AT + 1, Ending.BY_OPERATOR)
    assert not inheritance.inherit(family, None)


def test_a_login_whose_provider_is_being_asked_is_left_alone(stores: Stores, stack: OwnStack) -> None:
    inheritance, families = stores
    family = imported_family()
    inheritance.inherit(family, None)
    world = RefreshWorld(stack=stack)
    presented = _presented(family.family_id)
    change = Change(LOGIN_AT + 60, new_change_id(), MAC_KEY.id)
    policy = world.config.refresh_policy(world.config.clients["example-app"], "local")
    assert families.lease(presented, "example-app", frozenset(), policy, 0, change, LOGIN_AT + 90).applied
    assert not inheritance.inherit(family, None)


def test_a_login_goes_on_over_the_real_table_and_is_not_written_over_then(stores: Stores, stack: OwnStack) -> None:
    inheritance, _ = stores
    claims = replace(imported_family().claims, user_id=USER_ID)
    family = imported_family(claims=claims)
    inheritance.inherit(family, None)
    world = RefreshWorld("{reuseInterval: 30s}", stack=stack)
    world.use(replace(world.config, migration=replace(world.config.migration, dex_refresh_tokens=True)))
    world.now = LOGIN_AT + 10
    first = world.refresh(dex_token()).body["refresh_token"]
    assert first.startswith("sundial_rt_")
    assert world.refresh(dex_token(OBSOLETE)).body["refresh_token"] == first
    assert not inheritance.inherit(family, None)
    world.now += 31
    assert world.refresh(first).status == 200
    assert world.refresh(dex_token()).error == (400, "invalid_grant")


def test_of_many_requests_with_dexs_tokens_at_once_all_get_the_one_successor(stores: Stores, stack: OwnStack) -> None:
    """Each is a machine of its own; half of them have the token before the last one, whose answer was lost."""
    inheritance, families = stores
    claims = replace(imported_family().claims, user_id=USER_ID)
    inheritance.inherit(imported_family(claims=claims), None)
    machines = [TokenWorld(families=families, now=LOGIN_AT + 10) for _ in range(_AT_ONCE)]
    settings = quick_config(everywhere="{reuseInterval: 30s}") + "migration: {dexRefreshTokens: true}\n"
    for machine in machines:
        machine.configure(settings)
    barrier = Barrier(_AT_ONCE)

    def refresh(index: int) -> Answer:
        barrier.wait()
        return machines[index].refresh(dex_token(OBSOLETE if index % 2 else CURRENT))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(refresh, range(_AT_ONCE)))
    assert [answer.status for answer in answers] == [200] * _AT_ONCE
    [successor] = {answer.body["refresh_token"] for answer in answers}
    assert successor.startswith("sundial_rt_")
    family = families.get(imported_family().family_id)
    assert family is not None
    assert family.generation == 2


def _presented(family_id: str) -> Presented:
    return Presented(family_id, LOGIN_AT, 1, connector_tag("local"), user_tag("08a8684b"), "", inherited=True)
