"""How the ring moves on: pure, idempotent, the only place where the rule stands (docs/architecture.md, "Signing keys").

Each function takes a ring and `now` (epoch seconds) and returns a ring; called again with what it
returned, it changes nothing. So any number of runs, late, twice or at once, come to what one would.

    make     a pending key, when the last of the chain is about to need its successor      `due`, `with_keys`
    stamp    the instant since which it is known to be published                           `advance`
    plan     when it takes over; that is written long before, and needs no write then      `advance`
    retire   erase the private half once its successor signs                               `advance`
    drop     let it go once the last token that it can have signed is dead                 `advance`

One successor more than needed is kept, published for as long as any cache lives: the emergency drill
(`revoke`) has a key to turn to at every moment.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from sundial.keys.algorithms import KeyPair
from sundial.keys.policy import (
    LEAD,
    MAC_AHEAD,
    MAC_PERIOD,
    MAX_CLOCK_SKEW,
    RING_CACHE,
    RING_STALENESS,
    KeyPolicy,
    seconds,
)
from sundial.keys.ring import MacKey, Ring, SigningKey, belongs_to_jwks

_SKEW = seconds(2 * MAX_CLOCK_SKEW)
_RELOADED = seconds(RING_CACHE) + _SKEW
"""Seconds after which every function has a new ring, or knows that it has lost touch."""
_SETTLED = seconds(RING_STALENESS) + _SKEW
"""Seconds after which no function acts on an old ring: an instant that is nearer than this is not moved."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The keys that are to be made: an `alg` for each signing key, and a number of MAC keys."""

    algorithms: tuple[str, ...] = ()
    mac_keys: int = 0

    def __bool__(self) -> bool:
        return bool(self.algorithms or self.mac_keys)


def due(ring: Ring, policy: KeyPolicy, now: int) -> Needs:
    """Return the keys that `ring` lacks at `now`.

    The successor of a key is made so early that it has been published for long enough when that key
    begins to sign. Where `publishAhead` is longer than a key signs, that comes to several at once.
    """
    algorithms: list[str] = []
    fresh = _is_fresh(ring)
    for alg in policy.algorithms:
        last = _projected_start(ring, alg, policy, now)
        while last is None or now >= last - policy.season - seconds(LEAD):
            algorithms.append(alg)
            last = _start(_seasoned_from(ring, policy, now), last, policy, now, fresh)
    return Needs(tuple(algorithms), _mac_keys_due(ring, now))


def with_keys(ring: Ring, pairs: Iterable[tuple[str, KeyPair]], mac_secrets: Iterable[bytes], now: int) -> Ring:
    """Return `ring` with new pending keys, each an `alg` and its pair, and MAC keys made of 32 random bytes each."""
    signing_keys = tuple(
        SigningKey(pair.public_jwk["kid"], alg, pair.public_jwk, pair.private_pem, created_at=now)
        for alg, pair in pairs
    )
    mac_keys = list(ring.mac_keys)
    for secret in mac_secrets:
        starts = max(now + seconds(MAC_AHEAD), mac_keys[-1].signs_from + seconds(MAC_PERIOD)) if mac_keys else now
        mac_keys.append(MacKey(_new_mac_id(mac_keys), secret, created_at=now, signs_from=starts))
    return replace(ring, signing_keys=ring.signing_keys + signing_keys, mac_keys=tiled_macs(mac_keys))


def advance(ring: Ring, policy: KeyPolicy, now: int, published: AbstractSet[str] = frozenset()) -> Ring:
    """Return `ring` as it should stand at `now`, given that the `kid`s of `published` are in the JWKS now."""
    ring = _remembering(ring, policy, now)
    seasoned = _seasoned_from(ring, policy, now)
    stamped = tuple(
        replace(key, published_at=now, seasoned_at=seasoned)
        if key.published_at is None and key.kid in published
        else key
        for key in ring.signing_keys
    )
    ring = _planned(replace(ring, signing_keys=stamped), policy, now)
    kept = retained(ring, policy).signing_keys
    signing_keys = tuple(_erased(key, now) for key in kept if belongs_to_jwks(key, now))
    mac_keys = [_retained_mac(key, policy) for key in tiled_macs(ring.mac_keys)]
    return replace(
        ring,
        signing_keys=signing_keys,
        mac_keys=tuple(key for key in mac_keys if key.kept_until is None or now <= key.kept_until),
    )


def retained(ring: Ring, policy: KeyPolicy) -> Ring:
    """Return `ring` with how long each key stays published: never shorter than once said.

    Settings change while tokens live; what was signed under the longer ones is remembered by this.
    """
    return replace(ring, signing_keys=tuple(_retained(key, policy) for key in ring.signing_keys))


def next_change_at(ring: Ring, policy: KeyPolicy, now: int) -> int:
    """Return when the JWKS next changes as far as is known: a new key comes, or an old one goes."""
    instants = [
        key.published_until
        for key in ring.signing_keys
        if key.published_until is not None and key.signs_until is not None
    ]
    for alg in policy.algorithms:
        last = _projected_start(ring, alg, policy, now)
        instants.append(now if last is None else last - policy.season - seconds(LEAD))
    return max(now, min(instants))


def chain(ring: Ring, alg: str) -> list[SigningKey]:
    """Return the keys of `alg` that sign or will: those whose private half is there, in the order of their life."""
    return [key for key in ring.signing_keys if key.alg == alg and key.private_pem is not None]


def seasoned_at(key: SigningKey, policy: KeyPolicy) -> int | None:
    """Return when `key` has been published for long enough to sign; None while it isn't known to be published.

    Longer settings hold back a key that is out already. Shorter ones don't bring it forward: somebody
    may have been told to keep the JWKS before it for as long as was right then.
    """
    if key.published_at is None:
        return None
    return max(key.published_at + policy.season, key.seasoned_at or 0)


def tiled(keys: Sequence[SigningKey]) -> list[SigningKey]:
    """Return a chain in which each key signs until the next one does, the last without end: never a gap."""
    following = [key.signs_from for key in keys[1:]]
    return [replace(key, signs_until=until) for key, until in zip(keys, [*following, None], strict=False)]


def tiled_macs(keys: Sequence[MacKey]) -> tuple[MacKey, ...]:
    """Return MAC keys each of which is used until the next one is, the last without end."""
    following = [key.signs_from for key in keys[1:]]
    return tuple(replace(key, signs_until=until) for key, until in zip(keys, [*following, None], strict=False))


def with_chain(ring: Ring, alg: str, keys: Iterable[SigningKey]) -> Ring:
    """Return `ring` with the chain of `alg` replaced by `keys`, those that are left out gone from the ring."""
    new = {key.kid: key for key in keys}
    old = {key.kid for key in chain(ring, alg)}
    return replace(
        ring,
        signing_keys=tuple(new.get(key.kid, key) for key in ring.signing_keys if key.kid not in old or key.kid in new),
    )


def _is_fresh(ring: Ring) -> bool:
    """Whether no key of the ring has ever had leave to sign: nobody has cached a JWKS of this deployment."""
    return all(key.signs_from is None for key in ring.signing_keys)


def _remembering(ring: Ring, policy: KeyPolicy, now: int) -> Ring:
    """Return `ring` with the settings of this run, and with what the ones before have left in caches and tokens."""
    signing_keys = ring.signing_keys
    if ring.retention > policy.retention:
        until = now + ring.retention
        signing_keys = tuple(
            replace(key, published_until=max(key.published_until or 0, until)) if _goes_on(key, now) else key
            for key in ring.signing_keys
        )
    return replace(
        ring,
        signing_keys=signing_keys,
        season=policy.season,
        retention=policy.retention,
        cached_until=max(ring.cached_until, now + ring.season if ring.season > policy.season else 0),
    )


def _goes_on(key: SigningKey, now: int) -> bool:
    """Whether `key` may have signed, and has no end yet: until then it has no `published_until` that remembers it."""
    return key.signs_until is None and key.signs_from is not None and key.signs_from <= now + _SKEW


def _seasoned_from(ring: Ring, policy: KeyPolicy, now: int) -> int:
    """Return when no cache lacks a key any more that is published at `now`."""
    return max(now + policy.season, ring.cached_until)


def _start(seasoned: int, previous: int | None, policy: KeyPolicy, now: int, fresh: bool) -> int:
    """Return when a key signs from: `previous` is when the one before it does, None for the first of its algorithm.

    The very first keys of a deployment sign at once. Every other key has been published for
    `publishAhead` by then, the first of an algorithm that is added later too.
    """
    if previous is None and fresh:
        return now
    return seasoned if previous is None else max(seasoned, previous + seconds(policy.signs_for))


def _projected_start(ring: Ring, alg: str, policy: KeyPolicy, now: int) -> int | None:
    """Return when the last key of `alg` signs from, as if those not yet published were published now."""
    last, fresh = None, _is_fresh(ring)
    for key in chain(ring, alg):
        if key.signs_from is not None:
            last = key.signs_from
        else:
            seasoned = seasoned_at(key, policy)
            last = _start(_seasoned_from(ring, policy, now) if seasoned is None else seasoned, last, policy, now, fresh)
    return last


def _planned(ring: Ring, policy: KeyPolicy, now: int) -> Ring:
    fresh = _is_fresh(ring)
    for alg in policy.algorithms:
        ring = with_chain(ring, alg, _planned_chain(chain(ring, alg), policy, now, fresh))
    ready_at = _ready_at(ring, policy)
    for alg in dict.fromkeys(key.alg for key in ring.signing_keys if key.alg not in policy.algorithms):
        ring = with_chain(ring, alg, _ended_chain(chain(ring, alg), ready_at, now))
    return ring


def _planned_chain(keys: list[SigningKey], policy: KeyPolicy, now: int, fresh: bool) -> list[SigningKey]:
    """Return a chain with the start of each published key.

    Starts follow the settings as they are now, unless they are so near that a function may act on them.
    """
    planned: list[SigningKey] = []
    previous: int | None = None
    for key in keys:
        starts, seasoned = key.signs_from, seasoned_at(key, policy)
        if seasoned is not None and (starts is None or starts > now + _SETTLED):
            earliest = now if starts is None else now + _SETTLED
            starts = max(earliest, _start(seasoned, previous, policy, now, fresh))
        planned.append(replace(key, signs_from=starts))
        previous = starts
    return tiled(planned)


def _ready_at(ring: Ring, policy: KeyPolicy) -> int | None:
    """Return when every configured algorithm has a key that signs; None while that isn't known."""
    firsts = [next((key.signs_from for key in chain(ring, alg)), None) for alg in policy.algorithms]
    known = [first for first in firsts if first is not None]
    return max(known) if known and len(known) == len(firsts) else None


def _ended_chain(keys: list[SigningKey], ready_at: int | None, now: int) -> list[SigningKey]:
    """Return the chain of an algorithm that is no longer configured.

    What never signed goes at once. What signs goes on until each configured algorithm has a key that
    may: until then it stands in for them (`keys.cache.LoadedRing.signer`).
    """
    signing = tiled([key for key in keys if key.signs_from is not None and key.signs_from <= now + _SETTLED])
    if not signing or ready_at is None:
        return signing
    stated = keys[-1].signs_until  # None the first time
    earliest = max(ready_at, signing[-1].signs_from or 0)
    ends = stated if stated is not None and stated >= earliest else max(earliest, now) + _RELOADED
    return [*signing[:-1], replace(signing[-1], signs_until=ends)]


def _retained(key: SigningKey, policy: KeyPolicy) -> SigningKey:
    if key.signs_until is None:
        return key
    return replace(key, published_until=max(key.published_until or 0, key.signs_until + policy.retention))


def _erased(key: SigningKey, now: int) -> SigningKey:
    """Forget the private half once no clock is so far behind that the key would still sign."""
    if key.signs_until is None or now <= key.signs_until + _SKEW:
        return key
    return replace(key, private_pem=None)


def _mac_keys_due(ring: Ring, now: int) -> int:
    if not ring.mac_keys:
        return 2
    return int(now >= ring.mac_keys[-1].signs_from - seconds(MAC_AHEAD + LEAD))


def _retained_mac(key: MacKey, policy: KeyPolicy) -> MacKey:
    if policy.mac_retention is None:
        return replace(key, kept_until=None)
    if key.signs_until is None:
        return key
    return replace(key, kept_until=max(key.kept_until or 0, key.signs_until + policy.mac_retention))


def _new_mac_id(keys: Iterable[MacKey]) -> str:
    """Return eight random hexadecimal digits that no key has yet."""
    taken = {key.id for key in keys}
    while (new := secrets.token_hex(4)) in taken:
        pass
    return new
