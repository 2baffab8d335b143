"""DynamoFamilies keeps the contract of FamilyStore: its conditions are the pure decisions, for every case."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from sundial.errors import OAuthError
from sundial.expiry import codes
from sundial.expiry.family import Family, PendingCode, expires_at
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.families import FamilyStore
from sundial.tokens.opaque import new_family_id
from tests.support.families import LOGIN_AT, REDIRECT_URI, MemoryFamilies, a_family, a_login
from tests.support.family_table import (
    asked_targets,
    change,
    on_one_table,
    policies,
    presented,
    put,
    redeemed_families,
    stored,
    targets,
)


@st.composite
def moments(draw: st.DrawFn, family: Family, policy: RefreshTokenPolicy) -> int:
    """An instant: one at which a rotation is due, about one of the limits where there is one, or any."""
    window = timedelta(0) if policy.disable_rotation or policy.reuse_interval is None else policy.reuse_interval
    due = family.rotated_at + int(window.total_seconds()) + 1
    last = expires_at(family.created_at, family.last_used_at, policy)
    if draw(st.booleans()) and (last is None or due <= last):
        return draw(st.integers(due, due + 6000 if last is None else last))
    limits = [
        family.rotated_at + policy.reuse_interval.total_seconds() if policy.reuse_interval else None,
        family.last_used_at + policy.valid_if_not_used_for.total_seconds() if policy.valid_if_not_used_for else None,
        family.created_at + policy.absolute_lifetime.total_seconds() if policy.absolute_lifetime else None,
        family.rotated_at + draw(st.integers(-5, 6000)),
    ]
    limit = draw(st.sampled_from([limit for limit in limits if limit is not None]))
    return int(limit) + draw(st.integers(-1, 1))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for. As it stands, nothing of it is in the way of a rotation."""

    ahead: int = 0
    """Of the family's generation."""
    client_id: str = "example-app"
    scopes: frozenset[str] = frozenset(("openid",))
    not_before: int = 0
    resources: frozenset[str] = frozenset()


IN_THE_WAY: Mapping[str, st.SearchStrategy[Any]] = {
    "ahead": st.sampled_from([-1, -2, 1]),
    "client_id": st.just("another-app"),
    "scopes": st.sampled_from([frozenset[str](), frozenset(("openid", "groups"))]),
    "not_before": st.just(LOGIN_AT + 1500),
    "resources": asked_targets,
}


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    """What is asked for: one thing of it is unusual, so that each is seen to be enough by itself; or any, or none."""
    unusual = draw(
        st.one_of(st.sampled_from([*IN_THE_WAY]).map(lambda one: {one}), st.sets(st.sampled_from([*IN_THE_WAY])))
    )
    return Asked(**{name: draw(IN_THE_WAY[name]) for name in IN_THE_WAY if name in unusual})


@given(st.data(), redeemed_families(), policies, requests())
@on_one_table
def test_a_rotation_is_applied_exactly_where_the_rule_says_so(
    families: DynamoFamilies, data: st.DataObject, family: Family, policy: RefreshTokenPolicy, asked: Asked
) -> None:
    put(families, family)
    model = MemoryFamilies(family)
    moment = change(data.draw(moments(family, policy)))
    token = presented(family, max(1, family.generation + asked.ahead))
    claims = replace(family.claims, groups=("dev", "ops"))
    stores: tuple[FamilyStore, FamilyStore] = (families, model)
    real, expected = (
        store.rotate(token, asked.client_id, asked.scopes, policy, asked.not_before, claims, moment, asked.resources)
        for store in stores
    )
    assert real == expected
    assert families.get(family.family_id) == model.get_now(family.family_id)


@st.composite
def logins(draw: st.DrawFn) -> Family:
    challenge = draw(st.sampled_from([None, codes.challenge("plain", "v" * 43), "S256:another"]))
    return a_login(
        family_id=new_family_id(),
        code=PendingCode(LOGIN_AT + 60, REDIRECT_URI, challenge),
        redeemed_at=draw(st.sampled_from([None, None, None, None, LOGIN_AT + 1])),
        revoked_at=draw(st.sampled_from([None, None, None, None, LOGIN_AT + 1])),
        resources=draw(targets),
    )


@given(
    logins(),
    st.sampled_from(["v" * 43, "w" * 43, None]),
    st.sampled_from([-5, 0, 1, 59, 60, 60, 61, 65]),
    st.sampled_from(["example-app", "example-app", "example-app", "another-app"]),
    st.sampled_from([REDIRECT_URI, REDIRECT_URI, REDIRECT_URI, "http://127.0.0.1/other"]),
    st.integers(0, 1),
    st.sampled_from([0, 0, LOGIN_AT, LOGIN_AT + 1]),
    asked_targets,
)
@on_one_table
def test_a_code_is_redeemed_exactly_where_the_rule_says_so(
    families: DynamoFamilies,
    family: Family,
    verifier: str | None,
    after: int,
    client_id: str,
    redirect_uri: str,
    generation: int,
    not_before: int,
    resources: frozenset[str],
) -> None:
    put(families, family)
    model = MemoryFamilies(family)
    moment = change(LOGIN_AT + after)
    challenges = codes.challenges_of(verifier)
    stores: tuple[FamilyStore, FamilyStore] = (families, model)
    real, expected = (
        store.redeem(
            presented(family, generation),
            client_id,
            redirect_uri,
            challenges,
            RefreshTokenPolicy(),
            timedelta(hours=1),
            not_before,
            moment,
            resources,
        )
        for store in stores
    )
    assert real == expected
    assert families.get(family.family_id) == model.get_now(family.family_id)


@pytest.mark.parametrize(
    ("after", "not_before", "applied"),
    [
        (60, 0, True),
        (61, 0, False),
        (30, LOGIN_AT, True),
        (30, LOGIN_AT + 1, False),
    ],
)
def test_a_code_is_good_until_its_last_second_and_for_logins_from_the_watermark_on(
    families: DynamoFamilies, after: int, not_before: int, applied: bool
) -> None:
    family = a_login()
    model = MemoryFamilies()
    stores: tuple[FamilyStore, FamilyStore] = (families, model)
    for store in stores:
        store.begin(family)
        written = store.redeem(
            presented(family, 1),
            family.client_id,
            REDIRECT_URI,
            frozenset(),
            RefreshTokenPolicy(),
            timedelta(hours=1),
            not_before,
            change(LOGIN_AT + after),
        )
        assert written.applied is applied


def test_a_write_that_the_sdk_sends_again_is_recognised_as_its_own(families: DynamoFamilies) -> None:
    family = a_login()
    families.begin(family)
    families.begin(family)
    once = change(LOGIN_AT + 1)
    for _ in range(2):
        redeemed = families.redeem(
            presented(family, 1),
            family.client_id,
            REDIRECT_URI,
            frozenset(),
            RefreshTokenPolicy(),
            timedelta(hours=1),
            0,
            once,
        )
        assert redeemed.applied
    once = change(LOGIN_AT + 2)
    for _ in range(2):
        rotated = families.rotate(
            presented(family, 1), family.client_id, frozenset(), RefreshTokenPolicy(), 0, None, once
        )
        assert rotated.applied
        assert rotated.family is not None
        assert rotated.family.generation == 2


def test_a_login_that_has_been_revoked_does_not_begin_again(families: DynamoFamilies) -> None:
    family = a_login()
    assert families.begin(family)
    assert families.begin(family)
    families.revoke(family.family_id, LOGIN_AT + 5, "ended")
    assert not families.begin(family)
    unborn = replace(family, family_id=new_family_id())
    families.revoke(unborn.family_id, LOGIN_AT + 5, "ended")
    assert not families.begin(unborn)


def test_revoking_twice_keeps_the_first_instant_and_works_before_there_is_a_family(families: DynamoFamilies) -> None:
    family = a_family()
    families.revoke(family.family_id, LOGIN_AT + 5, "logout")
    assert families.get(family.family_id) is None
    put(families, family)
    families.revoke(family.family_id, LOGIN_AT + 6, "logout")
    families.revoke(family.family_id, LOGIN_AT + 9, "replay")
    item = stored(families, family)
    assert (item["revoked_at"], item["revoked_why"]) == ({"N": str(LOGIN_AT + 6)}, {"S": "logout"})


def test_of_many_rotations_at_once_exactly_one_is_applied(families: DynamoFamilies) -> None:
    for _ in range(20):
        family = a_family(family_id=new_family_id())
        put(families, family)

        def rotate(_: int, family: Family = family) -> bool:
            return families.rotate(
                presented(family, 1),
                family.client_id,
                frozenset(),
                RefreshTokenPolicy(),
                0,
                None,
                change(LOGIN_AT + 60),
            ).applied

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(rotate, range(8))) == 1


@pytest.fixture
def unreachable(aws_environment: object) -> DynamoFamilies:
    nobody = boto3.client(
        "dynamodb", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1})
    )
    return DynamoFamilies(nobody, "families")


def test_a_table_that_cannot_be_reached_is_a_503_that_says_so(unreachable: DynamoFamilies) -> None:
    with pytest.raises(OAuthError) as refusal:
        unreachable.get("some family")
    assert (refusal.value.status, refusal.value.code) == (503, "temporarily_unavailable")
    assert "Retry-After" in refusal.value.headers


def test_a_table_that_is_not_there_is_a_503_too(families: DynamoFamilies) -> None:
    missing = DynamoFamilies(families._client, "no-such-table")
    with pytest.raises(OAuthError) as refusal:
        missing.rotate(
            presented(a_family(), 1), "example-app", frozenset(), RefreshTokenPolicy(), 0, None, change(LOGIN_AT)
        )
    assert refusal.value.status == 503
    assert "ResourceNotFoundException" in refusal.value.detail
