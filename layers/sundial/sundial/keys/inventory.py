"""The ring as an operator is shown it: every key with its state and its instants, and no private half."""

from __future__ import annotations

from typing import Any

from sundial.keys.jwks import PublicKeys
from sundial.keys.policy import KeyPolicy
from sundial.keys.ring import MacKey, Ring, SigningKey, mac_key, signing_key
from sundial.keys.transitions import next_change_at
from sundial.version import VERSION


def inventory(ring: Ring, served: PublicKeys | None, policy: KeyPolicy, now: int) -> dict[str, Any]:
    """Return `ring` and the JWKS as published as JSON. Instants are epoch seconds.

    A state is `pending`, `active` or `retired`; what a retired MAC key made is still taken. `overdue`
    is a key that signs although another should.
    """
    return {
        "at": now,
        "version": VERSION,
        "serial": ring.serial,
        "not_before": ring.not_before,
        "next_change_at": next_change_at(ring, policy, now) if ring.signing_keys else None,
        "algorithms": list(policy.algorithms),
        "signing_keys": [_signing_key(ring, key, policy, now) for key in ring.signing_keys],
        "mac_keys": [_mac_key(ring, key, now) for key in ring.mac_keys],
        "published": None if served is None else _published(served),
    }


def _signing_key(ring: Ring, key: SigningKey, policy: KeyPolicy, now: int) -> dict[str, Any]:
    is_active = signing_key(ring, key.alg, now) == key
    is_pending = key.signs_from is None or key.signs_from > now
    is_overdue = is_active and key.signs_from is not None and now > key.signs_from + policy.longest_turn
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": "active" if is_active else "pending" if is_pending else "retired",
        "overdue": is_overdue,
        "created_at": key.created_at,
        "published_at": key.published_at,
        "signs_from": key.signs_from,
        "signs_until": key.signs_until,
        "published_until": key.published_until,
        "jwk": dict(key.public_jwk),
    }


def _mac_key(ring: Ring, key: MacKey, now: int) -> dict[str, Any]:
    is_active = mac_key(ring, now) == key
    return {
        "kid": key.id,
        "alg": "MAC",
        "state": "active" if is_active else "pending" if key.signs_from > now else "retired",
        "created_at": key.created_at,
        "signs_from": key.signs_from,
        "signs_until": key.signs_until,
        "kept_until": key.kept_until,
    }


def _published(served: PublicKeys) -> dict[str, Any]:
    return {"serial": served.serial, "as_of": served.as_of, "keys": [dict(jwk) for jwk in served.keys]}
