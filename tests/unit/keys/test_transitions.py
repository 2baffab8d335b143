"""How the ring moves on: chains, algorithms that come and go, MAC keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from sundial.keys.policy import MAC_AHEAD, MAC_PERIOD, RING_CACHE, seconds
from sundial.keys.ring import Ring, mac_key, signing_key, to_json
from sundial.keys.transitions import chain, due, next_change_at, seasoned_at
from tests.support.keys import DAY, HOUR, POLICY, T0
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
