"""The table of refresh token families as the tests write and read it; families and policies for Hypothesis to draw."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from sundial.expiry.family import Family
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.families import Change
from sundial.store.family_items import to_item
from sundial.tokens.opaque import Presented, new_change_id, new_family_id
from sundial.tokens.subject import connector_tag, user_tag
from tests.support.depth import examples
from tests.support.families import LOGIN_AT, MAC_KEY, REDIRECT_URI, a_family

on_one_table = examples(150, 3000)


def presented(family: Family, generation: int) -> Presented:
    return Presented(
        family.family_id,
        family.created_at,
        generation,
        connector_tag(family.connector_id),
        user_tag(family.claims.user_id),
        MAC_KEY.id,
    )


def change(now: int) -> Change:
    return Change(now, new_change_id(), MAC_KEY.id)


def put(families: DynamoFamilies, family: Family) -> None:
    """Put `family` as it is, whatever its state."""
    families._client.put_item(TableName=families._table, Item=to_item(family))


def stored(families: DynamoFamilies, family: Family) -> dict[str, Any]:
    found = families._client.get_item(TableName=families._table, Key={"id": {"S": family.family_id}})
    return dict(found["Item"])


durations = st.one_of(
    st.none(),
    st.integers(1, 3000).map(lambda seconds: timedelta(seconds=seconds)),
    st.sampled_from([timedelta(milliseconds=100), timedelta(seconds=30, milliseconds=500)]),
)
policies = st.builds(RefreshTokenPolicy, st.booleans(), durations, durations, durations)


targets = st.sampled_from([(), (), ("https://a.example.com",), ("https://a.example.com", "https://b.example.com")])
asked_targets = st.sampled_from(
    [
        frozenset[str](),
        frozenset[str](),
        frozenset[str](),
        frozenset(("https://b.example.com",)),
        frozenset(("https://a.example.com", "https://b.example.com")),
    ]
)


@st.composite
def redeemed_families(draw: st.DrawFn) -> Family:
    rotated_at = LOGIN_AT + draw(st.integers(0, 3000))
    return a_family(
        family_id=new_family_id(),
        generation=draw(st.sampled_from([1, 2, 3, 4, 0])),
        rotated_at=rotated_at,
        last_used_at=rotated_at + draw(st.integers(0, 100)),
        revoked_at=draw(st.sampled_from([*[None] * 7, rotated_at])),
        resources=draw(targets),
    )


def redeem_in(families: DynamoFamilies, family: Family, *, generation: int) -> None:
    written = families.redeem(
        presented(family, generation),
        family.client_id,
        REDIRECT_URI,
        frozenset(),
        RefreshTokenPolicy(),
        timedelta(hours=1),
        0,
        change(LOGIN_AT + 1),
    )
    assert written.applied
