"""What every grant ends in: a token response (RFC 6749 §5.1)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from sundial.config.model import Client
from sundial.expiry.family import Family
from sundial.grants.server import Signers, TokenServer
from sundial.tokens import jwt
from sundial.tokens.claims import Audience, Principal, access_token_claims, id_token_claims
from sundial.tokens.resources import target_of
from sundial.tokens.scopes import trusting


def token_response(
    server: TokenServer,
    client: Client,
    family: Family,
    scopes: frozenset[str],
    signers: Signers,
    now: int,
    refresh_token: str | None,
    resources: tuple[str, ...] = (),
    code: str | None = None,
) -> dict[str, Any]:
    """Return the token response for a login, with `refresh_token` where there is one, in exchange for `code`.

    The access token is for the `resources` asked for now, or else for those of the login. A peer that
    trusts the client no longer is left out of the audience, and its scope out of the answer's.
    """
    granted = trusting(scopes, family.audience, client, server.client_finder(now))
    audience = Audience(client.id, granted.peers, target_of(client, resources, family.resources))
    lifetime = server.config.id_token_lifetime(client, family.connector_id)
    principal = Principal.of_login(family)
    response = tokens_for(server, principal, audience, granted.scopes, signers, lifetime, now, code)
    if refresh_token is not None:
        response["refresh_token"] = refresh_token
    return response


def tokens_for(
    server: TokenServer,
    principal: Principal,
    audience: Audience,
    scopes: frozenset[str],
    signers: Signers,
    lifetime: timedelta,
    now: int,
    code: str | None = None,
) -> dict[str, Any]:
    """Return a token response with an access token and, with scope `openid`, an ID token (OIDC Core §3.1.3.3).

    The ID token is bound to the access token by `at_hash` and, as in Dex, to an authorization code by `c_hash`.
    """
    access_token = signed_access_token(
        server, signers, principal, audience.client_id, audience.of_access_token, scopes, lifetime, now
    )
    response: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "bearer",
        "expires_in": int(lifetime.total_seconds()),
    }
    if scopes:
        response["scope"] = " ".join(sorted(scopes))
    if "openid" in scopes:
        issuer, recipients = server.config.issuer, audience.of_id_token
        claims = id_token_claims(principal, audience.client_id, recipients, scopes, issuer, lifetime, now)
        claims["at_hash"] = jwt.half_hash(access_token, signers.id_token.alg)
        if code is not None:
            claims["c_hash"] = jwt.half_hash(code, signers.id_token.alg)
        response["id_token"] = jwt.sign(signers.id_token, claims)
    return response


def signed_access_token(
    server: TokenServer,
    signers: Signers,
    principal: Principal,
    client_id: str,
    audience: tuple[str, ...],
    scopes: frozenset[str],
    lifetime: timedelta,
    now: int,
) -> str:
    """Return an access token, given to the client `client_id` (RFC 9068)."""
    issuer, jti = server.config.issuer, secrets.token_urlsafe(12)
    claims = access_token_claims(principal, client_id, audience, scopes, issuer, lifetime, now, jti)
    return jwt.sign(signers.access_token, claims, typ=jwt.ACCESS_TOKEN_TYPE)
