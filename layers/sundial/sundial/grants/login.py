"""A login that happens at the token endpoint, without a browser: one write, and no authorization code."""

from __future__ import annotations

from datetime import timedelta

from sundial.config.model import Client
from sundial.connectors.base import Connector
from sundial.expiry.family import Claims, Family, expires_at
from sundial.grants.server import TokenServer
from sundial.keys.ring import MacKey
from sundial.observe import count, logger
from sundial.tokens.opaque import Kind, mint, new_change_id, new_family_id


def connector_named(server: TokenServer, connector_id: str, client: Client, grant: str) -> Connector | None:
    """Return the connector of that id; None where there is none, or `client` may not use it, or not by `grant`.

    Dex: staticClients[].allowedConnectors, connectors[].grantTypes.
    """
    if client.allowed_connectors and connector_id not in client.allowed_connectors:
        return None
    if not server.config.allows(connector_id, grant):
        return None
    return next((one for one in server.connectors.values() if one.id == connector_id), None)


def begin_login(
    server: TokenServer,
    client: Client,
    connector: Connector,
    claims: Claims,
    scopes: frozenset[str],
    peers: tuple[str, ...],
    resources: tuple[str, ...],
    *,
    auth_time: int | None,
    nonce: str | None,
    mac_key: MacKey,
    now: int,
) -> tuple[Family, str | None]:
    """Write the family of a login that has just happened; return it, and its refresh token where it has one.

    With `offline_access` it lives as long as its refresh tokens may; without, as long as its access token.
    """
    offline = "offline_access" in scopes
    if offline:
        alive_until = expires_at(now, now, server.config.refresh_policy(client, connector.id))
    else:
        alive_until = now + _seconds(server.config.id_token_lifetime(client, connector.id))
    family = Family(
        family_id=new_family_id(),
        client_id=client.id,
        connector_id=connector.id,
        claims=claims,
        scopes=scopes,
        created_at=now,
        auth_time=auth_time,
        nonce=nonce,
        redeemed_at=now,
        generation=1 if offline else 0,
        rotated_at=now,
        last_used_at=now,
        change_id=new_change_id(),
        mac_key_id=mac_key.id,
        audience=peers,
        resources=resources,
    )
    server.families.begin(family, alive_until)
    logger.info("logged_in", client_id=client.id, connector_id=connector.id, family_id=family.family_id)
    count("Logins", connector=connector.id)
    return family, mint(Kind.REFRESH_TOKEN, mac_key, family, family.generation) if offline else None


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
