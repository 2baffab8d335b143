"""What stands in a family's item, and for how long: no token, and nothing that could make one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings

from sundial.expiry.family import Claims, Family
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.family_items import from_item, to_item
from tests.support.families import LOGIN_AT, MAC_KEY, a_family, a_login
from tests.support.family_table import change, presented, put, redeem_in, redeemed_families, stored


@given(redeemed_families())
@settings(max_examples=50)
def test_an_item_reads_back_as_the_family_that_was_written(family: Family) -> None:
    claims = Claims("u", "n", "p", "e@example.com", True, ("a",))
    full = replace(family, nonce="n", audience=("peer",), resources=("https://b", "https://a"), claims=claims)
    assert from_item(to_item(full)) == full
    bare = replace(family, scopes=frozenset(), auth_time=None, resources=())
    assert from_item(to_item(bare)) == bare


def test_the_table_holds_no_token_and_nothing_that_could_make_one(families: DynamoFamilies) -> None:
    family = a_family()
    put(families, family)
    assert MAC_KEY.secret.hex() not in str(stored(families, family))
    assert "sundial_" not in str(stored(families, family))


def test_a_rotation_keeps_expires_at_at_the_earlier_limit_and_ttl_days_later(families: DynamoFamilies) -> None:
    family = a_family()
    put(families, family)
    policy = RefreshTokenPolicy(absolute_lifetime=timedelta(seconds=100), valid_if_not_used_for=timedelta(seconds=40))
    for after, expires_after in ((10, 50), (70, 100)):
        now = LOGIN_AT + after
        family = replace(families.get(family.family_id) or family, last_used_at=now, rotated_at=now)
        put(families, family)
        families.rotate(
            presented(family, family.generation), family.client_id, frozenset(), policy, 0, None, change(now)
        )
        item = stored(families, family)
        assert item["expires_at"] == {"N": str(LOGIN_AT + expires_after)}
        assert item["ttl"] == {"N": str(LOGIN_AT + expires_after + 7 * 86400)}


def test_a_login_without_a_code_is_kept_until_it_can_be_of_no_use(families: DynamoFamilies) -> None:
    mortal, immortal = a_family(code=None, scopes=frozenset()), a_family(code=None)
    assert families.begin(mortal, LOGIN_AT + 100)
    assert families.begin(immortal)
    item = stored(families, mortal)
    assert (item["expires_at"], item["ttl"]) == ({"N": str(LOGIN_AT + 100)}, {"N": str(LOGIN_AT + 100 + 7 * 86400)})
    assert not {"ttl", "expires_at"} & stored(families, immortal).keys()
    assert families.get(mortal.family_id) == mortal


def test_a_login_without_a_code_is_refreshed_like_any_other(families: DynamoFamilies) -> None:
    family = a_family(code=None)
    families.begin(family)
    written = families.rotate(
        presented(family, 1), family.client_id, frozenset(), RefreshTokenPolicy(), 0, None, change(LOGIN_AT + 1)
    )
    assert written.applied


def test_a_family_without_limits_has_no_ttl(families: DynamoFamilies) -> None:
    family = a_login()
    families.begin(family)
    assert "ttl" in stored(families, family)
    redeem_in(families, family, generation=1)
    assert not {"ttl", "expires_at"} & stored(families, family).keys()


def test_a_login_without_offline_access_is_kept_as_long_as_its_access_token_and_days_more(
    families: DynamoFamilies,
) -> None:
    family = a_login()
    families.begin(family)
    redeem_in(families, family, generation=0)
    assert stored(families, family)["ttl"] == {"N": str(LOGIN_AT + 1 + 3600 + 7 * 86400)}
