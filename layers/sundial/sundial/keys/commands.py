"""What an operator can tell the ring to do: pure, as all its transitions are (docs/architecture.md, "Signing keys")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sundial.keys.policy import MAC_AHEAD, MAX_CLOCK_SKEW, KeyPolicy, seconds
from sundial.keys.ring import MacKey, Ring, SigningKey, mac_key, mac_key_by_id, signing_key
from sundial.keys.transitions import chain, seasoned_at, tiled, tiled_macs, with_chain

_BEHIND = seconds(2 * MAX_CLOCK_SKEW)
"""How far one clock may be behind another. A revoked key's successor has its leave dated back by this, so that no
function is without a key until its clock has caught up; and where by this clock no key signs yet, the one that
does by another's is the one to follow."""


class CommandError(Exception):
    """The command can't be obeyed as things stand; the text says why, and what can be done."""


@dataclass(frozen=True, slots=True)
class Revoke:
    """The emergency drill: a key leaves the ring and the JWKS now, and its successor signs from now on.

    `kid` is that of a signing key, or the id of a MAC key, whose refresh tokens and codes die with it.
    `force` takes a successor that has not been published for `publishAhead` yet: verifiers that don't
    ask again on an unknown `kid` refuse what it signs until their caches run out.
    """

    kid: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class Promote:
    """Rotate ahead of time: each algorithm's successor signs from now on; the key before it retires as usual."""


@dataclass(frozen=True, slots=True)
class RaiseWatermark:
    """Honour nothing that was issued before `not_before` (epoch seconds): for the day after a restore from a backup."""

    not_before: int


Command = Revoke | Promote | RaiseWatermark


def command_from(event: Mapping[str, Any]) -> Command | None:
    """Return the command that the rotation function is invoked with, None for the schedule's own event.

    {"command": "revoke", "kid": …, "force": true} · {"command": "rotate"} ·
    {"command": "watermark", "not_before": …}. Raises CommandError for anything else.
    """
    match event:
        case {"command": "revoke", "kid": str(kid), "force": bool(force)}:
            return Revoke(kid, force)
        case {"command": "revoke", "kid": str(kid)} if "force" not in event:
            return Revoke(kid)
        case {"command": "rotate"}:
            return Promote()
        case {"command": "watermark", "not_before": int(not_before)} if not isinstance(not_before, bool):
            return RaiseWatermark(not_before)
        case {"command": _}:
            raise CommandError(
                'the commands are {"command": "list"}, {"command": "rotate"}, {"command": "revoke", "kid": "…"}'
                ' and {"command": "watermark", "not_before": epoch seconds}'
            )
    return None


def apply(command: Command, ring: Ring, policy: KeyPolicy, now: int) -> Ring:
    """Return `ring` after `command` at `now` (epoch seconds). Raises CommandError, and then nothing is to change."""
    match command:
        case Revoke(kid, force):
            if mac_key_by_id(ring, kid) is not None:
                return _without_mac_key(ring, kid, now, force=force)
            return _without_signing_key(ring, kid, policy, now, force=force)
        case Promote():
            return _promoted(ring, policy, now)
        case RaiseWatermark(not_before):
            return _with_watermark(ring, not_before, now)


def _without_signing_key(ring: Ring, kid: str, policy: KeyPolicy, now: int, *, force: bool) -> Ring:
    key = next((key for key in ring.signing_keys if key.kid == kid), None)
    if key is None:
        raise CommandError(f"the ring has no key {kid}; it may have left already")
    active = signing_key(ring, key.alg, now) or signing_key(ring, key.alg, now + _BEHIND)
    if key == active or (key.private_pem is not None and _has_just_ended(key, now)):
        if key.alg in policy.algorithms:
            ring = _with_successor_from(ring, key, policy, now, now - _BEHIND, force=force)
        elif not force:
            _refuse_to_leave_nothing(ring, policy, now)
    ring = with_chain(ring, key.alg, tiled([other for other in chain(ring, key.alg) if other.kid != kid]))
    return replace(ring, signing_keys=tuple(other for other in ring.signing_keys if other.kid != kid))


def _without_mac_key(ring: Ring, key_id: str, now: int, *, force: bool) -> Ring:
    key = next(key for key in ring.mac_keys if key.id == key_id)
    rest = [other for other in ring.mac_keys if other != key]
    if key == (mac_key(ring, now) or mac_key(ring, now + _BEHIND)) or _has_just_ended(key, now):
        position = ring.mac_keys.index(key)
        if position == len(rest):
            raise CommandError("this MAC key has no successor yet; run the rotation first, then revoke it")
        known_at = rest[position].created_at + seconds(MAC_AHEAD)
        if now < min(known_at, rest[position].signs_from) and not force:
            raise CommandError(
                f"some function may not know the next MAC key before {known_at} (epoch seconds), and would refuse what"
                " another makes with it; wait until then, or repeat with force"
            )
        rest[position] = replace(rest[position], signs_from=now - _BEHIND)
    return replace(ring, mac_keys=tiled_macs(rest))


def _promoted(ring: Ring, policy: KeyPolicy, now: int) -> Ring:
    for alg in policy.algorithms:
        active = signing_key(ring, alg, now)
        if active is None:
            raise CommandError(f"no {alg} key signs yet; there is nothing to rotate")
        ring = _with_successor_from(ring, active, policy, now, now, force=False)
    return ring


def _has_just_ended(key: SigningKey | MacKey, now: int) -> bool:
    """Whether a function whose clock is behind may still make something with `key`."""
    return key.signs_until is not None and key.signs_until <= now < key.signs_until + _BEHIND


def _refuse_to_leave_nothing(ring: Ring, policy: KeyPolicy, now: int) -> None:
    """Raise CommandError where a key of a former algorithm signs for one that has no key yet that may."""
    for alg in policy.algorithms:
        if signing_key(ring, alg, now) is None:
            planned = [key.signs_from for key in chain(ring, alg) if key.signs_from is not None]
            until = f"until {planned[0]} (epoch seconds)" if planned else "for as long as a key is published ahead"
            raise CommandError(
                f"this key signs in place of {alg}, which has none yet: without it nothing is signed {until};"
                " wait until then, or repeat with force"
            )


def _with_successor_from(
    ring: Ring, active: SigningKey, policy: KeyPolicy, now: int, starts_at: int, *, force: bool
) -> Ring:
    """Return `ring` with the successor of `active` signing from `starts_at`; raises CommandError where it mustn't."""
    keys = chain(ring, active.alg)
    position = keys.index(active) + 1
    ready_at = seasoned_at(keys[position], policy) if position < len(keys) else None
    if ready_at is None:
        raise CommandError(f"the {active.alg} key {active.kid} has no published successor yet; run the rotation first")
    if now < min(ready_at, keys[position].signs_from or ready_at) and not force:
        raise CommandError(
            f"the successor {keys[position].kid} is in every verifier's cache only from {ready_at} (epoch seconds);"
            " wait until then, or revoke with force and have some verifiers refuse its tokens until then"
        )
    keys[position] = replace(keys[position], signs_from=starts_at)
    return with_chain(ring, active.alg, tiled(keys))


def _with_watermark(ring: Ring, not_before: int, now: int) -> Ring:
    if not_before < ring.not_before:
        raise CommandError(f"the watermark only rises, and it stands at {ring.not_before} (epoch seconds)")
    if not_before > now + seconds(MAX_CLOCK_SKEW):
        raise CommandError("a watermark in the future would refuse every new login; give an instant that is past")
    return replace(ring, not_before=not_before)
