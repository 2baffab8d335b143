"""Refresh tokens and authorization codes: opaque to clients, computed and never stored.

Both name a family, a generation and the user behind it, under a MAC over all of that and the client's
id. So a forged token, or another client's, is refused before any network call; and the successor of a
token can be computed again, which is how a retry is given the identical string.

    prefix · base64url( version 1 | MAC key id 4 | connector tag 4 | user tag 16
                      | family id 16 | created at 4 | generation 4 | HMAC-SHA-256 32 )
"""

from __future__ import annotations

import hmac
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sundial.expiry.family import Family
from sundial.keys.ring import MacKey
from sundial.tokens.subject import connector_tag, user_tag

_VERSION = 1
_BODY = struct.Struct(">B4s4s16s16sII")
_MAC_BYTES = 32
_TEXT_LENGTH = -(-(_BODY.size + _MAC_BYTES) * 4 // 3)  # base64 without padding, rounded up


class Kind(StrEnum):
    """What a token is for; the prefix lets secret scanners recognise it."""

    REFRESH_TOKEN = "sundial_rt_"  # noqa: S105
    AUTHORIZATION_CODE = "sundial_ac_"


@dataclass(frozen=True, slots=True)
class Presented:
    """What an authentic token says. For a code, `generation` is the one that redeeming it makes.

    `created_at` is the family's (epoch seconds): with it, `expires_at` can be written without reading first.
    """

    family_id: str
    created_at: int
    generation: int
    connector_tag: bytes
    user_tag: bytes
    mac_key_id: str
    inherited: bool = False
    """Whether it is a token of Dex's, of an imported login (`tokens.dex`), and was made under no key of ours."""


def new_family_id() -> str:
    """Return 128 random bits in base64url: 22 characters."""
    return secrets.token_urlsafe(16)


def new_change_id() -> str:
    """Return the id of one write, by which an SDK retry of it is recognised: 72 random bits."""
    return secrets.token_urlsafe(9)


def mint(kind: Kind, mac_key: MacKey, family: Family, generation: int) -> str:
    """Return the token of `generation` of `family`: the same string for the same arguments."""
    body = _BODY.pack(
        _VERSION,
        bytes.fromhex(mac_key.id),
        connector_tag(family.connector_id),
        user_tag(family.claims.user_id),
        _decode(family.family_id),
        family.created_at,
        generation,
    )
    return kind + _encode(body + _mac(kind, mac_key, body, family.client_id))


def read(kind: Kind, text: str, client_id: str, mac_by_id: Callable[[str], MacKey | None]) -> Presented | None:
    """Return what the token says, or None where it is not one of ours, of this kind, for this client."""
    encoded = text.removeprefix(kind)
    if len(encoded) != _TEXT_LENGTH or encoded == text or not encoded.isascii():
        return None
    try:
        raw = _decode(encoded)
    except ValueError:
        return None
    if len(raw) != _BODY.size + _MAC_BYTES or _encode(raw) != encoded:
        return None  # one token, one spelling: base64 would let trailing bits vary
    body, mac = raw[: _BODY.size], raw[_BODY.size :]
    version, key_id, connector, user, family_id, created_at, generation = _BODY.unpack(body)
    mac_key = mac_by_id(key_id.hex()) if version == _VERSION else None
    if mac_key is None or not hmac.compare_digest(mac, _mac(kind, mac_key, body, client_id)):
        return None
    return Presented(_encode(family_id), created_at, generation, connector, user, mac_key.id)


def _mac(kind: Kind, mac_key: MacKey, body: bytes, client_id: str) -> bytes:
    return hmac.digest(mac_key.secret, kind.encode("ascii") + body + client_id.encode("utf-8"), "sha256")


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
