"""Device codes and user codes (RFC 8628 §3.2 and §6.1).

A device code is opaque to devices: 32 random bytes, the first half of which is the id of the login that it is
to become, under a MAC over all of it and the client's id. So a forged one, or another client's, is refused
before any network call; and the table holds nothing that could make one.

    prefix · base64url( version 1 | MAC key id 4 | created at 4 | expires at 4 | random 32 | HMAC-SHA-256 32 )
"""

from __future__ import annotations

import hmac
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

from sundial.keys.ring import MacKey

PREFIX = "sundial_dc_"
"""Lets secret scanners recognise a device code."""
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""RFC 8628 §6.1: twenty consonants, so that no code is a word and none is hard to type."""
USER_CODE_LENGTH = 8

_VERSION = 1
_BODY = struct.Struct(">B4sII32s")
_MAC_BYTES = 32
_FAMILY_ID_BYTES = 16
_TEXT_LENGTH = -(-(_BODY.size + _MAC_BYTES) * 4 // 3)  # base64 without padding, rounded up


@dataclass(frozen=True, slots=True)
class PresentedDevice:
    """What an authentic device code says; instants are epoch seconds."""

    family_id: str
    created_at: int
    expires_at: int


def mint_device_code(mac_key: MacKey, client_id: str, created_at: int, expires_at: int) -> tuple[str, str]:
    """Return a new device code of `client_id`, and the id of the login that it is to become."""
    random = secrets.token_bytes(32)
    body = _BODY.pack(_VERSION, bytes.fromhex(mac_key.id), created_at, expires_at, random)
    return PREFIX + _encode(body + _mac(mac_key, body, client_id)), _encode(random[:_FAMILY_ID_BYTES])


def read_device_code(text: str, client_id: str, mac_by_id: Callable[[str], MacKey | None]) -> PresentedDevice | None:
    """Return what a device code says, or None where it is not one of ours, for this client."""
    encoded = text.removeprefix(PREFIX)
    if len(encoded) != _TEXT_LENGTH or encoded == text or not encoded.isascii():
        return None
    try:
        raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        return None
    if len(raw) != _BODY.size + _MAC_BYTES or _encode(raw) != encoded:
        return None  # one code, one spelling: base64 would let trailing bits vary
    body, mac = raw[: _BODY.size], raw[_BODY.size :]
    version, key_id, created_at, expires_at, random = _BODY.unpack(body)
    mac_key = mac_by_id(key_id.hex()) if version == _VERSION else None
    if mac_key is None or not hmac.compare_digest(mac, _mac(mac_key, body, client_id)):
        return None
    return PresentedDevice(_encode(random[:_FAMILY_ID_BYTES]), created_at, expires_at)


def new_user_code() -> str:
    """Return eight random letters: one of 20^8, which is 34.6 bits."""
    return "".join(secrets.choice(LETTERS) for _ in range(USER_CODE_LENGTH))


def show_user_code(user_code: str) -> str:
    """Return a user code as people are shown it: `WDJB-MJHT`."""
    return f"{user_code[:4]}-{user_code[4:]}"


def read_user_code(typed: str) -> str | None:
    """Return the user code that somebody typed, in any case, with dashes and spaces where they like; None if none."""
    letters = "".join(character for character in typed.upper() if character.isalnum())
    if len(typed) > 64 or len(letters) != USER_CODE_LENGTH or set(letters) - set(LETTERS):
        return None
    return letters


def _mac(mac_key: MacKey, body: bytes, client_id: str) -> bytes:
    return hmac.digest(mac_key.secret, PREFIX.encode("ascii") + body + client_id.encode("utf-8"), "sha256")


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
