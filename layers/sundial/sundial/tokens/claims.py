"""What tokens say: the claims of ID tokens, access tokens and userinfo, each by its scope (dex.md, "Tokens")."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sundial.config.model import Client
from sundial.expiry.family import Claims, Family
from sundial.tokens.subject import subject


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom tokens are about: the user of a login, or a client on its own behalf."""

    subject: str
    claims: Claims
    connector_id: str = ""
    family_id: str | None = None
    """The login; None for a client on its own behalf."""
    auth_time: int | None = None
    """When the user authenticated (epoch seconds); None where that is not known here."""
    nonce: str | None = None
    actor: Mapping[str, Any] | None = field(default=None)
    """Who acts for the subject (RFC 8693 §4.1, `act`)."""

    @classmethod
    def of_login(cls, family: Family) -> Principal:
        """Return the user of a login."""
        return cls(
            subject=subject(family.claims.user_id, family.connector_id),
            claims=family.claims,
            connector_id=family.connector_id,
            family_id=family.family_id,
            auth_time=family.auth_time,
            nonce=family.nonce,
        )

    @classmethod
    def of_client(cls, client: Client, nonce: str | None = None) -> Principal:
        """Return `client` itself (RFC 9068 §2.2: then `sub` is its id); what it is called is as in Dex."""
        name = client.name or client.id
        claims = Claims(client.id, username=name, preferred_username=name, groups=client.own_groups)
        return cls(client.id, claims, nonce=nonce)

    def acted_for_by(self, actor: Mapping[str, Any] | None) -> Principal:
        """Return this principal with `actor` acting for it."""
        return replace(self, actor=actor)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom the tokens of one response are for (RFC 8707 §2.2, RFC 9068 §3; Dex: cross-client audiences)."""

    client_id: str
    """The client that they are given to."""
    peers: tuple[str, ...] = ()
    """The other clients that its scope names."""
    resources: tuple[str, ...] = ()
    """The APIs that the access token is for, and then for nobody else."""

    @property
    def of_id_token(self) -> tuple[str, ...]:
        """The `aud` of an ID token: the peers in the order asked, and the client."""
        return (*self.peers, self.client_id)

    @property
    def of_access_token(self) -> tuple[str, ...]:
        """The `aud` of an access token."""
        return self.resources or self.of_id_token


def user_claims(principal: Principal, scopes: AbstractSet[str]) -> dict[str, Any]:
    """Return what `scopes` allow to be said of the principal (OIDC Core §5.4; Dex: groups, federated:id)."""
    known = principal.claims
    claims: dict[str, Any] = {}
    if "email" in scopes and known.email:
        claims["email"] = known.email
        claims["email_verified"] = known.email_verified
    if "groups" in scopes and known.groups:
        claims["groups"] = list(known.groups)
    if "profile" in scopes:
        claims["name"] = known.username
        if known.preferred_username:
            claims["preferred_username"] = known.preferred_username
    if "federated:id" in scopes:
        claims["federated_claims"] = {"connector_id": principal.connector_id, "user_id": known.user_id}
    return claims


def id_token_claims(
    principal: Principal,
    client_id: str,
    audience: tuple[str, ...],
    scopes: AbstractSet[str],
    issuer: str,
    lifetime: timedelta,
    now: int,
) -> dict[str, Any]:
    """Return the claims of an ID token but for its hashes (OIDC Core §2); `now` is epoch seconds.

    `azp` is the client that it is given to, where that is not the whole of its audience.
    """
    claims = _common_claims(principal, audience, issuer, lifetime, now)
    if audience != (client_id,):
        claims["azp"] = client_id
    if principal.nonce is not None:
        claims["nonce"] = principal.nonce
    return claims | user_claims(principal, scopes)


def access_token_claims(
    principal: Principal,
    client_id: str,
    audience: tuple[str, ...],
    scopes: AbstractSet[str],
    issuer: str,
    lifetime: timedelta,
    now: int,
    jti: str,
) -> dict[str, Any]:
    """Return the claims of an access token (RFC 9068 §2.2)."""
    claims = _common_claims(principal, audience, issuer, lifetime, now) | {"client_id": client_id, "jti": jti}
    if scopes:
        claims["scope"] = " ".join(sorted(scopes))
    return claims


def _common_claims(
    principal: Principal, audience: tuple[str, ...], issuer: str, lifetime: timedelta, now: int
) -> dict[str, Any]:
    """Return what both kinds say.

    `sid` is the family's id: how userinfo, introspection and token exchange learn that the login has ended.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": principal.subject,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "exp": now + int(lifetime.total_seconds()),
        "iat": now,
    }
    if principal.auth_time is not None:
        claims["auth_time"] = principal.auth_time
    if principal.family_id is not None:
        claims["sid"] = principal.family_id
    if principal.actor is not None:
        claims["act"] = dict(principal.actor)
    return claims
