"""What tokens say: the claims of ID tokens, access tokens and userinfo, each by its scope (dex.md, "Tokens")."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any

from sundial.expiry.family import Family
from sundial.tokens.subject import subject


def user_claims(family: Family, scopes: AbstractSet[str]) -> dict[str, Any]:
    """Return what `scopes` allow to be said of the family's user (OIDC Core §5.4; Dex: groups, federated:id)."""
    user = family.claims
    claims: dict[str, Any] = {}
    if "email" in scopes:
        claims["email"] = user.email
        claims["email_verified"] = user.email_verified
    if "groups" in scopes and user.groups:
        claims["groups"] = list(user.groups)
    if "profile" in scopes:
        claims["name"] = user.username
        if user.preferred_username:
            claims["preferred_username"] = user.preferred_username
    if "federated:id" in scopes:
        claims["federated_claims"] = {"connector_id": family.connector_id, "user_id": user.user_id}
    return claims


def id_token_claims(
    family: Family, scopes: AbstractSet[str], issuer: str, lifetime: timedelta, now: int
) -> dict[str, Any]:
    """Return the claims of an ID token but for its hashes (OIDC Core §2); `now` is epoch seconds."""
    audience = [*family.audience, family.client_id]
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject(family.claims.user_id, family.connector_id),
        "aud": audience if len(audience) > 1 else family.client_id,
        "exp": now + int(lifetime.total_seconds()),
        "iat": now,
        "auth_time": family.auth_time,
    }
    if len(audience) > 1:
        claims["azp"] = family.client_id
    if family.nonce is not None:
        claims["nonce"] = family.nonce
    return claims | user_claims(family, scopes)


def access_token_claims(
    family: Family, scopes: AbstractSet[str], issuer: str, lifetime: timedelta, now: int, jti: str
) -> dict[str, Any]:
    """Return the claims of an access token (RFC 9068 §2.2).

    `sid` is the family's id: how userinfo and introspection learn that the login has been revoked.
    """
    return {
        "iss": issuer,
        "sub": subject(family.claims.user_id, family.connector_id),
        "aud": family.client_id,
        "client_id": family.client_id,
        "exp": now + int(lifetime.total_seconds()),
        "iat": now,
        "auth_time": family.auth_time,
        "jti": jti,
        "sid": family.family_id,
        "scope": " ".join(sorted(scopes)),
    }
