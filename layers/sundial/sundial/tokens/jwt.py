"""JSON Web Tokens: signing them, and the half hashes that bind an ID token to what came with it.

What is signed is put together here, since loading PyJWT takes a tenth of a cold start and its checks of what
a stranger may have made mean nothing of what we make. A token is read by PyJWT: see `tokens.verification`.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sundial.keys.algorithms import signature

if TYPE_CHECKING:
    from sundial.keys.cache import Signer

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 (RFC 9068 §2.1)

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}

_json = json.JSONEncoder(separators=(",", ":")).encode


def sign(signer: Signer, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
    """Return `claims` as a compact JWS with `kid`, `alg` and `typ` in its header (RFC 7515 §3.1 and §5.1)."""
    signed = f"{_header(signer.alg, signer.kid, typ)}.{_encoded(_json(dict(claims)).encode('ascii'))}"
    return f"{signed}.{_encoded(signature(signer.key, signer.alg, signed.encode('ascii')))}"


def half_hash(value: str, alg: str) -> str:
    """Return `at_hash` or `c_hash`: the left half of the digest that matches `alg` (OIDC Core §3.1.3.6)."""
    digest = _HASHES[alg[2:]](value.encode("ascii")).digest()
    return _encoded(digest[: len(digest) // 2])


@lru_cache(maxsize=64)  # the keys that sign at one time, with the types that they sign
def _header(alg: str, kid: str, typ: str) -> str:
    return _encoded(_json({"alg": alg, "kid": kid, "typ": typ}).encode("ascii"))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
