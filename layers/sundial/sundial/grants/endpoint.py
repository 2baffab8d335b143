"""POST /token (RFC 6749 §3.2): authenticate the client, then hand over to the grant."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sundial.config.model import Client
from sundial.connectors import open_connectors
from sundial.deployment import Deployment
from sundial.errors import invalid_request, unsupported_grant_type
from sundial.grants.authorization_code import authorization_code_grant
from sundial.grants.client_authentication import authenticate_client
from sundial.grants.refresh_token import refresh_token_grant
from sundial.grants.server import TokenServer
from sundial.tokens.subject import connector_tag
from sundial.web.edge import Edge, Endpoint
from sundial.web.http import Request, Response, json_response

Grant = Callable[[TokenServer, Client, Mapping[str, str], int], dict[str, Any]]

GRANTS: Mapping[str, Grant] = {
    "authorization_code": authorization_code_grant,
    "refresh_token": refresh_token_grant,
}


def token_endpoint(server: TokenServer, request: Request) -> Response:
    """Return the token response, never to be stored (RFC 6749 §5.1)."""
    if request.raw_query:
        raise invalid_request("the parameters belong in the body, not in the URL (RFC 6749 §2.3.1 and §3.2)")
    parameters = request.form()
    client = authenticate_client(request.headers.get("authorization"), parameters, server.clients, request.now)
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise invalid_request("grant_type is missing (RFC 6749 §4.1.3 and §6)")
    if grant_type not in GRANTS or grant_type not in server.config.oauth2.grant_types:
        raise unsupported_grant_type(f"grant_type must be one of: {', '.join(server.config.oauth2.grant_types)}")
    return json_response(GRANTS[grant_type](server, client, parameters, request.now))


def token_routes(server: TokenServer) -> Mapping[str, Endpoint]:
    """Return what `server` answers, by the template's route."""
    return {"POST /token": partial(token_endpoint, server)}


def token_edge(deployment: Deployment, *, clock: Callable[[], float] = time.time) -> Edge:
    """Return the handler of the function `token`."""
    connectors = {connector_tag(connector.id): connector for connector in open_connectors(deployment)}
    server = TokenServer(
        deployment.config, deployment.clients, deployment.families, deployment.ring, connectors, deployment.events
    )
    cross_origin = frozenset(("/token",))
    return Edge("token", token_routes(server), deployment.config, clock=clock, cross_origin=cross_origin)
