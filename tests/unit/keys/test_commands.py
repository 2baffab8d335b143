"""What an operator can tell the ring to do, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest

from sundial.keys.commands import Command, CommandError, Promote, RaiseWatermark, Revoke, apply, command_from
from sundial.keys.policy import MAC_AHEAD, RING_CACHE, seconds
from sundial.keys.ring import MacKey, Ring, mac_key, signing_key, to_json
from sundial.keys.transitions import chain
from tests.support.keys import DAY, HOUR, MINUTE, POLICY, T0, a_key
from tests.support.ring_world import World


def active_kid(world: World) -> str:
    key = signing_key(world.vault.ring, "RS256", world.now)
    assert key is not None
    return key.kid


def seasoned_world() -> World:
    """A world a day old, everything as usual."""
    world = World()
    world.rotate()
    for _ in range(24):
        world.pass_time(HOUR)
        world.rotate()
    return world


def test_a_revoked_key_is_gone_at_once_and_a_key_that_every_cache_holds_signs() -> None:
    world = seasoned_world()
    for verifier in range(2):
        world.verify(verifier)
    leaked = active_kid(world)
    world.revoked.add(leaked)
    report = world.rotate(Revoke(leaked))
    assert leaked not in world.jwks.kids
    assert leaked not in to_json(world.vault.ring)
    assert report.everywhere_at == world.now + seconds(RING_CACHE)
    world.pass_time(seconds(RING_CACHE))
    token = world.sign(0)
    assert token is not None
    assert token.kid != leaked
    for verifier in range(2):
        world.verify(verifier)


def test_after_a_revocation_a_new_successor_is_made_at_once() -> None:
    world = seasoned_world()
    report = world.rotate(Revoke(active_kid(world)))
    whats = [(change.what, change.alg) for change in report.changes]
    assert ("revoked", "RS256") in whats
    assert ("made", "RS256") in whats
    assert ("published", "RS256") in whats
    assert len(chain(world.vault.ring, "RS256")) >= 2


def test_a_second_leak_within_hours_is_refused_until_the_new_successor_is_in_every_cache() -> None:
    world = seasoned_world()
    world.rotate(Revoke(active_kid(world)))
    leaked = active_kid(world)
    with pytest.raises(CommandError) as caught:
        world.rotate(Revoke(leaked))
    assert str(world.now + POLICY.season) in str(caught.value)
    assert leaked in world.jwks.kids, "a refused command changes nothing"
    world.pass_time(POLICY.season)
    world.rotate(Revoke(leaked))
    assert leaked not in world.jwks.kids


def test_force_prefers_a_key_that_some_caches_lack_to_one_that_has_leaked() -> None:
    world = seasoned_world()
    world.rotate(Revoke(active_kid(world)))
    leaked = active_kid(world)
    world.rotate(Revoke(leaked, force=True))
    assert active_kid(world) != leaked
    assert leaked not in world.jwks.kids


def test_a_pending_key_that_leaked_leaves_and_the_active_one_signs_until_there_is_another() -> None:
    world = seasoned_world()
    active = active_kid(world)
    pending = next(key for key in world.vault.ring.signing_keys if (key.signs_from or 0) > world.now)
    world.rotate(Revoke(pending.kid))
    assert pending.kid not in world.jwks.kids
    assert active_kid(world) == active
    keys = chain(world.vault.ring, "RS256")
    assert keys[-2].signs_until == keys[-1].signs_from


def test_a_retired_key_can_be_revoked_too() -> None:
    world = seasoned_world()
    retired = world.vault.ring.signing_keys[0]
    assert retired.private_pem is None
    world.revoked.add(retired.kid)
    world.rotate(Revoke(retired.kid))
    assert retired.kid not in world.jwks.kids


def test_a_stale_run_does_not_publish_a_revoked_key_again() -> None:
    world = seasoned_world()
    leaked = active_kid(world)
    world.revoked.add(leaked)
    stale = world.jwks.served
    assert stale is not None
    world.rotate(Revoke(leaked))
    assert not world.jwks.publish(dataclasses.replace(stale, as_of=world.now + DAY))
    assert leaked not in world.jwks.kids


def test_a_key_that_nobody_knows_cannot_be_revoked() -> None:
    world = seasoned_world()
    with pytest.raises(CommandError, match="no key nonesuch"):
        world.rotate(Revoke("nonesuch"))


@pytest.mark.parametrize("calls", range(12))
def test_a_revocation_that_crashes_anywhere_is_done_or_can_be_repeated(calls: int) -> None:
    world = seasoned_world()
    leaked = active_kid(world)
    world.revoked.add(leaked)
    world.rotate_and_crash(calls, Revoke(leaked))
    world.check_ring()
    if leaked in {key.kid for key in world.vault.ring.signing_keys}:
        world.rotate(Revoke(leaked))
    else:
        world.rotate()
    assert leaked not in world.jwks.kids


def test_rotating_by_hand_promotes_the_successor_and_retires_the_key_before_it_as_usual() -> None:
    world = seasoned_world()
    before = active_kid(world)
    world.rotate(Promote())
    assert active_kid(world) != before
    old = next(key for key in world.vault.ring.signing_keys if key.kid == before)
    assert old.signs_until == world.now
    assert old.published_until is not None
    assert old.published_until >= world.now + POLICY.retention
    assert world.sign(0) is not None
    world.verify(0)


def test_rotating_by_hand_twice_in_a_row_is_refused_and_says_until_when() -> None:
    world = seasoned_world()
    world.rotate(Promote())
    with pytest.raises(CommandError) as caught:
        world.rotate(Promote())
    assert str(world.now + POLICY.season) in str(caught.value)


def test_rotating_by_hand_is_refused_in_the_first_hours() -> None:
    world = World()
    world.rotate()
    world.pass_time(POLICY.season - 1)
    with pytest.raises(CommandError):
        world.rotate(Promote())
    world.pass_time(1)
    world.rotate(Promote())


def test_a_leaked_mac_key_leaves_and_its_successor_that_every_function_knows_takes_over() -> None:
    world = seasoned_world()
    first, second = world.vault.ring.mac_keys
    report = world.rotate(Revoke(first.id))
    assert ("revoked", "MAC") in [(change.what, change.alg) for change in report.changes]
    active = mac_key(world.vault.ring, world.now)
    assert active is not None
    assert active.id == second.id
    assert first.id not in to_json(world.vault.ring)
    assert len(world.vault.ring.mac_keys) == 2


def test_a_mac_key_is_not_revoked_while_some_function_may_not_know_its_successor() -> None:
    world = World()
    world.rotate()
    first = world.vault.ring.mac_keys[0].id
    with pytest.raises(CommandError) as caught:
        world.rotate(Revoke(first))
    assert str(T0 + seconds(MAC_AHEAD)) in str(caught.value)
    world.rotate(Revoke(first, force=True))
    assert first not in {key.id for key in world.vault.ring.mac_keys}


def test_a_mac_key_that_is_not_in_use_leaves_without_ado() -> None:
    world = seasoned_world()
    first, second = world.vault.ring.mac_keys
    world.rotate(Revoke(second.id))
    ids = [key.id for key in world.vault.ring.mac_keys]
    assert ids[0] == first.id
    assert second.id not in ids


def test_the_watermark_rises_and_reaches_the_served_item() -> None:
    world = seasoned_world()
    world.rotate(RaiseWatermark(world.now - HOUR))
    assert world.vault.ring.not_before == world.now - HOUR
    assert world.jwks.served is not None
    assert world.jwks.served.not_before == world.now - HOUR


def test_the_watermark_never_falls_and_never_lies_ahead() -> None:
    world = seasoned_world()
    world.rotate(RaiseWatermark(world.now))
    with pytest.raises(CommandError, match="only rises"):
        world.rotate(RaiseWatermark(world.now - 1))
    with pytest.raises(CommandError, match="future"):
        world.rotate(RaiseWatermark(world.now + HOUR))


@pytest.mark.parametrize(
    ("event", "command"),
    [
        ({}, None),
        ({"version": "0", "detail-type": "Scheduled Event"}, None),
        ({"command": "rotate"}, Promote()),
        ({"command": "revoke", "kid": "abc"}, Revoke("abc")),
        ({"command": "revoke", "kid": "abc", "force": True}, Revoke("abc", force=True)),
        ({"command": "watermark", "not_before": 17}, RaiseWatermark(17)),
    ],
)
def test_an_invocation_says_what_to_do(event: dict[str, object], command: Command | None) -> None:
    assert command_from(event) == command


@pytest.mark.parametrize(
    "event",
    [
        {"command": "revoke"},
        {"command": "revoke", "kid": 7},
        {"command": "revoke", "kid": "abc", "force": "yes"},
        {"command": "watermark", "not_before": "today"},
        {"command": "watermark", "not_before": True},
        {"command": "dance"},
        {"command": None},
    ],
)
def test_a_command_that_is_not_understood_does_nothing(event: dict[str, object]) -> None:
    with pytest.raises(CommandError):
        command_from(event)


def test_the_watermark_may_be_raised_to_where_it_is_and_to_what_a_clock_that_is_ahead_takes_for_now() -> None:
    world = seasoned_world()
    for not_before in (world.now, world.now, world.now + 5 * MINUTE):
        world.rotate(RaiseWatermark(not_before))
    with pytest.raises(CommandError):
        world.rotate(RaiseWatermark(world.now + 5 * MINUTE + 1))


FIRST = a_key("first", signs_from=T0)
MAC = MacKey("0000000a", bytes(32), T0, T0)
NEXT_MAC = MacKey("0000000b", bytes(32), T0, T0 + DAY)


@pytest.mark.parametrize(
    ("ring", "command", "why"),
    [
        (Ring(), Revoke("x"), "the ring has no key x; it may have left already"),
        (
            Ring(1, (FIRST,)),
            Revoke("first"),
            "the RS256 key first has no published successor yet; run the rotation first",
        ),
        (
            Ring(1, (FIRST, a_key("next", signs_from=T0 + DAY))),
            Revoke("first"),
            f"the successor next is in every verifier's cache only from {T0 + POLICY.season} (epoch seconds);"
            " wait until then, or revoke with force and have some verifiers refuse its tokens until then",
        ),
        (
            Ring(1, (a_key("other", "ES256", signs_from=T0),)),
            Revoke("other"),
            "this key signs in place of RS256, which has none yet: without it nothing is signed for as long as a key"
            " is published ahead; wait until then, or repeat with force",
        ),
        (
            Ring(1, (a_key("other", "ES256", signs_from=T0), a_key("next", signs_from=T0 + 9))),
            Revoke("other"),
            "this key signs in place of RS256, which has none yet: without it nothing is signed"
            f" until {T0 + 9} (epoch seconds); wait until then, or repeat with force",
        ),
        (Ring(), Promote(), "no RS256 key signs yet; there is nothing to rotate"),
        (
            Ring(1, (), (MAC,)),
            Revoke(MAC.id),
            "this MAC key has no successor yet; run the rotation first, then revoke it",
        ),
        (
            Ring(1, (), (MAC, NEXT_MAC)),
            Revoke(MAC.id),
            f"some function may not know the next MAC key before {T0 + seconds(MAC_AHEAD)} (epoch seconds), and would"
            " refuse what another makes with it; wait until then, or repeat with force",
        ),
        (
            Ring(not_before=T0),
            RaiseWatermark(T0 - 1),
            f"the watermark only rises, and it stands at {T0} (epoch seconds)",
        ),
        (
            Ring(),
            RaiseWatermark(T0 + DAY),
            "a watermark in the future would refuse every new login; give an instant that is past",
        ),
    ],
)
def test_a_refusal_says_why_until_when_and_what_can_be_done(ring: Ring, command: Command, why: str) -> None:
    with pytest.raises(CommandError) as caught:
        apply(command, ring, POLICY, T0)
    assert str(caught.value) == why


def test_what_is_no_command_is_told_which_there_are() -> None:
    with pytest.raises(CommandError) as caught:
        command_from({"command": "dance"})
    assert str(caught.value) == (
        'the commands are {"command": "list"}, {"command": "rotate"}, {"command": "revoke", "kid": "…"}'
        ' and {"command": "watermark", "not_before": epoch seconds}'
    )
