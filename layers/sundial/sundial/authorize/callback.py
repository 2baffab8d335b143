"""To an identity provider and back: the redirect that begins it, and GET and POST /callback, which end it."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from sundial.authorize.consent import ask_or_answer
from sundial.authorize.flow import (
    Journey,
    Login,
    binding_of,
    client_of,
    connector_of,
    open_journey,
    seal_journey,
)
from sundial.authorize.request import AuthorizationRequest
from sundial.authorize.response import error_redirect
from sundial.authorize.server import AuthorizeServer, see_other
from sundial.connectors.base import Arrival, Attempt, DeclinedError, RedirectLogin, ShortState
from sundial.errors import OAuthError, access_denied, asking, invalid_request
from sundial.observe import count, logger
from sundial.tokens.opaque import new_change_id, new_family_id
from sundial.web.browser import new_binding
from sundial.web.http import Request, Response, read_parameters
from sundial.web.pages import ANYWHERE, form_action

LONGEST_STATE = 1024
"""Characters. Providers limit the URL of an authorization request, some to 2,048 of its query; a longer request
waits in a cookie, and `state` is its digest."""
_LONGEST_COOKIE = 3800  # RFC 6265 §6.1: browsers keep 4,096 bytes, the name and the attributes included
_AGAIN = "again"
"""The field by which a form is known that has come from our own site already."""
_CLOCKS_DIFFER = 60
"""Seconds between the provider's clock and ours."""

_TOO_LONG = "this request is too long to be carried through the login at another provider; send a shorter state"
_OVERTAKEN = (
    "Another login that was begun in this browser has taken the place of this one. "
    "Go back to the application and log in again."
)
_MIXED_UP = "This login was begun at another identity provider. Go back to the application and log in again."


def depart(
    server: AuthorizeServer,
    connector: RedirectLogin,
    asked: AuthorizationRequest,
    binding: str,
    now: int,
    cookies: tuple[str, ...] = (),
) -> Response:
    """Send the browser to the provider of `connector`; the request travels with it, sealed in `state`."""
    journey = Journey(asked, connector.id, new_binding())
    state = seal_journey(server, journey, binding, now)
    if len(state) > _LONGEST_COOKIE:
        return error_redirect(server, asked, invalid_request(_TOO_LONG))
    if len(state) > (connector.longest_state if isinstance(connector, ShortState) else LONGEST_STATE):
        cookies = (*cookies, server.luggage.set(state))
        state = _digest(state)
    with asking(connector.id):
        departure = connector.begin(_attempt(server, journey), state, now)
    if departure.form:
        leads_to = form_action(departure.url)
        return _forward(server, departure.url, departure.form, connector.name, leads_to, cookies)
    return see_other(departure.url, cookies=cookies)


def callback(server: AuthorizeServer, request: Request) -> Response:
    """GET /callback and /callback/{connector}: the browser is back."""
    return _arrive(server, request, *read_parameters(request.raw_query))


def posted_callback(server: AuthorizeServer, request: Request) -> Response:
    """POST /callback and /callback/{connector}: back with a form (`response_mode=form_post`, SAML's POST binding).

    A POST from the provider's site comes without our cookie (SameSite=Lax): a page of ours sends it once
    more, from our own site. It stays a POST, for what is in it is no more for an address bar, a history or
    a log than a password is; and once is enough, for a browser that keeps no cookie has none then either.
    """
    parameters, repeated = read_parameters(request.form_text())
    if server.cookie.read(request) is not None or repeated or _AGAIN in parameters:
        return _arrive(server, request, parameters, repeated)
    action = server.link("callback", *request.path_parameters.values())
    return _forward(server, action, {**parameters, _AGAIN: "1"}, server.config.frontend.issuer, ANYWHERE)


def _arrive(
    server: AuthorizeServer, request: Request, parameters: Mapping[str, str], repeated: frozenset[str]
) -> Response:
    if repeated:
        raise invalid_request("The identity provider sent a parameter twice (RFC 6749 §3.1).")
    binding = binding_of(server, request)
    journey, cookies = _journey(server, request, parameters, binding)
    client = client_of(server, journey.request, request.now)
    connector = connector_of(server, client, journey.request, journey.connector_id)
    if request.path_parameters.get("connector", connector.id) != connector.id:
        raise invalid_request(_MIXED_UP)  # RFC 9700 §4.4.2.2
    if not isinstance(connector, RedirectLogin):
        raise OAuthError("not_found", "This way to log in has no such page.", status=404)
    own_path = "connector" in request.path_parameters
    arrival = Arrival(parameters, request.headers, request.now, own_path)
    try:
        with asking(connector.id):
            identity = connector.finish(_attempt(server, journey), arrival)
    except DeclinedError as declined:
        count("FailedLogins", connector=connector.id)
        error = access_denied("the login was declined at the identity provider", detail=str(declined))
        return error_redirect(server, journey.request, error)
    except OAuthError as error:
        logger.info("login_failed", client_id=client.id, connector_id=connector.id, source_ip=request.source_ip)
        if error.status < 500:
            count("FailedLogins", connector=connector.id)
        raise
    login = Login(
        journey.request,
        connector.id,
        identity.claims,
        request.now,
        new_family_id(),
        new_change_id(),
        upstream=identity.upstream,
        authenticated_at=identity.authenticated_at,
    )
    if _is_too_old(login):
        not_now = OAuthError("login_required", "the identity provider did not ask the user to log in again")
        return error_redirect(server, journey.request, not_now)
    answer = ask_or_answer(server, client, login, binding, request.now)
    return Response(answer.status, answer.body, answer.headers, (*answer.cookies, *cookies))


def _journey(
    server: AuthorizeServer, request: Request, parameters: Mapping[str, str], binding: str
) -> tuple[Journey, tuple[str, ...]]:
    """Return what was sealed in `state`, or beside it in a cookie, and the cookie's end."""
    state = parameters.get("state") or parameters.get("RelayState")
    luggage = server.luggage.read(request)
    if luggage is None or state is None or len(state) != len(_digest("")):
        return open_journey(server, state, binding, request.now), ()
    if state != _digest(luggage):
        raise invalid_request(_OVERTAKEN)
    return open_journey(server, luggage, binding, request.now), (server.luggage.end(),)


def _attempt(server: AuthorizeServer, journey: Journey) -> Attempt:
    asked = journey.request
    return Attempt(server.config.url("/callback"), asked.scopes, journey.seed, asked.login_hint, asked.max_age)


def _is_too_old(login: Login) -> bool:
    """OpenID Connect Core §3.1.2.1, `max_age` and `prompt=login`: a provider may have ignored what it was asked for."""
    asked, authenticated_at = login.request, login.authenticated_at
    if asked.max_age is None or authenticated_at is None:
        return False
    return authenticated_at + asked.max_age + _CLOCKS_DIFFER < asked.asked_at


def _forward(
    server: AuthorizeServer,
    action: str,
    form: Mapping[str, str],
    name: str,
    leads_to: str,
    cookies: tuple[str, ...] = (),
) -> Response:
    """Return the page that POSTs `form` to `action`: by itself, or by its one button where no script runs."""
    return server.pages.page(
        "forward.html",
        cookies=cookies,
        form_action=leads_to,
        submits_itself=True,
        action=action,
        fields=tuple(form.items()),
        name=name,
    )


def _digest(state: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(state.encode("ascii", "replace")).digest()).rstrip(b"=").decode("ascii")
