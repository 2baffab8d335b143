"""JSON Web Tokens: signing them, and the half hashes that bind an ID token to what came with it."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from sundial.keys.cache import Signer

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 (RFC 9068 §2.1)


def sign(signer: Signer, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
    """Return `claims` as a compact JWS with `kid`, `alg` and `typ` in its header (RFC 7515 §3.1)."""
    return jwt.encode(dict(claims), signer.key, algorithm=signer.alg, headers={"kid": signer.kid, "typ": typ})


def half_hash(value: str, alg: str) -> str:
    """Return `at_hash` or `c_hash`: the left half of the digest that matches `alg` (OIDC Core §3.1.3.6)."""
    digest = hashlib.new(f"sha{alg[2:]}", value.encode("ascii")).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")
