"""The five invariants of the key ring, over random schedules, failures, races and clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.keys.policy import JWKS_STALENESS, KeyPolicy, seconds
from sundial.keys.ring import signing_key
from sundial.web.http import Request
from tests.support.depth import examples
from tests.support.keys import DAY, HOUR, MINUTE, POLICY
from tests.support.ring_world import SKEW, World, shape

Step = Callable[[World], object]

skews = st.sampled_from((-SKEW, 0, SKEW)) | st.integers(-SKEW, SKEW)
lifetimes = st.builds(
    lambda signs, ahead, tokens: (timedelta(minutes=signs), timedelta(minutes=ahead), timedelta(minutes=tokens)),
    st.sampled_from((30, 60, 360, 1440)),
    st.sampled_from((10, 60, 180, 1440)),
    st.sampled_from((5, 60, 1440)),
)


@st.composite
def policies(draw: st.DrawFn) -> KeyPolicy:
    signs_for, publish_ahead, tokens = draw(lifetimes)
    algorithms = draw(st.sampled_from((("RS256",), ("ES256",), ("RS256", "ES256"))))
    return replace(
        POLICY, algorithms=algorithms, signs_for=signs_for, publish_ahead=publish_ahead, longest_token=tokens
    )


def redeploy(world: World, policy: KeyPolicy) -> None:
    """A deployment, of other algorithms too: the next run comes before the next deployment does."""
    world.change_policy(policy)
    world.rotate()
    world.everybody_works()


def step(action: Callable[..., object], **arguments: object) -> Step:
    return partial(action, **arguments)


offsets = st.sampled_from((-1, 0, 1))
calls = st.integers(0, 12)
functions = st.integers(0, 2)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        lambda ticks, tick, runs: step(World.live, ticks=ticks, tick=tick, runs=runs),
        st.integers(1, 30),
        st.sampled_from((MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)),
        st.booleans(),
    ),
    st.builds(lambda function, offset: step(World.reach_a_turn, function=function, offset=offset), functions, offsets),
    st.builds(lambda offset: step(World.reach_an_end, offset=offset), offsets),
    st.builds(lambda days: step(World.pass_time, seconds=days * DAY), st.integers(1, 8)),
    st.just(step(World.everybody_works)),
    st.just(step(World.rotate)),
    st.builds(lambda number: step(World.rotate_and_crash, calls=number), calls),
    st.builds(lambda number: step(World.rotate_in_a_race, calls=number), calls),
    st.builds(lambda function: step(World.cut_or_mend, function=function), functions),
    st.builds(lambda server: step(World.cut_or_mend_server, server=server), functions),
    st.builds(lambda skew: step(World.change_clock, skew=skew), skews),
    st.builds(lambda which: step(World.revoke, which=which), st.integers(0, 8)),
    st.just(step(World.promote)),
)


@examples(200, 5_000)
@given(
    policies(),
    st.tuples(skews, skews, skews),
    st.tuples(skews, skews),
    skews,
    st.lists(steps, min_size=5, max_size=25),
)
def test_no_schedule_failure_race_or_clock_breaks_an_invariant(
    policy: KeyPolicy,
    signer_skews: tuple[int, int, int],
    server_skews: tuple[int, int],
    rotation_skew: int,
    happenings: list[Step],
) -> None:
    world = World(policy, signer_skews=signer_skews, server_skews=server_skews, rotation_skew=rotation_skew)
    world.rotate()
    for happen in happenings:
        happen(world)
        world.check_ring()


@examples(120, 3_000)
@given(
    policies(), st.lists(st.one_of(steps, policies().map(lambda policy: step(redeploy, policy=policy))), max_size=40)
)
def test_settings_may_change_while_keys_live(policy: KeyPolicy, happenings: list[Step]) -> None:
    world = World(policy)
    world.rotate()
    for happen in happenings:
        happen(world)
        world.check_ring()


TIGHT = replace(
    POLICY, signs_for=timedelta(hours=1), publish_ahead=timedelta(minutes=10), longest_token=timedelta(minutes=5)
)
"""Lifetimes so short that only the margins are left."""


@pytest.mark.parametrize("policy", [POLICY, TIGHT], ids=["usual", "tight"])
def test_a_key_is_no_stranger_although_its_publisher_is_slow_and_its_signer_fast(policy: KeyPolicy) -> None:
    world = World(policy, signer_skews=(SKEW,), rotation_skew=-SKEW)
    world.rotate()
    for _ in range(5):
        world.reach_a_turn(0, 0)
        world.rotate()


@pytest.mark.parametrize("policy", [POLICY, TIGHT], ids=["usual", "tight"])
def test_a_token_is_no_orphan_although_its_signer_is_slow_and_its_retirer_fast(policy: KeyPolicy) -> None:
    world = World(policy, signer_skews=(-SKEW,), rotation_skew=SKEW)
    world.rotate()
    world.pass_time(2 * SKEW)  # until when the first key may sign on the slowest clock too
    world.reach_a_turn(0, -1)
    assert world.tokens
    for _ in range(2 * 24 * 4):
        world.pass_time(15 * MINUTE)
        world.rotate()


def test_what_a_function_signs_that_has_lost_touch_is_no_orphan() -> None:
    world = World(TIGHT, signer_skews=(-SKEW,), rotation_skew=SKEW)
    world.rotate()
    world.pass_time(8 * DAY)  # no run: the ring doesn't know the successor that the next run makes
    world.sign(0)
    world.cut_or_mend(0)
    world.rotate()
    signed_for = 0
    while world.sign(0) is not None:
        world.pass_time(MINUTE)
        signed_for += MINUTE
    assert signed_for >= HOUR
    for _ in range(4 * HOUR // MINUTE):
        world.pass_time(MINUTE)
        world.rotate()


def test_a_private_half_is_kept_as_long_as_any_clock_lets_it_sign() -> None:
    world = World(signer_skews=(-SKEW,), rotation_skew=SKEW)
    world.rotate()
    world.pass_time(2 * SKEW)  # until when the first key may sign on the slowest clock too
    world.reach_a_turn(0, -1)
    world.rotate()
    world.signers[0] = world.new_signer(-SKEW)  # a cold start, which reads what the rotation has left
    assert world.sign(0) is not None


def test_a_longer_token_lifetime_reaches_the_keys_that_are_retired_already() -> None:
    world = World()
    world.rotate()
    world.reach_a_turn(0, -1)
    first = world.vault.ring.signing_keys[0]
    assert first.signs_until is not None
    world.change_policy(replace(POLICY, longest_token=timedelta(days=7)))
    assert world.sign(0) is not None
    world.pass_time(2 * DAY)  # beyond what the ring has said so far, and no run in between
    for _ in range(20):
        world.rotate()
        world.everybody_works()
        world.pass_time(6 * HOUR)


def test_a_shorter_token_lifetime_leaves_the_longer_lived_tokens_their_key() -> None:
    world = World(replace(POLICY, longest_token=timedelta(days=7)))
    world.rotate()
    world.reach_a_turn(0, -1)
    world.change_policy(POLICY)
    for _ in range(40):
        world.rotate()
        world.everybody_works()
        world.pass_time(6 * HOUR)


def test_a_change_of_settings_never_moves_an_instant_that_a_function_may_act_on() -> None:
    world = World()
    world.rotate()
    starts = world.vault.ring.signing_keys[1].signs_from
    assert starts is not None
    world.pass_time(starts - world.now - HOUR)
    world.change_policy(replace(POLICY, signs_for=timedelta(hours=24)))
    world.rotate()
    assert world.vault.ring.signing_keys[1].signs_from == starts


@pytest.mark.parametrize(
    "age", [0, 2 * HOUR, 6 * HOUR, 7 * HOUR, 34 * HOUR], ids=["first", "due", "turn", "retired", "drop"]
)
def test_a_crash_at_any_network_call_is_mended_by_the_next_run(age: int) -> None:
    calls = 0
    while True:
        world, undisturbed = World(), World()
        for each in (world, undisturbed):
            for _ in range(0, age, HOUR):
                each.rotate()
                each.pass_time(HOUR)
        crashed = world.rotate_and_crash(calls)
        if world.vault.document is not None:
            world.check_ring()
        world.rotate()
        undisturbed.rotate()
        assert shape(world) == shape(undisturbed), f"after a crash at call {calls}"
        if not crashed:
            break
        calls += 1
    assert calls >= 2


@pytest.mark.parametrize("age", [0, 2 * HOUR, 7 * HOUR, 34 * HOUR])
@pytest.mark.parametrize("calls", range(14))
def test_two_runs_at_once_leave_what_one_leaves(age: int, calls: int) -> None:
    raced, alone = World(), World()
    for world in (raced, alone):
        for _ in range(0, age, HOUR):
            world.rotate()
            world.pass_time(HOUR)
    raced.rotate_in_a_race(calls)
    alone.rotate()
    assert shape(raced) == shape(alone)


def test_a_hundred_runs_in_a_row_leave_what_one_leaves() -> None:
    world = World()
    world.rotate()
    once, writes = shape(world), world.vault.writes
    for _ in range(100):
        world.rotate()
    assert shape(world) == once
    assert world.vault.writes == writes


def test_a_week_without_a_run_leaves_a_key_that_signs_and_verifies() -> None:
    world = World()
    world.rotate()
    for _ in range(7 * 24):
        world.pass_time(HOUR)
        assert world.sign(0) is not None
        world.verify(0)
    late = world.sign(0)
    world.rotate()
    world.verify(1)
    assert late is not None
    assert signing_key(world.vault.ring, "RS256", world.now) is not None


def test_at_every_moment_after_the_first_hours_a_published_successor_stands_by() -> None:
    world = World()
    for quarter in range(4 * 24 * 3):
        world.rotate()
        if quarter >= 4 * 4:
            ring = world.vault.ring
            active = signing_key(ring, "RS256", world.now)
            assert active is not None
            successor = next(key for key in ring.signing_keys if (key.signs_from or 0) > world.now)
            assert successor.published_at is not None
            assert world.now >= successor.published_at + world.policy.season
        world.pass_time(15 * MINUTE)


BOTH = replace(POLICY, algorithms=("RS256", "ES256"))


@pytest.mark.parametrize("publish_ahead", [timedelta(minutes=10), timedelta(hours=3)])
def test_a_verifier_that_keeps_the_jwks_for_publish_ahead_meets_no_stranger_although_its_server_was_cut_off(
    publish_ahead: timedelta,
) -> None:
    world = World(replace(POLICY, publish_ahead=publish_ahead), signer_skews=(SKEW,), rotation_skew=-SKEW)
    world.rotate()
    world.change_policy(replace(BOTH, publish_ahead=publish_ahead))
    stubborn = next(number for number, verifier in enumerate(world.verifiers) if verifier.stubborn)
    world.servers[0].endpoint(Request("GET", "GET /keys", world.now))
    world.cut_or_mend_server(0)
    world.rotate()  # publishes a key that signs as early as any
    world.pass_time(seconds(JWKS_STALENESS))
    world.verify(stubborn)
    while world.sign(0, "ES256") is None:
        world.reach_a_turn(0, 0)
    world.verify(stubborn)


def test_a_shorter_publish_ahead_waits_for_the_caches_of_the_longer_one() -> None:
    world = World(replace(POLICY, publish_ahead=timedelta(hours=24)))
    world.rotate()
    world.live(4, MINUTE, runs=True)
    world.change_policy(replace(BOTH, publish_ahead=timedelta(minutes=10)))
    world.rotate()
    while world.sign(0, "ES256") is None:
        world.reach_a_turn(0, 0)
    for party in range(len(world.verifiers)):
        world.verify(party)


def test_a_shorter_token_lifetime_leaves_tokens_their_key_that_had_no_end_yet() -> None:
    world = World(replace(POLICY, longest_token=timedelta(days=7)))
    world.rotate()
    world.pass_time(8 * DAY)  # without a run: the key that signs has no planned successor
    token = world.sign(0)
    world.change_policy(replace(POLICY, algorithms=("ES256",), longest_token=timedelta(hours=1)))
    world.live(7 * 24, HOUR, runs=True)
    assert token in world.living_tokens()


def test_another_clock_at_each_run_moves_nothing_and_drops_nothing_early() -> None:
    world = World()
    world.rotate()
    for quarter in range(4 * 48):
        world.change_clock(SKEW if quarter % 2 else -SKEW)
        world.live(1, 15 * MINUTE, runs=True)
    spans = [
        key.signs_until - key.signs_from for key in world.vault.ring.signing_keys if key.signs_until and key.signs_from
    ]
    assert set(spans) == {6 * HOUR}
