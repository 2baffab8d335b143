"""What a server without sessions keeps in the browser: sealed, so that it can neither be read nor made up there.

A sealed value opens for its purpose and in its browser alone: both are authenticated with it. It says
nothing of time; what is in it does.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from sundial.keys.ring import MacKey

_VERSION = 1
"""To be raised whenever a sealed payload changes its fields: a browser may come back with an older one."""
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_DERIVATION = b"sundial seal v1"


class Purpose(StrEnum):
    """What a sealed value is for."""

    POSTED = "posted authorization request"
    """Checked, but not yet bound to a browser: a cross-site POST comes without our cookie."""
    REQUEST = "authorization request"
    JOURNEY = "login at an identity provider"
    LOGIN = "login that waits for consent"
    LOGOUT = "logout that waits for a yes"
    LOGOUT_ELSEWHERE = "logout at an identity provider"
    DEVICE_PAGE = "page where a device's code is typed"


class MacKeys(Protocol):
    """The MAC keys of the key ring (`keys.cache.LoadedRing`)."""

    def mac(self, now: int) -> MacKey:
        """Return the key to use at `now` (epoch seconds)."""

    def mac_by_id(self, key_id: str) -> MacKey | None:
        """Return the key of that id, None where it has left the ring."""


class SealError(ValueError):
    """A value that was not sealed here, or for another purpose, or for another browser."""


def seal(keys: MacKeys, purpose: Purpose, binding: str, payload: Mapping[str, Any], now: int) -> str:
    """Return `payload` in AES-256-GCM, base64url: safe in a URL and in a form.

    `binding` is the value of the browser's cookie. Nonces are random: with 96 bits, a key would have to
    seal a billion values a day for years before two of them met.
    """
    mac_key = keys.mac(now)
    header = bytes((_VERSION,)) + bytes.fromhex(mac_key.id)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    sealed = _cipher(mac_key).encrypt(nonce, text, _context(header, purpose, binding))
    return _encode(header + nonce + sealed)


def unseal(keys: MacKeys, purpose: Purpose, binding: str, sealed: str) -> dict[str, Any]:
    """Return the payload; raises SealError for anything that `seal` did not make for this purpose and browser."""
    try:
        raw = urlsafe_b64decode(sealed.encode("ascii") + b"=" * (-len(sealed) % 4))
    except ValueError:
        raise SealError("not base64url") from None
    if _encode(raw) != sealed:
        raise SealError("not as we spell it: base64 would let other characters stand in between")
    header, rest = raw[: 1 + _KEY_ID_BYTES], raw[1 + _KEY_ID_BYTES :]
    mac_key = keys.mac_by_id(header[1:].hex()) if header[:1] == bytes((_VERSION,)) else None
    if mac_key is None or len(rest) < _NONCE_BYTES:
        raise SealError("of another version, or under a key that is gone")
    try:
        text = _cipher(mac_key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _context(header, purpose, binding))
    except InvalidTag:
        raise SealError("altered, or sealed for another purpose or browser") from None
    payload: dict[str, Any] = json.loads(text)
    return payload


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _cipher(mac_key: MacKey) -> AESGCM:
    return AESGCM(hmac.digest(mac_key.secret, _DERIVATION, "sha256"))


def _context(header: bytes, purpose: Purpose, binding: str) -> bytes:
    return header + purpose.encode("ascii") + b"\0" + binding.encode("ascii")
