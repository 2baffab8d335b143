"""The lease of a family, in the real store: taken exactly where a rotation would be, by one, and for a while."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.expiry.family import Claims, Family, Upstream
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.families import Change, FamilyStore, Held, Written
from sundial.tokens.opaque import new_family_id
from tests.support.families import LOGIN_AT, MemoryFamilies, a_family
from tests.support.family_table import (
    asked_targets,
    change,
    on_one_table,
    policies,
    presented,
    put,
    redeemed_families,
)

NOW = LOGIN_AT + 10
UNTIL = NOW + 30
KEPT = Upstream(b"a wrapped key", b"what the connector keeps")
CLAIMS = Claims("08a8684b", username="renamed")


def a_kept_family(families: DynamoFamilies) -> Family:
    family = a_family(upstream=KEPT)
    put(families, family)
    return family


def lease(families: FamilyStore, family: Family, moment: Change, policy: RefreshTokenPolicy | None = None) -> Written:
    policy = policy or RefreshTokenPolicy()
    return families.lease(
        presented(family, family.generation), family.client_id, frozenset(), policy, 0, moment, moment.now + 30
    )


def rotate(families: FamilyStore, family: Family, held: Held, *, now: int = NOW) -> Written:
    return families.rotate(
        presented(family, family.generation),
        family.client_id,
        frozenset(),
        RefreshTokenPolicy(),
        0,
        CLAIMS,
        change(now),
        held=held,
    )


@given(
    family=redeemed_families(),
    policy=policies,
    generation=st.integers(1, 5),
    after=st.integers(-5, 6000),
    client_id=st.sampled_from(("example-app", "example-app", "another-app")),
    scopes=st.sets(st.sampled_from(("openid", "email", "groups"))).map(frozenset),
    not_before=st.sampled_from((0, 0, LOGIN_AT + 1500)),
    resources=asked_targets,
    leased_until=st.sampled_from((0, LOGIN_AT, LOGIN_AT + 1500)),
)
@on_one_table
def test_a_lease_is_taken_exactly_where_a_rotation_would_be_and_nobody_else_has_one(
    families: DynamoFamilies,
    family: Family,
    policy: RefreshTokenPolicy,
    generation: int,
    after: int,
    client_id: str,
    scopes: frozenset[str],
    not_before: int,
    resources: frozenset[str],
    leased_until: int,
) -> None:
    if leased_until:
        family = replace(family, lease_id="another request", lease_until=leased_until)
    put(families, family)
    model = MemoryFamilies(family)
    moment = change(family.rotated_at + after)
    stores: tuple[FamilyStore, FamilyStore] = (families, model)
    asked = (presented(family, generation), client_id, scopes, policy, not_before)
    real, expected = (store.lease(*asked, moment, moment.now + 30, resources) for store in stores)
    assert real == expected
    assert families.get(family.family_id) == model.get_now(family.family_id)


def test_a_lease_changes_nothing_else_of_the_family(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    moment = change(NOW)
    written = lease(families, family, moment)
    assert written == Written(True, replace(family, lease_id=moment.change_id, lease_until=UNTIL))
    assert families.get(family.family_id) == written.family


def test_a_lease_that_the_sdk_sends_again_is_recognised_as_its_own(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    moment = change(NOW)
    assert lease(families, family, moment).applied
    assert lease(families, family, moment).applied
    assert not lease(families, family, change(NOW)).applied


@pytest.mark.parametrize(("after", "free"), [(29, False), (30, False), (31, True)])
def test_a_lease_holds_until_its_last_second(families: DynamoFamilies, after: int, free: bool) -> None:
    family = a_kept_family(families)
    assert lease(families, family, change(NOW)).applied
    assert lease(families, family, change(NOW + after)).applied is free


def test_of_many_who_want_it_at_once_one_gets_the_lease(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda _: lease(families, family, change(NOW)).applied, range(16)))
    assert sum(got) == 1


def test_a_rotation_under_the_lease_ends_it_and_keeps_what_the_provider_gave_out(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    moment = change(NOW)
    lease(families, family, moment)
    written = rotate(families, family, Held(moment.change_id, b"the next one"))
    assert written.applied
    assert written.family is not None
    assert (written.family.generation, written.family.claims, written.family.lease_until) == (2, CLAIMS, 0)
    assert written.family.upstream == Upstream(KEPT.wrapped_key, b"the next one")
    assert lease(families, written.family, change(NOW + 1)).applied


def test_a_rotation_without_the_lease_is_not_applied(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    assert not rotate(families, family, Held("never had it")).applied
    lease(families, family, change(NOW))
    assert not rotate(families, family, Held("somebody else")).applied
    assert families.get(family.family_id) is not None


def test_a_lease_that_is_given_back_is_free_at_once(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    moment = change(NOW)
    lease(families, family, moment)
    families.release(family.family_id, Held(moment.change_id, b"the next one"))
    released = families.get(family.family_id)
    assert released is not None
    assert released.upstream == Upstream(KEPT.wrapped_key, b"the next one")
    assert lease(families, family, change(NOW)).applied


def test_what_the_provider_gave_out_is_kept_even_where_the_lease_was_lost(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    lease(families, family, change(NOW))
    other = change(NOW + 31)
    lease(families, family, other)
    families.release(family.family_id, Held("lost", b"the next one", before=KEPT))
    found = families.get(family.family_id)
    assert found is not None
    assert (found.lease_id, found.lease_until) == (other.change_id, other.now + 30)
    assert found.upstream == Upstream(KEPT.wrapped_key, b"the next one")


def test_what_the_provider_gave_out_never_takes_the_place_of_what_it_gave_out_later(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    lease(families, family, change(NOW))
    other = change(NOW + 31)
    lease(families, family, other)
    assert rotate(families, family, Held(other.change_id, b"the last one", before=KEPT)).applied
    families.release(family.family_id, Held("lost", b"the one before", before=KEPT))
    found = families.get(family.family_id)
    assert found is not None
    assert found.upstream == Upstream(KEPT.wrapped_key, b"the last one")


def test_giving_back_what_is_gone_makes_nothing(families: DynamoFamilies) -> None:
    families.release(new_family_id(), Held("lost", b"the next one", before=KEPT))
    family = a_family()
    put(families, family)
    families.release(family.family_id, Held("lost", b"the next one", before=KEPT))
    assert families.get(family.family_id) == family


def test_without_rotation_a_lease_is_taken_and_given_back_all_the_same(families: DynamoFamilies) -> None:
    family = a_kept_family(families)
    policy = RefreshTokenPolicy(disable_rotation=True, valid_if_not_used_for=timedelta(hours=1))
    moment = change(NOW)
    assert lease(families, family, moment, policy).applied
    assert not lease(families, family, change(NOW), policy).applied
    families.release(family.family_id, Held(moment.change_id))
    assert lease(families, family, change(NOW), policy).applied
