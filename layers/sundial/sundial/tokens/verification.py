"""Reading our own JWTs back (RFC 9068 §4, OpenID Connect Core §3.1.3.7): only the public keys are needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from sundial.errors import invalid_token
from sundial.tokens.jwt import ACCESS_TOKEN_TYPE

if TYPE_CHECKING:
    from jwt.types import Options

    from sundial.keys.algorithms import PublicKey

# PyJWT is imported by the first token that is read, for it takes a tenth of a cold start: most requests of the
# function `token` bring none. A function that reads one at each request calls `prepare`.

_OPTIONS: Options = {
    "require": ["exp", "iat", "iss", "sub", "aud"],
    "verify_aud": False,  # whose token it must be is the endpoint's to say
    "verify_exp": False,  # by our own `now`: time is an argument
    "verify_iat": False,
    "verify_nbf": False,
}


class JwtKind(StrEnum):
    """The kinds of JWT that we sign, by the `typ` of their header (RFC 9068 §2.1)."""

    ACCESS_TOKEN = ACCESS_TOKEN_TYPE
    ID_TOKEN = "JWT"  # noqa: S105

    @property
    def in_words(self) -> str:
        """What an error calls it."""
        return "access token" if self is JwtKind.ACCESS_TOKEN else "ID token"


@dataclass(frozen=True, slots=True)
class VerifiedJwt:
    """One of our own JWTs, its signature good."""

    kid: str
    claims: dict[str, Any] = field(repr=False)

    @property
    def audience(self) -> tuple[str, ...]:
        """The `aud` claim, which may be one string or several."""
        aud = self.claims["aud"]
        return (aud,) if isinstance(aud, str) else tuple(aud)

    @property
    def client_id(self) -> str:
        """The client that it was given to: an ID token's `azp` where there is one (OIDC Core §2)."""
        return str(self.claims.get("client_id") or self.claims.get("azp") or self.audience[0])

    @property
    def family_id(self) -> str | None:
        """The login that it came from; None for a client's own token."""
        family_id: str | None = self.claims.get("sid")
        return family_id

    @property
    def jti(self) -> str | None:
        """The id by which it can be revoked; an ID token has none."""
        jti: str | None = self.claims.get("jti")
        return jti

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of an access token."""
        return frozenset(self.claims.get("scope", "").split())


class KeySet(Protocol):
    """The public keys that verify our tokens."""

    def key(self, kid: str) -> tuple[str, PublicKey] | None:
        """Return the (`alg`, key) of that `kid`, None where it is not published (any more)."""


def prepare() -> None:
    """Import what reading a token takes, while the function starts and not while a client waits."""
    import jwt  # noqa: F401


def key_id(token: str, kind: JwtKind = JwtKind.ACCESS_TOKEN) -> str:
    """Return the `kid` of a token of that kind; raises `invalid_token` for what is not one.

    An ID token is no access token: it is for its client, not for us (RFC 9068 §4, `typ`).
    """
    import jwt

    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise invalid_token(f"the {kind.in_words} is not a JWT") from None
    typ, kid = str(header.get("typ", "")).lower().removeprefix("application/"), header.get("kid")
    if typ != kind.lower() or not isinstance(kid, str):
        raise invalid_token(f"this is not an {kind.in_words} (its typ is not {kind})")
    return kid


def verify(token: str, keys: KeySet, issuer: str, now: int, kind: JwtKind = JwtKind.ACCESS_TOKEN) -> VerifiedJwt:
    """Return a token that is ours, of that kind, and alive at `now` (epoch seconds).

    Raises `invalid_token` (RFC 6750 §3.1): a bad signature, another issuer, expired (RFC 7519 §4.1.4), or
    signed by a key that is no longer published.
    """
    token_of_ours = authenticate(token, keys, issuer, kind)
    if now >= token_of_ours.claims["exp"]:
        raise invalid_token(f"the {kind.in_words} has expired")
    return token_of_ours


def authenticate(token: str, keys: KeySet, issuer: str, kind: JwtKind) -> VerifiedJwt:
    """Return a token that is ours and of that kind, which may have expired; raises as `verify` does."""
    import jwt

    kid = key_id(token, kind)
    found = keys.key(kid)
    if found is None:
        raise invalid_token(f"the {kind.in_words} was signed by a key that is not, or no longer, in use")
    alg, key = found
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=[alg], issuer=issuer, options=_OPTIONS)
    except jwt.InvalidTokenError as error:
        raise invalid_token(f"the {kind.in_words} is not one of ours", detail=type(error).__name__) from None
    return VerifiedJwt(kid, claims)
