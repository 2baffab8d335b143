"""How the ring moves on: chains, algorithms that come and go, MAC keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from sundial.keys.policy import LEAD, MAC_AHEAD, MAC_PERIOD, RING_CACHE, seconds
from sundial.keys.ring import MacKey, Ring, mac_key, signing_key, to_json
from sundial.keys.transitions import advance, chain, due, next_change_at, seasoned_at, with_keys
from tests.support.keys import DAY, HOUR, MINUTE, POLICY, T0, a_key, fake_pair
from tests.support.ring_world import World

BOTH = replace(POLICY, algorithms=("RS256", "ES256"))


def kids(world: World, alg: str = "RS256") -> list[str]:
    return [key.kid for key in chain(world.vault.ring, alg)]


def live(world: World, hours: float) -> None:
    for _ in range(int(hours * 4)):
        world.pass_time(HOUR // 4)
        world.rotate()
        world.everybody_works()


def test_a_first_run_makes_a_key_that_signs_at_once_and_its_successor() -> None:
    world = World()
    world.rotate()
    first, second = chain(world.vault.ring, "RS256")
    assert (first.published_at, first.signs_from, first.signs_until) == (T0, T0, T0 + 6 * HOUR)
    assert (second.published_at, second.signs_from, second.signs_until) == (T0, T0 + 6 * HOUR, None)
    assert world.vault.writes == 2


def test_a_successor_is_made_so_early_that_it_is_in_every_cache_when_its_predecessor_begins() -> None:
    world = World()
    world.rotate()
    live(world, 6)
    _, second, third = chain(world.vault.ring, "RS256")
    ready_at = seasoned_at(third, POLICY)
    assert second.signs_from is not None
    assert ready_at is not None
    assert ready_at <= second.signs_from
    assert third.signs_from == second.signs_from + 6 * HOUR


@pytest.mark.parametrize("hours", [1, 2, 3, 4, 6, 24])
def test_the_first_write_holds_all_the_keys_that_a_first_run_makes(hours: int) -> None:
    policy = replace(POLICY, signs_for=timedelta(hours=hours))
    world = World(policy)
    world.rotate()
    assert len(due(Ring(), policy, T0).algorithms) == len(chain(world.vault.ring, "RS256"))


@pytest.mark.parametrize("hours", [1, 2, 3, 4, 6, 24])
def test_keys_that_are_made_and_not_yet_published_are_not_made_again(hours: int) -> None:
    policy = replace(POLICY, signs_for=timedelta(hours=hours))
    lacking = due(Ring(), policy, T0)
    pairs = [(alg, fake_pair(alg)) for alg in lacking.algorithms]
    ring = with_keys(Ring(), pairs, [bytes(32)] * lacking.mac_keys, T0)
    assert not due(ring, policy, T0)
    assert not due(ring, policy, T0 + MINUTE)


def test_the_first_keys_count_from_now_on_although_they_are_not_yet_published() -> None:
    pairs = [("RS256", fake_pair("RS256")), ("RS256", fake_pair("RS256"))]
    ring = with_keys(Ring(), pairs, [], T0)
    assert next_change_at(ring, POLICY, T0) == T0 + 6 * HOUR - POLICY.season - seconds(LEAD)


def test_a_key_that_is_published_and_not_yet_planned_counts_from_when_no_cache_lacks_it() -> None:
    published = a_key("published", published_at=T0, seasoned_at=T0 + 10 * HOUR)
    ring = Ring(1, (a_key("active", signs_from=T0 - 6 * HOUR), published))
    assert next_change_at(ring, POLICY, T0) == T0 + 10 * HOUR - POLICY.season - seconds(LEAD)
    assert due(ring, POLICY, T0).algorithms == ()


def test_a_mac_key_is_due_three_hours_before_the_last_one_is_used() -> None:
    world = World()
    world.rotate()
    last = world.vault.ring.mac_keys[-1].signs_from
    assert due(world.vault.ring, POLICY, last - 3 * HOUR - 1).mac_keys == 0
    assert due(world.vault.ring, POLICY, last - 3 * HOUR).mac_keys == 1


def test_a_key_signs_for_as_long_as_the_settings_say_day_after_day() -> None:
    world = World()
    world.rotate()
    live(world, 48)
    spans = {
        key.signs_until - key.signs_from
        for key in world.vault.ring.signing_keys
        if key.signs_until is not None and key.signs_from is not None
    }
    assert spans == {6 * HOUR}


def test_where_keys_are_published_for_longer_than_they_sign_more_than_one_is_pending() -> None:
    world = World(replace(POLICY, signs_for=timedelta(hours=1), publish_ahead=timedelta(hours=6)))
    world.rotate()
    live(world, 24)
    pending = [key for key in chain(world.vault.ring, "RS256") if (key.signs_from or 0) > world.now]
    assert len(pending) >= 6
    starts = [key.signs_from or 0 for key in world.vault.ring.signing_keys[2:]]
    assert {later - earlier for earlier, later in pairwise(starts)} == {HOUR}


def test_the_private_half_goes_soon_after_the_last_signature_and_the_key_when_its_tokens_are_dead() -> None:
    world = World()
    world.rotate()
    first = world.vault.ring.signing_keys[0]
    live(world, 6.5)
    retired = world.vault.ring.signing_keys[0]
    assert retired.kid == first.kid
    assert retired.private_pem is None
    assert first.private_pem is not None
    assert first.private_pem not in to_json(world.vault.ring)
    live(world, 24 + 3)
    assert first.kid in world.jwks.kids
    live(world, 1.5)
    assert first.kid not in world.jwks.kids
    assert first.kid not in to_json(world.vault.ring)


def test_the_served_item_says_when_the_jwks_next_changes() -> None:
    world = World()
    report = world.rotate()
    assert world.jwks.served is not None
    assert world.jwks.served.next_change_at == report.next_change_at
    world.pass_time(report.next_change_at - world.now - 1)
    assert not world.rotate().changes
    world.pass_time(1)
    assert [change.what for change in world.rotate().changes] == ["made", "published"]


def test_an_overdue_change_is_due_now() -> None:
    world = World()
    world.rotate()
    world.pass_time(9 * DAY)
    assert next_change_at(world.vault.ring, POLICY, world.now) == world.now


def test_algorithms_that_are_there_from_the_start_all_sign_at_once() -> None:
    world = World(BOTH)
    world.rotate()
    assert world.sign(0, "RS256") is not None
    assert world.sign(0, "ES256") is not None


def test_an_algorithm_that_is_added_later_signs_only_when_every_cache_has_its_key() -> None:
    world = World()
    world.rotate()
    world.change_policy(BOTH)
    world.rotate()
    first, _ = chain(world.vault.ring, "ES256")
    assert first.signs_from == world.now + POLICY.season
    assert world.sign(0, "RS256") is not None
    assert world.sign(0, "ES256") is None
    live(world, 3)
    assert world.sign(0, "ES256") is None
    live(world, 0.25)
    assert world.sign(0, "ES256") is not None


def test_an_algorithm_that_is_removed_signs_until_every_function_knows_and_stays_published() -> None:
    world = World(BOTH)
    world.rotate()
    live(world, 1)
    token = world.sign(0, "ES256")
    world.change_policy(POLICY)
    world.rotate()
    (last,) = chain(world.vault.ring, "ES256")
    assert last.signs_until == world.now + seconds(RING_CACHE) + 600
    live(world, 26)
    assert token is not None
    assert token.kid in world.jwks.kids, "its tokens may be in some cache still"
    live(world, 9)
    assert not [kid for kid in world.jwks.kids if kid.startswith("ES256")]


def test_an_algorithm_that_replaces_another_lets_it_sign_until_it_may_itself() -> None:
    world = World()
    world.rotate()
    live(world, 1)
    before = signing_key(world.vault.ring, "RS256", world.now)
    world.change_policy(replace(POLICY, algorithms=("ES256",)))
    world.rotate()
    ready = chain(world.vault.ring, "ES256")[0].signs_from
    assert ready is not None
    assert signing_key(world.vault.ring, "RS256", ready) == signing_key(world.vault.ring, "RS256", world.now)
    assert before is not None
    after = signing_key(world.vault.ring, "RS256", ready)
    assert after is not None
    assert after.kid == before.kid
    assert signing_key(world.vault.ring, "RS256", ready + HOUR) is None


def test_an_algorithm_that_comes_back_before_its_key_is_erased_goes_on_with_it() -> None:
    world = World(BOTH)
    world.rotate()
    kid = kids(world, "ES256")[0]
    world.change_policy(POLICY)
    world.rotate()
    world.pass_time(HOUR // 4)
    world.change_policy(BOTH)
    world.rotate()
    key = signing_key(world.vault.ring, "ES256", world.now)
    assert key is not None
    assert key.kid == kid


def test_settings_that_ask_for_shorter_lives_take_hold_within_hours() -> None:
    world = World(replace(POLICY, signs_for=timedelta(days=7)))
    world.rotate()
    live(world, 24)
    world.change_policy(POLICY)
    live(world, 2)
    assert kids(world)[0] != world.tokens[0].kid


def test_settings_that_publish_longer_ahead_hold_back_a_key_that_was_planned() -> None:
    world = World()
    world.rotate()
    live(world, 1)
    world.change_policy(replace(POLICY, publish_ahead=timedelta(hours=24)))
    world.rotate()
    second = chain(world.vault.ring, "RS256")[1]
    assert second.published_at is not None
    assert second.signs_from == second.published_at + world.policy.season


def test_a_mac_key_is_in_the_ring_long_before_it_makes_anything() -> None:
    world = World()
    world.rotate()
    first, second = world.vault.ring.mac_keys
    assert (first.signs_from, second.signs_from) == (T0, T0 + seconds(MAC_PERIOD))
    assert first.secret != second.secret
    for _ in range(90):
        world.pass_time(DAY)
        world.rotate()
    for key in world.vault.ring.mac_keys[1:]:
        assert key.signs_from - key.created_at >= seconds(MAC_AHEAD)
        assert key.signs_from == key.created_at + seconds(MAC_PERIOD) or key.signs_from % DAY == T0 % DAY


def test_a_mac_key_is_late_rather_than_unknown_where_no_run_came() -> None:
    world = World()
    world.rotate()
    world.pass_time(70 * DAY)
    world.rotate()
    newest = world.vault.ring.mac_keys[-2:]
    assert newest[0].signs_from == world.now + seconds(MAC_AHEAD)
    active = mac_key(world.vault.ring, world.now)
    assert active is not None
    assert active.signs_from == T0 + seconds(MAC_PERIOD)


def test_a_mac_key_is_kept_as_long_as_the_longest_refresh_token_lives() -> None:
    world = World(replace(POLICY, longest_mac=timedelta(days=100)))
    world.rotate()
    first = world.vault.ring.mac_keys[0].id
    world.pass_time(seconds(MAC_PERIOD) + 100 * DAY)
    world.rotate()
    assert first in {key.id for key in world.vault.ring.mac_keys}
    world.pass_time(2 * HOUR)
    world.rotate()
    assert first not in {key.id for key in world.vault.ring.mac_keys}


def test_a_mac_key_is_kept_for_ever_while_refresh_tokens_can_be_immortal() -> None:
    world = World(replace(POLICY, longest_mac=timedelta(days=100)))
    world.rotate()
    first = world.vault.ring.mac_keys[0].id
    world.change_policy(replace(POLICY, longest_mac=None))
    for _ in range(30):
        world.pass_time(30 * DAY)
        world.rotate()
    assert world.vault.ring.mac_keys[0].id == first


@pytest.mark.parametrize("hours", [0, 1, 5, 6, 30, 200])
def test_nothing_is_due_in_a_ring_that_a_run_has_left(hours: int) -> None:
    world = World(BOTH)
    world.rotate()
    world.pass_time(hours * HOUR)
    world.rotate()
    assert not due(world.vault.ring, BOTH, world.now)


def test_an_empty_ring_lacks_everything() -> None:
    needs = due(Ring(), BOTH, T0)
    assert needs.algorithms == ("RS256", "RS256", "ES256", "ES256")
    assert needs.mac_keys == 2


SETTLED = HOUR + 10 * MINUTE
"""An instant that is nearer than this isn't moved: a function that has lost touch may act on it."""


@pytest.mark.parametrize(("starts_in", "moved"), [(SETTLED, False), (SETTLED + 1, True)])
def test_an_instant_that_a_function_may_act_on_is_not_moved(starts_in: int, moved: bool) -> None:
    keys = (a_key("first", signs_from=T0 - DAY), a_key("second", published_at=T0 - DAY, signs_from=T0 + starts_in))
    later = advance(Ring(1, keys), replace(POLICY, signs_for=timedelta(days=3)), T0)
    assert later.signing_keys[1].signs_from == (T0 + 2 * DAY if moved else T0 + starts_in)
    sooner = advance(Ring(1, keys), replace(POLICY, signs_for=timedelta(hours=1)), T0)
    assert sooner.signing_keys[1].signs_from == T0 + SETTLED


def test_shorter_settings_keep_what_the_longer_ones_promised_of_keys_without_an_end_and_touch_no_other() -> None:
    longer, shorter = replace(POLICY, longest_token=timedelta(days=9)), POLICY
    retired = a_key("retired", private_pem=None, signs_from=T0 - DAY, signs_until=T0 - HOUR, published_until=T0 + DAY)
    going_on = a_key("going on", "ES256", signs_from=T0 + 10 * MINUTE)
    pending = a_key("pending", signs_from=T0 + 10 * MINUTE + 1)
    unpublished = a_key("unpublished", published_at=None)
    before = Ring(1, (retired, going_on, pending, unpublished), season=longer.season, retention=longer.retention)
    until = {
        key.kid: key.published_until
        for key in advance(before, replace(shorter, algorithms=("RS256", "ES256")), T0).signing_keys
    }
    assert until["going on"] == T0 + longer.retention
    assert until["retired"] == max(T0 + DAY, T0 - HOUR + shorter.retention)
    assert (until["pending"], until["unpublished"]) == (None, None)
    same = advance(before, replace(longer, algorithms=("RS256", "ES256")), T0)
    assert next(key for key in same.signing_keys if key.kid == "going on").published_until is None


def test_an_algorithm_that_is_removed_keeps_every_key_that_a_function_may_sign_with() -> None:
    just_ended = a_key("just ended", "ES256", signs_from=T0 - HOUR, signs_until=T0 - MINUTE)
    active = a_key("active", "ES256", signs_from=T0 - MINUTE, signs_until=T0 + SETTLED)
    about_to = a_key("about to", "ES256", signs_from=T0 + SETTLED)
    later = a_key("later", "ES256", signs_from=T0 + SETTLED + 1)
    ring = Ring(1, (a_key("RS256", signs_from=T0 - DAY), just_ended, active, about_to, later))
    ended = [key for key in advance(ring, POLICY, T0).signing_keys if key.alg == "ES256"]
    assert [key.kid for key in ended] == ["just ended", "active", "about to"]
    assert [key.signs_until for key in ended] == [T0 - MINUTE, T0 + SETTLED, T0 + SETTLED + 15 * MINUTE]
    again = [
        key for key in advance(Ring(1, (ring.signing_keys[0], *ended)), POLICY, T0).signing_keys if key.alg == "ES256"
    ]
    assert again == ended


def test_the_jwks_next_changes_when_a_key_leaves_it_if_none_comes_before() -> None:
    policy = replace(POLICY, signs_for=timedelta(days=30))
    leaving = a_key("leaving", private_pem=None, signs_from=T0 - DAY, signs_until=T0, published_until=T0 + DAY)
    going_on = a_key("going on", signs_from=T0, published_until=T0 + HOUR)
    ring = Ring(1, (leaving, going_on, a_key("next", signs_from=T0 + 30 * DAY)))
    assert next_change_at(ring, policy, T0) == T0 + DAY


def test_a_mac_key_is_kept_until_its_last_second() -> None:
    kept = MacKey("0000000a", bytes(32), T0, T0, T0 + HOUR, T0 + DAY)
    policy = replace(POLICY, longest_mac=timedelta(hours=1))
    ring = Ring(1, (), (kept, MacKey("0000000b", bytes(32), T0, T0 + HOUR)))
    assert kept in advance(ring, policy, T0 + DAY).mac_keys
    assert kept not in advance(ring, policy, T0 + DAY + 1).mac_keys


def test_a_new_key_says_when_it_was_made_and_a_new_mac_key_has_eight_digits_that_no_other_has() -> None:
    ring = with_keys(Ring(), [("RS256", fake_pair("RS256"))], [bytes(32)] * 2, T0)
    assert ring.signing_keys[0].created_at == T0
    assert len({key.id for key in ring.mac_keys}) == 2
    assert {len(key.id) for key in ring.mac_keys} == {8}


def test_an_algorithm_that_is_removed_goes_on_until_every_other_has_a_key_not_just_one_of_them() -> None:
    ring = Ring(1, (a_key("RS256", signs_from=T0), a_key("ES256", "ES256", signs_from=T0)))
    old, _ = advance(ring, replace(POLICY, algorithms=("ES256", "ES384")), T0).signing_keys
    assert old.signs_until is None
