"""The emergency drill, among clocks that differ and functions out of touch: who believes a leaked key until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.discovery.lifetimes import FUNCTION_CACHE, forgotten_after, forgotten_by_all_after
from sundial.keys.commands import CommandError, Revoke
from sundial.keys.policy import JWKS_STALENESS, MAC_AHEAD, RING_CACHE, RING_STALENESS, KeyPolicy, seconds
from sundial.keys.ring import mac_key, signing_key
from tests.support.depth import examples
from tests.support.keys import DAY, HOUR, MINUTE, POLICY
from tests.support.ring_world import SKEW, World

TIGHT = replace(
    POLICY, signs_for=timedelta(hours=1), publish_ahead=timedelta(minutes=10), longest_token=timedelta(minutes=5)
)
ONLY_ES256 = replace(POLICY, algorithms=("ES256",))
skews = st.sampled_from((-SKEW, 0, SKEW))


def active_kid(world: World, alg: str = "RS256") -> str:
    key = signing_key(world.vault.ring, alg, world.now)
    assert key is not None
    return key.kid


def lived(world: World) -> World:
    """A day of everybody's work, so that whoever caches has something in the cache."""
    world.rotate()
    world.live(25 * 2, HOUR // 2, runs=True)
    return world


@examples(12, 300)
@given(st.sampled_from((POLICY, TIGHT)), st.tuples(skews, skews), st.tuples(skews, skews), skews, st.integers(0, 3600))
def test_a_leaked_key_is_forgotten_in_the_times_that_the_command_says_and_good_tokens_never_fail(
    policy: KeyPolicy, signers: tuple[int, int], servers: tuple[int, int], rotation: int, offset: int
) -> None:
    world = lived(World(policy, signer_skews=signers, server_skews=servers, rotation_skew=rotation))
    world.pass_time(offset)
    world.rotate()
    world.everybody_works()
    leaked = active_kid(world)
    world.cut_or_mend(1)
    world.cut_or_mend_server(1)
    assert world.revoke([key.kid for key in world.vault.ring.signing_keys].index(leaked))
    revoked_at, last = world.now, dict.fromkeys(("in touch", "cut off", "as told", "stubborn"), 0)
    while world.now <= revoked_at + forgotten_by_all_after(policy.publish_ahead) + MINUTE:
        after = world.now - revoked_at
        for name, function in (("in touch", 0), ("cut off", 1)):
            token = world.sign(function)
            if token is not None and token.kid == leaked:
                last[name] = after
        for number, verifier in enumerate(world.verifiers):
            world.verify(number, server=number)
            if leaked in verifier.kids and world.now < verifier.fresh_until:
                last["stubborn" if verifier.stubborn else "as told"] = after
        world.pass_time(20 if after < HOUR + 10 * MINUTE else 5 * MINUTE)
    assert last["in touch"] <= seconds(RING_CACHE)
    assert last["cut off"] <= seconds(RING_STALENESS)
    assert last["as told"] <= forgotten_after(policy.publish_ahead)
    assert last["stubborn"] <= forgotten_by_all_after(policy.publish_ahead)


def test_the_times_are_these() -> None:
    assert seconds(RING_CACHE) == 5 * MINUTE
    assert seconds(FUNCTION_CACHE) == MINUTE
    assert seconds(RING_STALENESS) == HOUR
    assert forgotten_after(POLICY.publish_ahead) == HOUR + MINUTE
    assert forgotten_by_all_after(POLICY.publish_ahead) == 3 * HOUR + seconds(JWKS_STALENESS)


@pytest.mark.parametrize("rotation_skew", [-SKEW, SKEW])
def test_no_function_is_without_a_key_because_its_clock_is_behind_the_operators(rotation_skew: int) -> None:
    world = lived(World(signer_skews=(-SKEW, SKEW), rotation_skew=rotation_skew))
    leaked = active_kid(world)
    world.revoked.add(leaked)
    world.rotate(Revoke(leaked))
    for number, function in enumerate(world.signers):
        world.signers[number] = world.new_signer(function.skew)  # cold starts, a second later
        token = world.sign(number)
        assert token is not None
        assert token.kid != leaked
        world.verify(0)


@pytest.mark.parametrize("rotation_skew", [-SKEW, SKEW])
def test_no_function_is_without_a_mac_key_either(rotation_skew: int) -> None:
    world = lived(World(signer_skews=(-SKEW, SKEW), rotation_skew=rotation_skew))
    leaked = world.vault.ring.mac_keys[0].id
    world.rotate(Revoke(leaked))
    for function in world.signers:
        cold = world.new_signer(function.skew)
        clock = world.now + function.skew
        assert cold.cache.current(clock).mac(clock).id != leaked


def test_the_first_keys_are_followed_although_by_the_clock_of_the_revocation_they_have_not_begun() -> None:
    world = World(rotation_skew=SKEW)
    world.rotate()
    ring = world.vault.ring
    world.change_clock(-SKEW)
    for kid in (ring.signing_keys[0].kid, ring.mac_keys[0].id):
        world.revoked.add(kid)
        world.rotate(Revoke(kid, force=True))
    assert signing_key(world.vault.ring, "RS256", world.now) is not None
    assert mac_key(world.vault.ring, world.now) is not None


def test_a_key_that_has_just_ended_leaves_no_gap_in_functions_that_go_on_with_it() -> None:
    world = World(signer_skews=(-SKEW,), rotation_skew=SKEW)
    world.rotate()
    ring = world.vault.ring
    for leaked, ended_at in (
        (ring.signing_keys[0].kid, ring.signing_keys[0].signs_until),
        (ring.mac_keys[0].id, ring.mac_keys[0].signs_until),
    ):
        assert ended_at is not None
        while world.now + SKEW < ended_at:
            world.pass_time(min(6 * HOUR, ended_at - world.now - SKEW))
            world.rotate()
        world.revoked.add(leaked)
        world.rotate(Revoke(leaked))
        cold = world.new_signer(-SKEW).cache.current(world.now - SKEW)
        assert cold.mac(world.now - SKEW).id != leaked
        key = signing_key(cold.ring, "RS256", world.now - SKEW)
        assert key is not None
        assert key.kid != leaked


def test_a_key_that_signs_in_place_of_another_algorithm_is_not_revoked_unless_it_is_forced() -> None:
    world = lived(World())
    world.change_policy(ONLY_ES256)
    world.rotate()
    stand_in = active_kid(world)
    ready_at = next(key.signs_from for key in world.vault.ring.signing_keys if key.alg == "ES256")
    with pytest.raises(CommandError, match=f"in place of ES256.* until {ready_at}"):
        world.rotate(Revoke(stand_in))
    world.revoked.add(stand_in)
    world.signs_surely_from.clear()
    world.rotate(Revoke(stand_in, force=True))
    world.pass_time(seconds(RING_CACHE))
    assert world.sign(0, "ES256") is None


def test_an_algorithm_that_nothing_leans_on_any_more_is_revoked_without_ado() -> None:
    world = lived(World(replace(POLICY, algorithms=("RS256", "ES256"))))
    world.change_policy(POLICY)
    world.rotate()
    leaked = active_kid(world, "ES256")
    world.revoked.add(leaked)
    world.rotate(Revoke(leaked))
    assert leaked not in world.jwks.kids
    assert world.sign(0) is not None


def test_a_revocation_soon_after_publish_ahead_was_shortened_waits_for_the_caches_of_before() -> None:
    world = World(replace(POLICY, publish_ahead=timedelta(hours=24)))
    world.rotate()
    for party in range(len(world.verifiers)):
        world.verify(party)
    world.pass_time(HOUR)
    world.change_policy(TIGHT)
    world.rotate()
    with pytest.raises(CommandError, match="every verifier's cache only from"):
        world.rotate(Revoke(active_kid(world)))
    world.pass_time(DAY)
    assert world.revoke(0)
    world.everybody_works()


def test_a_key_is_followed_at_once_although_its_turn_was_about_to_end_anyway() -> None:
    world = lived(World(signer_skews=(-SKEW, 0, SKEW)))
    ends = next(key.signs_until for key in world.vault.ring.signing_keys if (key.signs_until or 0) > world.now)
    assert ends is not None
    world.pass_time(ends - world.now - 5 * MINUTE)
    world.rotate()
    leaked = active_kid(world)
    world.revoked.add(leaked)
    world.rotate(Revoke(leaked))
    for number, function in enumerate(world.signers):
        world.signers[number] = world.new_signer(function.skew)
        token = world.sign(number)
        assert token is not None
        assert token.kid != leaked


def test_a_key_that_has_just_ended_can_be_revoked_although_its_successor_would_be_too_new_by_longer_settings() -> None:
    world = World()
    world.rotate()
    first, second = world.vault.ring.signing_keys[:2]
    assert first.signs_until is not None
    world.pass_time(6 * HOUR - MINUTE)
    world.change_policy(replace(POLICY, publish_ahead=timedelta(hours=24)))
    world.rotate()
    world.pass_time(2 * MINUTE)
    world.revoked.add(first.kid)
    world.rotate(Revoke(first.kid))
    assert active_kid(world) == second.kid


@pytest.mark.parametrize("early", [1, 0])
def test_a_mac_key_is_known_to_every_function_two_hours_after_it_was_made(early: int) -> None:
    world = World()
    world.rotate()
    world.pass_time(seconds(MAC_AHEAD) - early)
    leaked = world.vault.ring.mac_keys[0].id
    if early:
        with pytest.raises(CommandError):
            world.rotate(Revoke(leaked))
    else:
        world.rotate(Revoke(leaked))
