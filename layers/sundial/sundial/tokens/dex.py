"""Refresh tokens that Dex gave out, as far as a login that was imported from it goes on by them.

base64url, without padding, of the protobuf message {1: refresh id, 2: token}, both of them random (Dex:
server/internal/types.proto, storage.NewID). There is no MAC in them: only who has the digest of the token
can tell a real one. Nothing here makes one.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

_TEXT = re.compile(r"[A-Za-z0-9_-]{40,200}")
_RANDOM = re.compile(rb"[a-z2-7]{16,64}")
_REFRESH_ID, _TOKEN = 0x0A, 0x12  # field numbers 1 and 2, wire type 2 (length-delimited)
_PURPOSE = b"sundial: the family of a login from dex\0"


@dataclass(frozen=True, slots=True)
class DexToken:
    """What a token of Dex's form says, which anybody can write."""

    refresh_id: str
    digest: bytes = field(repr=False)

    @property
    def family_id(self) -> str:
        """The id of the family that its login became when it was imported."""
        return inherited_family_id(self.refresh_id)


def read_dex_token(text: str) -> DexToken | None:
    """Return what a token of Dex's form says; None for what Dex never made."""
    if not _TEXT.fullmatch(text):
        return None
    try:
        message = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    refresh_id, rest = _field(_REFRESH_ID, message)
    token, rest = _field(_TOKEN, rest)
    if rest or not _RANDOM.fullmatch(refresh_id) or not _RANDOM.fullmatch(token):
        return None
    if urlsafe_b64encode(message).rstrip(b"=") != text.encode("ascii"):
        return None  # one token, one spelling
    return DexToken(refresh_id.decode("ascii"), hashlib.sha256(token).digest())


def inherited_family_id(refresh_id: str) -> str:
    """Return the id of the family of a login whose refresh token has that id at Dex: 128 bits of base64url."""
    digest = hashlib.sha256(_PURPOSE + refresh_id.encode("utf-8")).digest()
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode("ascii")


def token_digest(token: str) -> bytes:
    """Return what is kept of Dex's `token`: as random as it is, it can't be tried out."""
    return hashlib.sha256(token.encode("ascii")).digest()


def _field(tag: int, message: bytes) -> tuple[bytes, bytes]:
    """Return the field with which a message begins, and what follows; empty where that is another one."""
    if len(message) < 2 or message[0] != tag or message[1] > 0x7F or len(message) < 2 + message[1]:
        return b"", message
    return message[2 : 2 + message[1]], message[2 + message[1] :]
