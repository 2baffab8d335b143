"""Which of our own JWTs are alive: what userinfo, introspection, revocation and token exchange ask.

The keys in memory tell a forged or an expired one, without a network call. For one that verifies, one
call tells the rest: is its key still published, is it revoked itself, does its login still stand?
"""

from __future__ import annotations

from sundial.errors import invalid_token, temporarily_unavailable
from sundial.expiry.family import Family
from sundial.keys.jwks import PublicKeys
from sundial.store.bearer import Bearers
from sundial.tokens.verification import JwtKind, VerifiedJwt, key_id, verify

_RELOAD_AFTER = 10
"""Seconds between two loads of the public keys for the sake of an unknown `kid`: a forger can't make us read."""


class LiveTokens:
    """Keeps the public keys in memory; each answer brings the present ones along."""

    def __init__(self, bearers: Bearers, issuer: str) -> None:
        self._bearers = bearers
        self._issuer = issuer
        self._keys: PublicKeys | None = None
        self._loaded_at = 0

    def verify(self, token: str, now: int, kind: JwtKind = JwtKind.ACCESS_TOKEN) -> VerifiedJwt:
        """Return a token of that kind that is ours and not expired at `now` (epoch seconds): no network call, warm.

        Raises `invalid_token` otherwise.
        """
        return verify(token, self._keys_for(key_id(token, kind), now), self._issuer, now, kind)

    def login_of(self, token: VerifiedJwt, now: int) -> Family | None:
        """Return the login that a token came from, None for a client's own token: one network call.

        Raises `invalid_token` where the login has ended, the token has been revoked, its key is no
        longer published, or it is older than the operator's watermark.
        """
        standing = self._bearers.standing(token.family_id, token.jti)
        keys = self._remember(standing.public_keys, now)
        if keys.key(token.kid) is None:
            raise invalid_token("the token was signed by a key that is no longer in use")
        if standing.denied:
            raise invalid_token("the token has been revoked")
        if token.claims["iat"] < keys.not_before:
            raise invalid_token("the login that this token came from has ended")
        if token.family_id is None:
            return None
        family = standing.family
        if family is None or family.revoked_at is not None:
            raise invalid_token("the login that this token came from has ended")
        return family

    def _keys_for(self, kid: str, now: int) -> PublicKeys:
        if self._keys is None or (self._keys.key(kid) is None and now - self._loaded_at >= _RELOAD_AFTER):
            return self._remember(self._bearers.standing(None).public_keys, now)
        return self._keys

    def _remember(self, keys: PublicKeys | None, now: int) -> PublicKeys:
        if keys is None:
            raise temporarily_unavailable("no signing key has been published yet; try again soon", retry_after=30)
        if self._keys is None or keys.serial != self._keys.serial or keys.as_of != self._keys.as_of:
            self._keys = keys
        self._loaded_at = now
        return self._keys
