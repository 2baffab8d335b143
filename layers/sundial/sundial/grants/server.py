"""What every grant works with, and what every grant ends in: a token response (RFC 6749 §5.1)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from sundial.clients import Clients
from sundial.config.model import Client, Config
from sundial.connectors.base import Connector
from sundial.events import Event, Events, FamilyRevoked
from sundial.expiry.family import Ending, Family
from sundial.keys.cache import LoadedRing, RingCache, Signer
from sundial.store.families import FamilyStore
from sundial.tokens import jwt
from sundial.tokens.claims import access_token_claims, id_token_claims


@dataclass(frozen=True, slots=True)
class TokenServer:
    """The token endpoint's configuration and stores. `connectors` are by connector tag (tokens.subject)."""

    config: Config
    clients: Clients
    families: FamilyStore
    ring: RingCache
    connectors: Mapping[bytes, Connector]
    events: Events = field(default_factory=Events)


@dataclass(frozen=True, slots=True)
class Signers:
    """The keys of one response, in hand before anything is written: without them nothing may be consumed."""

    id_token: Signer
    access_token: Signer

    @classmethod
    def for_client(cls, ring: LoadedRing, config: Config, client: Client, now: int) -> Signers:
        """Return the signers for `client`; raises a 503 where the ring has no key that may sign yet.

        Access tokens are read by resource servers, not by the client: they are signed with the
        deployment's own algorithm, whatever the client asks of its ID tokens.
        """
        return cls(ring.signer(config.signing_algorithm(client), now), ring.signer(config.signing.algorithms[0], now))


def end_family(
    server: TokenServer, client: Client, connector_id: str, family_id: str, why: Ending, now: int, *causes: Event
) -> None:
    """Revoke a family, and tell of it and of its `causes`: of these even where that fails, which is a 503.

    One network call, and one to the event bus where there is anything to tell.
    """
    told = list(causes)
    try:
        if server.families.revoke(family_id, now, why):
            told.append(FamilyRevoked(client.id, connector_id, family_id, why))
    finally:
        server.events.emit(now, *told)


def token_response(
    server: TokenServer,
    client: Client,
    family: Family,
    scopes: AbstractSet[str],
    signers: Signers,
    now: int,
    refresh_token: str | None,
) -> dict[str, Any]:
    """Return the token response for `family`: fresh access and ID tokens, and `refresh_token` where there is one.

    The ID token comes with scope `openid` (OIDC Core §3.1.3.3 and §12.2), bound to the access token by `at_hash`.
    """
    issuer = server.config.issuer
    lifetime = server.config.id_token_lifetime(client, family.connector_id)
    claims = access_token_claims(family, scopes, issuer, lifetime, now, secrets.token_urlsafe(12))
    access_token = jwt.sign(signers.access_token, claims, typ=jwt.ACCESS_TOKEN_TYPE)
    response: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": " ".join(sorted(scopes)),
    }
    if refresh_token is not None:
        response["refresh_token"] = refresh_token
    if "openid" in scopes:
        claims = id_token_claims(family, scopes, issuer, lifetime, now)
        claims["at_hash"] = jwt.half_hash(access_token, signers.id_token.alg)
        response["id_token"] = jwt.sign(signers.id_token, claims)
    return response
