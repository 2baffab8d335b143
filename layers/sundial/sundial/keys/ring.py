"""The key ring at an instant: which key signs, which keys are published (docs/architecture.md, "Signing keys").

Pure: no I/O, no clock. Keys carry instants (epoch seconds), never flags that somebody must flip, so the
moment at which one key takes over from another comes without anybody writing anything. How the ring
moves on is in `keys.transitions`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT = 1


class RingFormatError(ValueError):
    """The document is not a ring of a format that this version reads; the text names no key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair and the instants of its life.

    pending    until `signs_from`; not yet in the JWKS for certain while `published_at` is None
    active     from `signs_from` until `signs_until`, without end while there is no successor
    retired    until `published_until`, published for the sake of what it signed; then it is dropped
    """

    kid: str
    alg: str
    public_jwk: Mapping[str, str]
    private_pem: str | None = field(repr=False)
    """None once the key can't sign any more: what isn't kept can't leak."""
    created_at: int
    published_at: int | None = None
    """When it was first seen to be in the JWKS."""
    seasoned_at: int | None = None
    """When no cache lacks it any more, by the settings of that day; see `Ring.cached_until`."""
    signs_from: int | None = None
    signs_until: int | None = None
    published_until: int | None = None


@dataclass(frozen=True, slots=True)
class MacKey:
    """One key of the codes, refresh tokens and sealed browser state, and the instants of its life."""

    id: str
    """Eight hexadecimal digits."""
    secret: bytes = field(repr=False)
    created_at: int
    signs_from: int
    signs_until: int | None = None
    kept_until: int | None = None
    """The last second at which something made with it can be alive; None while that has no end."""


@dataclass(frozen=True, slots=True)
class Ring:
    """All keys, each algorithm's in the order of their life. `serial` grows by one with each version of it."""

    serial: int = 0
    signing_keys: tuple[SigningKey, ...] = ()
    mac_keys: tuple[MacKey, ...] = ()
    not_before: int = 0
    """The operator's watermark: nothing that was issued before this instant is honoured."""
    season: int = 0
    """What the settings asked for at the last run, in seconds: see `keys.policy.KeyPolicy`."""
    retention: int = 0
    """As `season`."""
    cached_until: int = 0
    """Until when a JWKS can lie in a cache that was fetched before `publishAhead` was shortened."""


def signing_key(ring: Ring, alg: str, now: int) -> SigningKey | None:
    """Return the key that signs with `alg` at `now`; None where none may yet, or the algorithm is retired.

    The latest of those that may. A key whose successor isn't planned goes on, however overdue.
    """
    began = [
        key for key in ring.signing_keys if key.alg == alg and key.signs_from is not None and key.signs_from <= now
    ]
    if not began or (began[-1].signs_until is not None and now >= began[-1].signs_until):
        return None
    return began[-1]


def public_keys(ring: Ring, now: int) -> tuple[SigningKey, ...]:
    """Return the keys that belong into the JWKS at `now`: the pending, the active and the retired."""
    return tuple(key for key in ring.signing_keys if belongs_to_jwks(key, now))


def belongs_to_jwks(key: SigningKey, now: int) -> bool:
    """Return whether `key` belongs into the JWKS at `now`; one whose end isn't planned does, whatever was once said."""
    return key.signs_until is None or key.published_until is None or now <= key.published_until


def mac_key(ring: Ring, now: int) -> MacKey | None:
    """Return the MAC key for what is made at `now`; None for a ring without any."""
    began = [key for key in ring.mac_keys if key.signs_from <= now]
    return began[-1] if began else None


def mac_key_by_id(ring: Ring, key_id: str) -> MacKey | None:
    """Return the MAC key that made something, if the ring still keeps it."""
    return next((key for key in ring.mac_keys if key.id == key_id), None)


def next_instant(ring: Ring, now: int) -> int | None:
    """Return the first instant after `now` at which another key signs; None where the ring names none."""
    return min((instant for instant in _instants(ring) if instant > now), default=None)


def to_json(ring: Ring) -> str:
    """Return the ring as the JSON document that the secret holds. It holds private keys: never log it."""
    document = {
        "format": FORMAT,
        "serial": ring.serial,
        "not_before": ring.not_before,
        "season": ring.season,
        "retention": ring.retention,
        "cached_until": ring.cached_until,
        "signing_keys": [{**asdict(key), "public_jwk": dict(key.public_jwk)} for key in ring.signing_keys],
        "mac_keys": [{**asdict(key), "secret": b64encode(key.secret).decode("ascii")} for key in ring.mac_keys],
    }
    return json.dumps(document, separators=(",", ":"))


def from_json(text: str) -> Ring:
    """Return the ring of a JSON document; raises RingFormatError for anything that `to_json` didn't make."""
    try:
        document: dict[str, Any] = json.loads(text)
        found = document["format"]
        if found != FORMAT:
            raise RingFormatError(f"the ring has format {found!r}; this version reads {FORMAT}")
        return Ring(
            serial=int(document["serial"]),
            not_before=int(document["not_before"]),
            season=int(document.get("season", 0)),
            retention=int(document.get("retention", 0)),
            cached_until=int(document.get("cached_until", 0)),
            signing_keys=tuple(SigningKey(**key) for key in document["signing_keys"]),
            mac_keys=tuple(MacKey(**{**key, "secret": b64decode(key["secret"])}) for key in document["mac_keys"]),
        )
    except RingFormatError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # `from None`: a JSON error carries the document, and the document holds private keys
        raise RingFormatError(f"the document is not a key ring ({type(error).__name__})") from None


def _instants(ring: Ring) -> Iterator[int]:
    for key in ring.signing_keys:
        if key.signs_from is not None:
            yield key.signs_from
        if key.signs_until is not None:
            yield key.signs_until
    for mac in ring.mac_keys:
        yield mac.signs_from
