"""Tokens that come from /auth itself (OpenID Connect Core §3.2 and §3.3), where `oauth2.responseTypes` has them."""

from __future__ import annotations

import secrets
from collections.abc import Collection

from sundial.authorize.server import AuthorizeServer
from sundial.config.model import Client
from sundial.expiry.family import Family
from sundial.grants.server import Signers
from sundial.tokens import jwt
from sundial.tokens.claims import Audience, Principal, access_token_claims, id_token_claims
from sundial.tokens.resources import target_of
from sundial.tokens.scopes import trusting


def front_channel_tokens(
    server: AuthorizeServer,
    client: Client,
    family: Family,
    response_types: Collection[str],
    signers: Signers,
    now: int,
    code: str | None,
) -> dict[str, str]:
    """Return the tokens of `response_types`, and what is said of them, as the client is answered.

    The ID token is bound to the access token and to the `code` that come with it (§3.2.2.9 and §3.3.2.11).
    """
    issuer, lifetime = server.config.issuer, server.config.id_token_lifetime(client, family.connector_id)
    granted = trusting(family.scopes, family.audience, client, lambda peer: server.clients.find(peer, now))
    principal = Principal.of_login(family)
    audience = Audience(client.id, granted.peers, target_of(client, (), family.resources))
    answer: dict[str, str] = {}
    hashes: dict[str, str] = {}
    if code is not None:
        hashes["c_hash"] = jwt.half_hash(code, signers.id_token.alg)
    if "token" in response_types:
        recipients, jti = audience.of_access_token, secrets.token_urlsafe(12)
        claims = access_token_claims(principal, client.id, recipients, granted.scopes, issuer, lifetime, now, jti)
        access_token = jwt.sign(signers.access_token, claims, typ=jwt.ACCESS_TOKEN_TYPE)
        hashes["at_hash"] = jwt.half_hash(access_token, signers.id_token.alg)
        answer |= {
            "access_token": access_token,
            "token_type": "bearer",
            "expires_in": str(int(lifetime.total_seconds())),
            "scope": " ".join(sorted(granted.scopes)),
        }
    if "id_token" in response_types:
        recipients = audience.of_id_token
        claims = id_token_claims(principal, client.id, recipients, granted.scopes, issuer, lifetime, now)
        answer["id_token"] = jwt.sign(signers.id_token, claims | hashes)
    return answer
