"""The `sub` claim: Dex's, so that a user keeps theirs when they move from Dex (dex.md, "Tokens")."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

_USER_ID, _CONNECTOR_ID = 0x0A, 0x12  # protobuf field numbers 1 and 2, wire type 2 (length-delimited)


def subject(user_id: str, connector_id: str) -> str:
    """Return base64url, without padding, of the protobuf message {1: user id, 2: connector id}."""
    message = _field(_USER_ID, user_id) + _field(_CONNECTOR_ID, connector_id)
    return urlsafe_b64encode(message).rstrip(b"=").decode("ascii")


def parse_subject(text: str) -> tuple[str, str]:
    """Return the (user id, connector id) of a `sub`; raises ValueError for what `subject` never made."""
    try:
        message = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise ValueError("a sub is base64url") from None
    fields = {_USER_ID: "", _CONNECTOR_ID: ""}
    while message:
        tag, message = message[0], message[1:]
        length, message = _varint(message)
        if tag not in fields or length > len(message):
            raise ValueError("a sub is the protobuf message {1: user id, 2: connector id}")
        fields[tag], message = message[:length].decode("utf-8"), message[length:]
    return fields[_USER_ID], fields[_CONNECTOR_ID]


def user_tag(user_id: str) -> bytes:
    """Return 16 bytes that stand for a user id where there is no room for it: in a token, as a key."""
    return hashlib.sha256(user_id.encode("utf-8")).digest()[:16]


@lru_cache(maxsize=64)
def connector_tag(connector_id: str) -> bytes:
    """Return 4 bytes that stand for a connector id in a token."""
    return hashlib.sha256(connector_id.encode("utf-8")).digest()[:4]


def _field(tag: int, text: str) -> bytes:
    value = text.encode("utf-8")
    if not value:  # proto3 leaves an empty string out
        return b""
    length, size = len(value), b""
    while length > 0x7F:
        size += bytes((length & 0x7F | 0x80,))
        length >>= 7
    return bytes((tag,)) + size + bytes((length,)) + value


def _varint(message: bytes) -> tuple[int, bytes]:
    value = 0
    for position, byte in enumerate(message[:5]):
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return value, message[position + 1 :]
    raise ValueError("a sub is the protobuf message {1: user id, 2: connector id}")
