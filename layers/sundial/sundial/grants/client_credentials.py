"""The client credentials grant (RFC 6749 §4.4): a confidential client gets tokens for itself.

No network call: there is no user, no login and no refresh token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sundial.config.model import Client
from sundial.errors import invalid_scope, unauthorized_client
from sundial.grants.form import nonce_of
from sundial.grants.response import tokens_for
from sundial.grants.server import Signers, TokenServer
from sundial.tokens.claims import Audience, Principal
from sundial.tokens.resources import read_resources
from sundial.tokens.scopes import read_scope

_OF_USERS = {
    "offline_access": "a client that has its own secret needs no refresh token (RFC 6749 §4.4.3)",
    "federated:id": "a client has not logged in through a connector",
}


def client_credentials_grant(
    server: TokenServer, client: Client, parameters: Mapping[str, str], now: int
) -> dict[str, Any]:
    """Return the token response for `client` itself; as in Dex, an ID token too with scope `openid`."""
    if client.public:
        raise unauthorized_client("client credentials are for clients that have a secret (RFC 6749 §4.4)")
    asked = read_scope(parameters.get("scope", ""), client, server.client_finder(now))
    for scope, why in _OF_USERS.items():
        if scope in asked.scopes:
            raise invalid_scope(f"{scope} can't be had by client credentials: {why}")
    audience = Audience(client.id, asked.peers, read_resources(parameters.get("resource"), client))
    principal = Principal.of_client(client, nonce_of(parameters))
    signers = Signers.for_client(server.ring.current(now), server.config, client, now)
    lifetime = server.config.id_token_lifetime(client, principal.connector_id)
    return tokens_for(server, principal, audience, asked.scopes, signers, lifetime, now)
