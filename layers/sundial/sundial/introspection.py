"""POST /token/introspect (RFC 7662): what a token is worth, told to its client and to whom it is for."""

from __future__ import annotations

from typing import Any

from sundial.config.model import Client
from sundial.errors import OAuthError, invalid_client, invalid_token
from sundial.expiry.family import expires_at
from sundial.expiry.refresh import decide
from sundial.grants.form import authenticated_form, required
from sundial.grants.presented import is_refresh_token, presented_refresh_token
from sundial.grants.server import TokenServer
from sundial.tokens.claims import Principal, user_claims
from sundial.web.http import Request, Response, json_response

_INACTIVE = {"active": False}
"""RFC 7662 §2.2: all that is said of a token that is not good, or not the caller's to ask about."""


def introspection(server: TokenServer, request: Request) -> Response:
    """Return what is to be known of a token: one network call, and none for a forged one.

    `token_type_hint` is a hint (§2.1): a token shows what it is.
    """
    client, parameters = authenticated_form(server, request)
    if client.public:
        raise invalid_client("introspection is for clients that have a secret (RFC 7662 §2.1)", basic=True)
    token = required(parameters, "token", "RFC 7662 §2.1")
    tell = _refresh_token if is_refresh_token(server, token) else _access_token
    try:
        return json_response(tell(server, client, token, request.now))
    except OAuthError as error:
        if error.code != "invalid_token":
            raise
        return json_response(_INACTIVE)


def _access_token(server: TokenServer, client: Client, text: str, now: int) -> dict[str, Any]:
    """Return the claims of a live access token; raises `invalid_token`. Its user is told of as at userinfo."""
    token = server.live_tokens.verify(text, now)
    if client.id != token.client_id and client.id not in token.audience:
        raise invalid_token("the token is another client's")
    if server.clients.find(token.client_id, now) is None:
        raise invalid_token("the token's client is gone")
    family = server.live_tokens.login_of(token, now)
    answer = {"active": True, "token_type": "Bearer", "token_use": "access_token", **token.claims}
    answer["nbf"] = token.claims["iat"]
    if family is not None and token.client_id in token.audience:
        answer |= _of_user(Principal.of_login(family), token.scopes)
    return answer


def _refresh_token(server: TokenServer, client: Client, text: str, now: int) -> dict[str, Any]:
    """Return what a refresh token of `client`'s is good for; raises `invalid_token`. Asking is no use of it."""
    ring = server.ring.current(now)
    presented = presented_refresh_token(server, client, text, now)
    connector = server.connectors.get(presented.connector_tag) if presented else None
    if presented is None or connector is None:
        raise invalid_token("the refresh token is not one of ours, or another client's")
    family = server.families.get(presented.family_id)
    policy = server.config.refresh_policy(client, connector.id)
    outcome = decide(family, client.id, presented.generation, now, policy, ring.not_before)
    if family is None or not outcome.is_answered:
        raise invalid_token("the refresh token is not good any more", detail=outcome)
    principal = Principal.of_login(family)
    answer: dict[str, Any] = {
        "active": True,
        "token_use": "refresh_token",
        "iss": server.config.issuer,
        "sub": principal.subject,
        "aud": client.id,
        "client_id": client.id,
        "iat": family.created_at,
        "nbf": family.created_at,
        "sid": family.family_id,
        "scope": " ".join(sorted(family.scopes)),
    }
    last = expires_at(family.created_at, family.last_used_at, policy)
    if last is not None:
        answer["exp"] = last + 1  # our limits hold at their instant; `exp` is the first second after (RFC 7519 §4.1.4)
    return answer | _of_user(principal, family.scopes)


def _of_user(principal: Principal, scopes: frozenset[str]) -> dict[str, Any]:
    """Return `username` (§2.2), and what the scopes allow besides, in `ext` as Dex has it."""
    known = user_claims(principal, scopes)
    username = known.get("preferred_username") or known.get("name")
    answer: dict[str, Any] = {"username": username} if username else {}
    if known:
        answer["ext"] = known
    return answer
