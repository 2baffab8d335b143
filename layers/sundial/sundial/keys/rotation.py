"""One run of the rotation: read, publish, decide, make, replace, and again until nothing is due.

Every step may be the last one before a crash: the next run goes on from what it finds. A key is in the
secret before it is in the JWKS, and known to be in the JWKS before it is given leave to sign. The usual
run finds nothing to do, and costs one read of the secret and one of the JWKS item.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sundial.keys.algorithms import KeyPair, make_key_pair
from sundial.keys.commands import Command, Revoke, apply
from sundial.keys.jwks import PublicKeys
from sundial.keys.policy import RING_CACHE, KeyPolicy, seconds
from sundial.keys.ring import MacKey, Ring, SigningKey, public_keys, signing_key
from sundial.keys.stores import JwksStore, RingStore
from sundial.keys.transitions import advance, due, next_change_at, retained, with_keys

_ROUNDS = 12
"""A first run takes three; the others are for lost races."""


class UnsettledError(Exception):
    """A run has lost one race after another: it is left to the next one."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a key: `made`, `published`, `moved`, `retired`, `dropped` or `revoked`."""

    what: str
    kid: str
    alg: str
    """`MAC` for a MAC key."""
    signs_from: int | None = None
    signs_until: int | None = None
    successor: str | None = None
    """The `kid` of the key that signs in the place of one that is retired."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. Instants are epoch seconds; no private key is in it."""

    at: int
    ring: Ring
    changes: tuple[Change, ...]
    next_change_at: int
    everywhere_at: int | None
    """After a command: when every function has loaded the ring that it made."""
    out_of_step: bool
    """Whether the run found another JWKS served than the ring's; it has mended that."""


def nobody(_change: Change) -> None:
    """Tell nobody."""


def run(
    vault: RingStore,
    store: JwksStore,
    policy: KeyPolicy,
    clock: Callable[[], float],
    *,
    command: Command | None = None,
    make: Callable[[str], KeyPair] = make_key_pair,
    tell: Callable[[Change], None] = nobody,
) -> Report:
    """Bring ring and JWKS to where they should be, after `command` if there is one; return what was done.

    `tell` hears of each change once it is written, also in a run that fails after it.

    Raises `temporarily_unavailable` where AWS can't be reached, CommandError for a command that can't be
    obeyed, KeyCheckError for a key that fails its check, UnsettledError after too many lost races.
    Whichever it is, what has been written so far stands, and the next run goes on from there.
    """
    changes: list[Change] = []
    everywhere_at: int | None = None
    out_of_step: bool | None = None
    for _ in range(_ROUNDS):
        served = store.load()
        stored, version = vault.read()
        ring, now = stored or Ring(), int(clock())
        if out_of_step is None:
            out_of_step = _out_of_step(ring, served, now)
        behind = served is not None and served.serial > ring.serial  # the secret is new, or restored from a backup
        published: frozenset[str] = frozenset()
        if ring.signing_keys and not behind:
            wanted = _document(ring, policy, now, served)
            if not _serves(served, wanted):
                if not store.publish(wanted):
                    continue
                now = int(clock())  # the publication has taken its time, and counts from when it was done
            published = frozenset(jwk["kid"] for jwk in wanted.keys)
        moved = advance(ring, policy, now, published)
        if command is not None:
            moved = apply(command, moved, policy, now)
        moved = _with_due_keys(moved, policy, now, make)
        if moved == ring and not behind:
            return Report(now, ring, tuple(changes), next_change_at(ring, policy, now), everywhere_at, out_of_step)
        serial = 1 + max(ring.serial, served.serial if served else 0)
        if vault.replace(replace(moved, serial=serial), version):
            for change in _changes(ring, moved, command):
                changes.append(change)
                tell(change)
            if command is not None:
                command, everywhere_at = None, now + seconds(RING_CACHE)
    raise UnsettledError(f"the ring did not settle in {_ROUNDS} rounds: other runs are at it")


def report_document(report: Report, policy: KeyPolicy) -> dict[str, Any]:
    """Return a report as JSON for whoever invoked the function."""
    return {
        "at": report.at,
        "serial": report.ring.serial,
        "not_before": report.ring.not_before,
        "changes": [_without_none(change) for change in report.changes],
        "active": {alg: {"kid": kid, "age_seconds": age} for alg, kid, age in active_ages(report, policy)},
        "next_change_at": report.next_change_at,
        **({} if report.everywhere_at is None else {"everywhere_at": report.everywhere_at}),
    }


def active_ages(report: Report, policy: KeyPolicy) -> Iterator[tuple[str, str, int]]:
    """Yield the `alg`, the `kid` and the age in seconds of each active key: for how long it has signed."""
    for alg in policy.algorithms:
        key = signing_key(report.ring, alg, report.at)
        if key is not None and key.signs_from is not None:
            yield alg, key.kid, report.at - key.signs_from


def overdue(report: Report, policy: KeyPolicy) -> Iterator[tuple[str, int]]:
    """Yield each `alg` and for how many seconds its successor has been overdue (`KeyPolicy.longest_turn`).

    Whatever is planned by now: a run that comes late plans for later.
    """
    for alg, _, age in active_ages(report, policy):
        yield alg, max(0, age - policy.longest_turn)


def _with_due_keys(ring: Ring, policy: KeyPolicy, now: int, make: Callable[[str], KeyPair]) -> Ring:
    needs = due(ring, policy, now)
    if not needs:
        return ring
    pairs = [(alg, make(alg)) for alg in needs.algorithms]
    return with_keys(ring, pairs, [secrets.token_bytes(32) for _ in range(needs.mac_keys)], now)


def _document(ring: Ring, policy: KeyPolicy, now: int, served: PublicKeys | None) -> PublicKeys:
    """Return the JWKS of `ring` at `now`, what the settings now ask to keep for longer included."""
    keys = public_keys(retained(ring, policy), now)
    return PublicKeys(
        serial=ring.serial,
        as_of=max(now, served.as_of if served else 0),  # another run's clock may be ahead
        keys=tuple(key.public_jwk for key in keys),
        published_at={key.kid: key.published_at for key in keys if key.published_at is not None},
        next_change_at=next_change_at(ring, policy, now),
        not_before=ring.not_before,
    )


def _out_of_step(ring: Ring, served: PublicKeys | None, now: int) -> bool:
    """Whether the served JWKS lacks a key that was in it, or has one that the ring hasn't.

    No run that came to its end leaves that; neither does time, which only ends what every run ends.
    """
    there = {jwk["kid"]: dict(jwk) for jwk in (served.keys if served else ())}
    known = {key.kid: dict(key.public_jwk) for key in ring.signing_keys}
    expected = (key.kid for key in public_keys(ring, now) if key.published_at is not None)
    return not all(kid in there for kid in expected) or any(known.get(kid) != jwk for kid, jwk in there.items())


def _serves(served: PublicKeys | None, wanted: PublicKeys) -> bool:
    return served is not None and replace(served, as_of=wanted.as_of) == wanted


def _changes(before: Ring, after: Ring, command: Command | None) -> Iterator[Change]:
    """Yield what happened between two rings."""
    revoked = command.kid if isinstance(command, Revoke) else None
    old_keys = {key.kid: key for key in before.signing_keys}
    new_kids = {key.kid for key in after.signing_keys}
    for key in after.signing_keys:
        what = _what_happened(old_keys.get(key.kid), key)
        if what:
            successor = _successor(after, key) if what == "retired" else None
            yield Change(what, key.kid, key.alg, key.signs_from, key.signs_until, successor)
    for key in before.signing_keys:
        if key.kid not in new_kids:
            yield Change("revoked" if key.kid == revoked else "dropped", key.kid, key.alg)
    yield from _mac_changes(before, after, revoked)


def _successor(ring: Ring, retired: SigningKey) -> str | None:
    return next(
        (key.kid for key in ring.signing_keys if key.alg == retired.alg and key.signs_from == retired.signs_until),
        None,
    )


def _what_happened(old: SigningKey | None, new: SigningKey) -> str | None:
    if old is None:
        return "made"
    if old.published_at is None and new.published_at is not None:
        return "published"
    if old.signs_from != new.signs_from:
        return "moved"
    if old.private_pem is not None and new.private_pem is None:
        return "retired"
    return None


def _mac_changes(before: Ring, after: Ring, revoked: str | None) -> Iterator[Change]:
    def changed(what: str, key: MacKey) -> Change:
        return Change(what, key.id, "MAC", key.signs_from, key.signs_until)

    old, new = {key.id for key in before.mac_keys}, {key.id for key in after.mac_keys}
    yield from (changed("made", key) for key in after.mac_keys if key.id not in old)
    for key in before.mac_keys:
        if key.id not in new:
            yield changed("revoked" if key.id == revoked else "dropped", key)


def _without_none(change: Change) -> dict[str, Any]:
    stated = {
        "what": change.what,
        "kid": change.kid,
        "alg": change.alg,
        "signs_from": change.signs_from,
        "signs_until": change.signs_until,
        "successor": change.successor,
    }
    return {name: value for name, value in stated.items() if value is not None}
