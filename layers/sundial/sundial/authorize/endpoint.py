"""The authorization endpoint (RFC 6749 §3.1): GET and POST /auth, GET /auth/{connector}."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from sundial.authorize.callback import callback, depart, posted_callback
from sundial.authorize.consent import approval_alone, approve
from sundial.authorize.flow import (
    binding_of,
    client_of,
    connector_of,
    open_posted,
    open_request,
    seal_posted,
    seal_request,
)
from sundial.authorize.login import log_in, login_page
from sundial.authorize.logout import logout, posted_logout
from sundial.authorize.request import AuthorizationRequest, check_destination, check_request
from sundial.authorize.response import error_redirect
from sundial.authorize.server import AuthorizeServer, see_other
from sundial.config.model import Client
from sundial.connectors import open_connectors
from sundial.connectors.base import Connector, PasswordLogin, RedirectLogin
from sundial.deployment import Deployment
from sundial.errors import OAuthError, server_error
from sundial.web.browser import BindingCookie, LuggageCookie, new_binding
from sundial.web.edge import Edge
from sundial.web.http import Request, Response, read_parameters
from sundial.web.pages import Pages

Next = Callable[[AuthorizationRequest, Client], Response]


def authorization(server: AuthorizeServer, request: Request) -> Response:
    """GET /auth: check the request, bind it to the browser, and go on to a connector or to the chooser.

    With `req`, a request that was checked before: back to the chooser. With `device`, one that a device
    made, and whose code was typed into this browser.
    """
    parameters, repeated = read_parameters(request.raw_query)
    if "device" in parameters and "client_id" not in parameters:  # a client may have such a parameter of its own
        asked = open_request(server, parameters["device"], binding_of(server, request), request.now)
        return _go_on(server, request, asked, client_of(server, asked, request.now))
    if "req" in parameters:
        asked = open_request(server, parameters["req"], binding_of(server, request), request.now)
        return _chooser(server, client_of(server, asked, request.now), asked, parameters["req"])
    if "posted" in parameters:
        asked = open_posted(server, parameters["posted"], request.now)
        return _go_on(server, request, asked, client_of(server, asked, request.now))
    return _check(server, request, parameters, repeated, lambda asked, client: _go_on(server, request, asked, client))


def posted_authorization(server: AuthorizeServer, request: Request) -> Response:
    """POST /auth (OpenID Connect Core §3.1.2.1): check the request, then come back with a GET.

    A POST from the client's site comes without our cookie (SameSite=Lax): to bind the request now would
    give the browser a new one, and end the logins in its other tabs.
    """
    parameters, repeated = read_parameters(request.form_text())
    return _check(
        server,
        request,
        parameters,
        repeated,
        lambda asked, _: see_other(server.link("auth", posted=seal_posted(server, asked, request.now))),
    )


def connector_authorization(server: AuthorizeServer, request: Request) -> Response:
    """GET /auth/{connector}: the same, at a connector that the client chose; with `req`, that the user chose."""
    connector_id = request.path_parameters.get("connector", "")
    parameters, repeated = read_parameters(request.raw_query)
    if "req" in parameters:
        binding = binding_of(server, request)
        asked = open_request(server, parameters["req"], binding, request.now)
        connector = connector_of(server, client_of(server, asked, request.now), asked, connector_id)
        return _start(server, connector, asked, binding, request.now)
    return _check(
        server,
        request,
        {**parameters, "connector_id": connector_id},
        repeated,
        lambda asked, client: _go_on(server, request, asked, client),
    )


def _check(
    server: AuthorizeServer, request: Request, parameters: Mapping[str, str], repeated: frozenset[str], go_on: Next
) -> Response:
    """RFC 6749 §4.1.2.1: an error is told to the user until the client's address is known, and then to the client."""
    destination = check_destination(parameters, repeated, server.clients, request.now)
    try:
        asked = check_request(
            parameters,
            repeated,
            destination,
            server.config,
            server.clients,
            lambda: server.ring.current(request.now),
            request.now,
        )
    except OAuthError as error:
        return error_redirect(server, destination, error)
    return go_on(asked, destination.client)


def _go_on(server: AuthorizeServer, request: Request, asked: AuthorizationRequest, client: Client) -> Response:
    """Seal the request for this browser. It is kept nowhere else: what nobody logs in to costs no write."""
    binding = server.cookie.read(request)
    cookies: tuple[str, ...] = ()
    if binding is None:
        binding = new_binding()
        cookies = (server.cookie.set(binding),)
    connector = _chosen(server, asked, client)
    if connector is None:
        return _chooser(server, client, asked, seal_request(server, asked, binding, request.now), cookies)
    return _start(server, connector, asked, binding, request.now, cookies)


def _chosen(server: AuthorizeServer, asked: AuthorizationRequest, client: Client) -> Connector | None:
    """Return the connector to go on with, None where the user is to choose."""
    if asked.connector_id:
        return connector_of(server, client, asked, asked.connector_id)
    offered = server.connectors_for(client, asked.grant)
    if len(offered) != 1 or asked.wants_choice or server.config.oauth2.always_show_login_screen:
        return None
    return offered[0]


def _chooser(
    server: AuthorizeServer,
    client: Client,
    asked: AuthorizationRequest,
    sealed: str,
    cookies: tuple[str, ...] = (),
) -> Response:
    offered = server.connectors_for(client, asked.grant)
    return server.pages.page(
        "chooser.html",
        cookies=cookies,
        client_name=client.name or client.id,
        choices=[(connector.name, server.link("auth", connector.id, req=sealed)) for connector in offered],
    )


def _start(
    server: AuthorizeServer,
    connector: Connector,
    asked: AuthorizationRequest,
    binding: str,
    now: int,
    cookies: tuple[str, ...] = (),
) -> Response:
    if isinstance(connector, PasswordLogin):
        sealed = seal_request(server, asked, binding, now)
        return see_other(server.link("auth", connector.id, "login", req=sealed), cookies=cookies)
    if isinstance(connector, RedirectLogin):
        return depart(server, connector, asked, binding, now, cookies)
    raise server_error("this connector offers no way to log in", detail=connector.id)


ROUTES: Mapping[str, Callable[[AuthorizeServer, Request], Response]] = {
    "GET /auth": authorization,
    "POST /auth": posted_authorization,
    "GET /auth/{connector}": connector_authorization,
    "GET /auth/{connector}/login": login_page,
    "POST /auth/{connector}/login": log_in,
    "GET /approval": approval_alone,
    "POST /approval": approve,
    "GET /callback": callback,
    "POST /callback": posted_callback,
    "GET /callback/{connector}": callback,
    "POST /callback/{connector}": posted_callback,
    "GET /logout": logout,
    "POST /logout": posted_logout,
}


def edge_of(server: AuthorizeServer, *, clock: Callable[[], float] = time.time) -> Edge:
    """Return the handler of `server`. What goes wrong is a page, for people are reading it."""
    return Edge(
        "authorize",
        {route: partial(step, server) for route, step in ROUTES.items()},
        server.config,
        clock=clock,
        on_error=lambda error, request_id: server.pages.error(
            error.status, error.description, request_id, error.headers
        ),
    )


def authorize_edge(deployment: Deployment, *, clock: Callable[[], float] = time.time) -> Edge:
    """Return the handler of the function `authorize`."""
    config = deployment.config
    server = AuthorizeServer(
        config,
        deployment.clients,
        deployment.families,
        deployment.ring,
        {connector.id: connector for connector in open_connectors(deployment)},
        Pages(config),
        BindingCookie.of(config.issuer),
        LuggageCookie.of(config.issuer),
        deployment.devices,
        events=deployment.events,
        envelopes=deployment.envelopes,
    )
    return edge_of(server, clock=clock)
