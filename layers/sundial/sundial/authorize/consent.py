"""The consent page, and the answer to it: POST /approval."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from sundial.authorize.device import allow_device, deny_device
from sundial.authorize.flow import Login, binding_of, client_of, connector_of, open_login, seal_login, seal_request
from sundial.authorize.request import AuthorizationRequest
from sundial.authorize.response import authorization_response, error_redirect, granted
from sundial.authorize.server import AuthorizeServer
from sundial.config.model import Client, Config
from sundial.connectors.base import Connector, Refreshable
from sundial.errors import OAuthError, access_denied, invalid_request
from sundial.observe import logger
from sundial.tokens.device_codes import show_user_code
from sundial.tokens.scopes import SCOPES
from sundial.tokens.subject import subject, user_tag
from sundial.web.http import Request, Response
from sundial.web.pages import form_action

IN_WORDS = {
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your email address",
    "groups": "See which groups you belong to",
    "federated:id": "See which account you logged in with",
    "offline_access": "Keep you logged in while you are away",
}


def asks_consent(config: Config, asked: AuthorizationRequest) -> bool:
    """Return whether the user is asked (Dex: oauth2.skipApprovalScreen; OpenID Connect Core §3.1.2.4)."""
    return asked.wants_consent or not config.oauth2.skip_approval_screen


def ask_or_answer(server: AuthorizeServer, client: Client, login: Login, binding: str, now: int) -> Response:
    """Show the consent page, or answer the client at once where none is asked."""
    if login.request.subject not in ("", subject(login.claims.user_id, login.connector_id)):
        error = OAuthError("login_required", "another user than that of the id_token_hint has logged in")
        return error_redirect(server, login.request, error)
    if asks_consent(server.config, login.request):
        return _page(server, client, login, binding, now)
    try:
        return _answer(server, client, login, now)
    except OAuthError as error:
        return _interrupted(server, client, login, binding, now, error)


def approve(server: AuthorizeServer, request: Request) -> Response:
    """Take the user's yes or no to the client.

    Who logged in travels sealed in the form, never in a URL, and opens only in the browser that logged in.
    """
    form = request.form()
    binding = binding_of(server, request)
    login = open_login(server, form.get("req"), binding, request.now)
    client = client_of(server, login.request, request.now)
    connector = connector_of(server, client, login.request, login.connector_id)
    answer = form.get("approval")
    if answer not in ("approve", "deny"):
        return _page(server, client, login, binding, request.now, problem="Choose one of the two.", status=400)
    try:
        if answer == "deny":
            return _refuse(server, client, login, request.now)
        _check_user(connector, login)
        return _answer(server, client, login, request.now)
    except OAuthError as error:
        return _interrupted(server, client, login, binding, request.now, error)


def _interrupted(
    server: AuthorizeServer, client: Client, login: Login, binding: str, now: int, error: OAuthError
) -> Response:
    """Return the page whose button tries once more; raises `error` where that wouldn't help.

    Whoever was not to be asked gets it too: the login is sealed in it, and at a provider there is no second one to
    be had for the same code.
    """
    if error.status != 503:
        raise error
    logger.warning("login_interrupted", connector_id=login.connector_id, detail=error.detail)
    problem = "We cannot finish at the moment. Nothing is lost: try again in a little while."
    return _page(server, client, login, binding, now, problem, error.status, error.headers)


def _answer(server: AuthorizeServer, client: Client, login: Login, now: int) -> Response:
    if login.request.device is not None:
        return allow_device(server, client, login, login.request.device, now)
    return authorization_response(server, client, login, now)


def _check_user(connector: Connector, login: Login) -> None:
    """Refuse who has been deleted or disabled, or given a new password, between their login and their consent."""
    if not isinstance(connector, Refreshable):
        return
    if connector.refresh(user_tag(login.claims.user_id), login.logged_in_at) is None:
        raise invalid_request("This login has been ended. Go back to the application and log in again.")


def _refuse(server: AuthorizeServer, client: Client, login: Login, now: int) -> Response:
    if login.request.device is not None:
        return deny_device(server, client, login.request.device, now)
    return error_redirect(server, login.request, access_denied("the user did not allow it"))


def approval_alone(_server: AuthorizeServer, _request: Request) -> Response:
    """Tell who opens the address of the consent form by itself."""
    raise invalid_request("This page follows a login. Go back to the application and log in again.")


def _page(
    server: AuthorizeServer,
    client: Client,
    login: Login,
    binding: str,
    now: int,
    problem: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    asked = login.request
    return server.pages.page(
        "consent.html",
        status=status,
        headers=headers,
        form_action=form_action(asked.redirect_uri or None),
        action=server.link("approval"),
        sealed=seal_login(server, login, binding, now),
        client_name=client.name or client.id,
        client_logo=client.logo_url,
        user=_user(login),
        scopes=[IN_WORDS[scope] for scope in SCOPES if scope in granted(server, login)],
        others=_others(server, asked, now),
        user_code=show_user_code(asked.device.user_code) if asked.device else "",
        destination=urlsplit(asked.redirect_uri).netloc or f"the app {client.name or client.id}",
        someone_else=server.link("auth", login.connector_id, req=seal_request(server, asked, binding, now)),
        problem=problem,
    )


def _others(server: AuthorizeServer, asked: AuthorizationRequest, now: int) -> list[str]:
    """Return for whom besides the client the tokens are, as people know them: other clients, and APIs (RFC 8707)."""
    names = [_name(server, peer, now) for peer in asked.audience]
    return [*names, *(resource.partition("://")[2] or resource for resource in asked.resources)]


def _name(server: AuthorizeServer, client_id: str, now: int) -> str:
    """Return the name of a client; its id where it has none, or can't be looked up: no login ends for that."""
    try:
        client = server.clients.find(client_id, now)
    except OAuthError as error:
        if error.status != 503:
            raise
        return client_id
    return client.name if client is not None and client.name else client_id


def _user(login: Login) -> str:
    name, email = login.claims.username or login.claims.preferred_username, login.claims.email
    if name and email and name != email:
        return f"{name} ({email})"
    return name or email or login.claims.user_id
