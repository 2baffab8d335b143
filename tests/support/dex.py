"""What Dex gives out and keeps, made as its own source does it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from sundial.expiry.family import Family, Inherited
from sundial.store.inheritance import CHANGE_ID
from sundial.tokens.dex import inherited_family_id, token_digest
from tests.support.families import LOGIN_AT, a_family

REFRESH_ID = "ahxqkzrv3lp2sd5mwb7u4tnoe"
CURRENT = "tj7n2vkd4aqwx6rb5yzu3lmpo"
OBSOLETE = "gq5w3hzr7cdk2nxy6avb4sjte"
"""Of the form of storage.NewID: 25 letters and digits."""


def dex_token(token: str = CURRENT, refresh_id: str = REFRESH_ID) -> str:
    """Return the refresh token that a client of Dex's has (server/internal/codec.go, Marshal)."""
    message = b"".join(
        bytes((tag, len(value))) + value.encode("ascii") for tag, value in ((0x0A, refresh_id), (0x12, token))
    )
    return urlsafe_b64encode(message).rstrip(b"=").decode("ascii")


def imported_family(*, obsolete: bool = True, used_at: int = LOGIN_AT, **changes: Any) -> Family:
    """Return the family of a login that came from Dex and has not been refreshed since."""
    previous = token_digest(OBSOLETE) if obsolete else None
    return a_family(
        rotated_at=used_at,
        **{
            "family_id": inherited_family_id(REFRESH_ID),
            "auth_time": None,
            "code": None,
            "change_id": CHANGE_ID,
            "mac_key_id": "",
            "inherited": Inherited(token_digest(CURRENT), previous, used_at),
            **changes,
        },
    )
