"""Reading our own access tokens back (RFC 9068 §4): only the public keys are needed."""

from __future__ import annotations

from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

from sundial.errors import invalid_token
from sundial.tokens.jwt import ACCESS_TOKEN_TYPE

PublicKey = RSAPublicKey | EllipticCurvePublicKey

_OPTIONS: Options = {
    "require": ["exp", "iat", "iss", "sub", "scope"],
    "verify_aud": False,  # an access token for a resource server is good for userinfo too, as in Dex
    "verify_exp": False,  # by our own `now`: time is an argument
    "verify_iat": False,
    "verify_nbf": False,
}


class KeySet(Protocol):
    """The public keys that verify our tokens."""

    def key(self, kid: str) -> tuple[str, PublicKey] | None:
        """Return the (`alg`, key) of that `kid`, None where it is not published (any more)."""


def key_id(token: str) -> str:
    """Return the `kid` of an access token; raises `invalid_token` for what is not one.

    An ID token is refused here: it is for its client, not for us (RFC 9068 §4, `typ`).
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise invalid_token("the access token is not a JWT") from None
    typ, kid = str(header.get("typ", "")).lower().removeprefix("application/"), header.get("kid")
    if typ != ACCESS_TOKEN_TYPE or not isinstance(kid, str):
        raise invalid_token("this is not an access token (its typ is not at+jwt)")
    return kid


def verify(token: str, keys: KeySet, issuer: str, now: int) -> dict[str, Any]:
    """Return the claims of an access token that is ours and alive at `now` (epoch seconds).

    Raises `invalid_token` (RFC 6750 §3.1): a bad signature, another issuer, expired (RFC 7519 §4.1.4), or
    signed by a key that is no longer published.
    """
    found = keys.key(key_id(token))
    if found is None:
        raise invalid_token("the access token was signed by a key that is not, or no longer, in use")
    alg, key = found
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[alg],
            issuer=issuer,
            options=_OPTIONS,
        )
    except jwt.InvalidTokenError as error:
        raise invalid_token("the access token is not one of ours", detail=type(error).__name__) from None
    if now >= claims["exp"]:
        raise invalid_token("the access token has expired")
    return claims
