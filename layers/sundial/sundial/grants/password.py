"""The resource owner password credentials grant (RFC 6749 §4.3), where `oauth2.passwordConnector` is set.

RFC 9700 §2.4 forbids it, since it teaches people to type their password into other people's forms. It is
here for who moves from Dex, and off until a connector is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sundial.config.model import PASSWORD_GRANT, Client
from sundial.connectors.base import PasswordLogin, may_refresh
from sundial.errors import asking, invalid_grant, invalid_request, unauthorized_client
from sundial.grants.form import nonce_of, required
from sundial.grants.login import begin_login, connector_named
from sundial.grants.response import token_response
from sundial.grants.server import Signers, TokenServer
from sundial.observe import count, logger
from sundial.tokens.resources import read_resources
from sundial.tokens.scopes import read_scope

_SECTION = "RFC 6749 §4.3.2"
_LONGEST = {"username": 320, "password": 1024}
"""Characters: of an email address (RFC 5321 §4.5.3.1), and more than any connector's password."""


def password_grant(server: TokenServer, client: Client, parameters: Mapping[str, str], now: int) -> dict[str, Any]:
    """Return the token response for the user of a password: what the connector asks, and one write."""
    username, password = (_credential(parameters, name) for name in ("username", "password"))
    asked = read_scope(parameters.get("scope", ""), client, server.client_finder(now))
    resources = read_resources(parameters.get("resource"), client)
    nonce = nonce_of(parameters)
    connector = _connector(server, client)
    ring = server.ring.current(now)
    signers, mac_key = Signers.for_client(ring, server.config, client, now), ring.mac(now)
    with asking(connector.id):
        claims = connector.log_in(username, password)
    if claims is None:
        logger.info("login_failed", client_id=client.id, connector_id=connector.id)
        count("FailedLogins", connector=connector.id)
        raise invalid_grant("the user name or the password is wrong")
    scopes = asked.scopes
    if not server.config.refreshes(connector.id) or not may_refresh(connector, upstream=""):
        scopes -= {"offline_access"}
    family, refresh_token = begin_login(
        server,
        client,
        connector,
        claims,
        scopes,
        asked.peers,
        resources,
        auth_time=now,
        nonce=nonce,
        mac_key=mac_key,
        now=now,
    )
    return token_response(server, client, family, scopes, signers, now, refresh_token)


def _credential(parameters: Mapping[str, str], name: str) -> str:
    value = required(parameters, name, _SECTION)
    if len(value) > _LONGEST[name]:
        raise invalid_request(f"{name} is longer than {_LONGEST[name]} characters")
    return value


def _connector(server: TokenServer, client: Client) -> PasswordLogin:
    connector_id = server.config.oauth2.password_connector or ""
    connector = connector_named(server, connector_id, client, PASSWORD_GRANT)
    if not isinstance(connector, PasswordLogin):
        raise unauthorized_client("this client may not log users in by their password (allowedConnectors)")
    return connector
