"""POST /token (RFC 6749 §3.2): authenticate the client, then hand over to the grant; and what stands beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sundial.config.model import DEVICE_GRANT, PASSWORD_GRANT, TOKEN_EXCHANGE, Client
from sundial.connectors import open_connectors
from sundial.deployment import Deployment
from sundial.errors import OAuthError, invalid_request, unsupported_grant_type
from sundial.grants.authorization_code import authorization_code_grant
from sundial.grants.client_credentials import client_credentials_grant
from sundial.grants.form import authenticated_form
from sundial.grants.refresh_token import refresh_token_grant
from sundial.grants.server import TokenServer
from sundial.live_tokens import LiveTokens
from sundial.observe import count, metrics_by_client
from sundial.tokens.subject import connector_tag
from sundial.web.edge import Edge, Endpoint
from sundial.web.http import Request, Response, json_response

Grant = Callable[[TokenServer, Client, Mapping[str, str], int], dict[str, Any]]


# What most deployments are asked for rarely, or never, is imported by the first request that asks.


def _token_exchange(server: TokenServer, client: Client, parameters: Mapping[str, str], now: int) -> dict[str, Any]:
    from sundial.grants.token_exchange import token_exchange_grant

    return token_exchange_grant(server, client, parameters, now)


def _password(server: TokenServer, client: Client, parameters: Mapping[str, str], now: int) -> dict[str, Any]:
    from sundial.grants.password import password_grant

    return password_grant(server, client, parameters, now)


def _device_code(server: TokenServer, client: Client, parameters: Mapping[str, str], now: int) -> dict[str, Any]:
    from sundial.grants.device_code import device_code_grant

    return device_code_grant(server, client, parameters, now)


def _introspection(server: TokenServer, request: Request) -> Response:
    from sundial.introspection import introspection

    return introspection(server, request)


def _revocation(server: TokenServer, request: Request) -> Response:
    from sundial.revocation import revocation

    return revocation(server, request)


GRANTS: Mapping[str, Grant] = {
    "authorization_code": authorization_code_grant,
    "refresh_token": refresh_token_grant,
    "client_credentials": client_credentials_grant,
    TOKEN_EXCHANGE: _token_exchange,
    PASSWORD_GRANT: _password,
    DEVICE_GRANT: _device_code,
}

_REPEATABLE = frozenset(("resource", "audience"))  # RFC 8707 §2, RFC 8693 §2.1


def token_endpoint(server: TokenServer, request: Request) -> Response:
    """Return the token response, never to be stored (RFC 6749 §5.1). Each request is counted by grant and outcome."""
    client_id = grant_type = ""
    try:
        client, parameters = authenticated_form(server, request, repeatable=_REPEATABLE)
        client_id, grant_type = client.id, parameters.get("grant_type", "")
        if not grant_type:
            raise invalid_request("grant_type is missing (RFC 6749 §4.1.3 and §6)")
        if grant_type not in GRANTS or grant_type not in server.config.oauth2.grant_types:
            raise unsupported_grant_type(f"grant_type must be one of: {', '.join(server.config.oauth2.grant_types)}")
        response = json_response(GRANTS[grant_type](server, client, parameters, request.now))
    except OAuthError as error:
        _count(client_id, grant_type, error.code, request.request_id)
        raise
    _count(client_id, grant_type, "issued", request.request_id)
    return response


def _count(client_id: str, grant_type: str, outcome: str, request_id: str) -> None:
    """Count a request; `client_id` is empty, and stands in no metric, where no client has authenticated itself."""
    grant = grant_type.rpartition(":")[2] if grant_type in GRANTS else "unknown"
    by_client = {"client": client_id} if client_id and metrics_by_client() else {}
    count(
        "TokenRequests",
        details={"client_id": client_id or "unknown", "correlation_id": request_id},
        apart=by_client,
        grant=grant,
        outcome=outcome,
    )


def token_routes(server: TokenServer) -> Mapping[str, Endpoint]:
    """Return what `server` answers, by the template's route."""
    return {
        "POST /token": partial(token_endpoint, server),
        "POST /token/introspect": partial(_introspection, server),
        "POST /token/revoke": partial(_revocation, server),
    }


def token_edge(
    deployment: Deployment,
    *,
    clock: Callable[[], float] = time.time,
    wait: Callable[[float], None] = time.sleep,
) -> Edge:
    """Return the handler of the function `token`; `wait` lets so many seconds pass."""
    connectors = {connector_tag(connector.id): connector for connector in open_connectors(deployment)}
    server = TokenServer(
        deployment.config,
        deployment.clients,
        deployment.families,
        deployment.ring,
        connectors,
        deployment.events,
        devices=deployment.devices,
        live_tokens=LiveTokens(deployment.bearers, deployment.config.issuer),
        envelopes=deployment.envelopes,
        clock=clock,
        wait=wait,
    )
    routes = token_routes(server)
    cross_origin = frozenset(route.partition(" ")[2] for route in routes)
    return Edge("token", routes, deployment.config, clock=clock, cross_origin=cross_origin)
