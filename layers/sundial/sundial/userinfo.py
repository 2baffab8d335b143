"""/userinfo (OpenID Connect Core §5.3), for the bearers of our access tokens (RFC 6750)."""

from __future__ import annotations

import time
from collections.abc import Callable

from sundial.deployment import Deployment
from sundial.errors import OAuthError, invalid_request, invalid_token, temporarily_unavailable
from sundial.keys.jwks import PublicKeys
from sundial.store.bearer import Bearers
from sundial.tokens.claims import user_claims
from sundial.tokens.verification import key_id, verify
from sundial.web.edge import Edge
from sundial.web.http import Request, Response, json_response

_RELOAD_AFTER = 10
"""Seconds between two loads of the public keys for the sake of an unknown `kid`: a forger can't make us read."""


class UserInfo:
    """The endpoint. It keeps the public keys in memory; each answer brings the present ones along."""

    def __init__(self, bearers: Bearers, issuer: str) -> None:
        self._bearers = bearers
        self._issuer = issuer
        self._keys: PublicKeys | None = None
        self._loaded_at = 0

    def __call__(self, request: Request) -> Response:
        """Return what the token's scopes allow to be said of its user.

        A forged or expired token is refused by the keys in memory, without a network call. One that
        verifies costs one: is the login still standing, and is the signing key still published?
        """
        token = bearer_token(request)
        kid = key_id(token)
        claims = verify(token, self._keys_for(kid, request.now), self._issuer, request.now)
        family_id = claims.get("sid")
        if not isinstance(family_id, str):
            raise invalid_token("this access token has no user behind it")
        standing = self._bearers.standing(family_id)
        keys = self._remember(standing.public_keys, request.now)
        if keys.key(kid) is None:
            raise invalid_token("the access token was signed by a key that is no longer in use")
        family = standing.family
        if family is None or family.revoked_at is not None or claims["iat"] < keys.not_before:
            raise invalid_token("the login that this access token came from has ended")
        return json_response({"sub": claims["sub"], **user_claims(family, frozenset(claims["scope"].split()))})

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


def bearer_token(request: Request) -> str:
    """Return the request's access token: from the Authorization header, or from the form of a POST (RFC 6750 §2)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    in_header = token.strip() if scheme.lower() == "bearer" else ""
    in_form = ""
    if request.method == "POST" and request.body:
        in_form = request.form().get("access_token", "")
    if in_header and in_form:
        raise invalid_request("the access token was sent twice; use the Authorization header (RFC 6750 §2)")
    if not in_header and not in_form:
        challenge = {"WWW-Authenticate": 'Bearer realm="sundial"'}  # no error code: RFC 6750 §3.1
        raise OAuthError("invalid_request", "send an access token as a Bearer token", status=401, headers=challenge)
    return in_header or in_form


def userinfo_edge(deployment: Deployment, *, clock: Callable[[], float] = time.time) -> Edge:
    """Return the handler of the function `userinfo`."""
    endpoint = UserInfo(deployment.bearers, deployment.config.issuer)
    return Edge(
        "userinfo",
        {"GET /userinfo": endpoint, "POST /userinfo": endpoint},
        deployment.config,
        clock=clock,
        cross_origin=frozenset(("/userinfo",)),
    )
