"""Logging out (OpenID Connect RP-Initiated Logout 1.0): GET and POST /logout.

There is no login of the browser's own here, as there is none in Dex: what a logout ends is the login that the
client's ID token names (`sid`), and with it every token of it. Without such a token nobody knows which login
is meant: then the user is asked, and what is left of this browser's unfinished logins ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from sundial.authorize.server import AuthorizeServer, see_other
from sundial.config.model import Client
from sundial.connectors.base import Logout
from sundial.errors import OAuthError, invalid_request
from sundial.events import FamilyRevoked
from sundial.expiry.family import Ending
from sundial.observe import count, logger
from sundial.tokens.subject import parse_subject
from sundial.tokens.verification import JwtKind, VerifiedJwt, authenticate
from sundial.web.browser import LuggageCookie, new_binding
from sundial.web.http import Request, Response, read_parameters
from sundial.web.pages import form_action
from sundial.web.sealing import Purpose, SealError, seal, unseal

ANSWER_WITHIN = timedelta(minutes=10)
"""From the question to the yes, and from another provider back to here."""
_LONGEST_STATE = 2048  # in a cookie, while the browser is at another provider

_NOT_REGISTERED = (
    "The application asked to send you to an address that is not registered for it: its post_logout_redirect_uri "
    "must be one of those registered, to the letter. You are still logged in."
)
_NO_CLIENT = (
    "The application asked to send you somewhere afterwards, and did not say which application it is: "
    "it must send a client_id or an id_token_hint. You are still logged in."
)
_UNKNOWN_CLIENT = "The application is not known here: its client_id is not registered. You are still logged in."
_MIXED_UP = "The ID token that the application sent was given to another application. You are still logged in."
_TOO_LONG = "The application sent a state that is too long. You are still logged in."
_NOT_YOURS = "This page was not opened in this browser, or is too old. Go back to the application and log out again."


@dataclass(frozen=True, slots=True)
class Leaving:
    """A logout that has been checked, and where it ends: at the client, or on a page of ours without a `uri`."""

    client_id: str = ""
    uri: str = ""
    state: str | None = None


def logout(server: AuthorizeServer, request: Request) -> Response:
    """GET /logout; without a parameter, it may be the way back from another provider's logout."""
    parameters, repeated = read_parameters(request.raw_query)
    brought = _luggage(server).read(request)
    if not parameters and brought is not None:
        return _arrive(server, request, brought)
    return _log_out(server, request, parameters, repeated)


def posted_logout(server: AuthorizeServer, request: Request) -> Response:
    """POST /logout: the same, from a client's form; or the user's yes, from ours."""
    parameters, repeated = read_parameters(request.form_text())
    if "req" in parameters and not repeated:
        return _confirmed(server, request, parameters["req"])
    return _log_out(server, request, parameters, repeated)


def _log_out(
    server: AuthorizeServer, request: Request, parameters: Mapping[str, str], repeated: frozenset[str]
) -> Response:
    try:
        if repeated:
            raise invalid_request("The application sent a parameter twice. You are still logged in.")
        hint = _hint(server, parameters.get("id_token_hint"), request.now)
        client = _client(server, parameters, hint, request.now)
        leaving = _leaving(parameters, client)
    except OAuthError as error:
        if error.status == 503:
            raise
        return _refuse(server, request, error)
    if hint is None:
        return _ask(server, request, leaving, client)
    _end(server, hint, request.now)
    return _depart(server, request, leaving, hint)


def _hint(server: AuthorizeServer, token: str | None, now: int) -> VerifiedJwt | None:
    """Return the client's ID token: one of ours, which may have expired. None where there is none, or it is not ours.

    §4: without a good one the user is asked.
    """
    if token is None:
        return None
    try:
        return authenticate(token, server.ring.current(now), server.config.issuer, JwtKind.ID_TOKEN)
    except OAuthError as error:
        if error.status == 503:
            raise
        logger.info("id_token_hint_refused", description=error.description, detail=error.detail)
        return None


def _client(
    server: AuthorizeServer, parameters: Mapping[str, str], hint: VerifiedJwt | None, now: int
) -> Client | None:
    """§2: a `client_id` beside an ID token must be the one that the token was given to."""
    client_id = parameters.get("client_id")
    if client_id is None:
        return None if hint is None else server.clients.find(hint.client_id, now)
    if hint is not None and hint.client_id != client_id:
        raise invalid_request(_MIXED_UP)
    client = server.clients.find(client_id, now)
    if client is None:
        raise invalid_request(_UNKNOWN_CLIENT)
    return client


def _leaving(parameters: Mapping[str, str], client: Client | None) -> Leaving:
    """§3: the address is one of those registered, compared exactly; anything else is refused before anything ends."""
    client_id = client.id if client is not None else ""
    uri, state = parameters.get("post_logout_redirect_uri"), parameters.get("state")
    if uri is None:
        return Leaving(client_id)
    if client is None:
        raise invalid_request(_NO_CLIENT)
    if uri not in client.post_logout_redirect_uris:
        raise invalid_request(_NOT_REGISTERED)
    if state is not None and len(state.encode("utf-8")) > _LONGEST_STATE:
        raise invalid_request(_TOO_LONG)
    return Leaving(client_id, uri, state)


def _ask(server: AuthorizeServer, request: Request, leaving: Leaving, client: Client | None) -> Response:
    """§2: without a good ID token, anybody may have sent the user here."""
    binding = server.cookie.read(request)
    cookies: tuple[str, ...] = ()
    if binding is None:
        binding = new_binding()
        cookies = (server.cookie.set(binding),)
    return server.pages.page(
        "logout.html",
        cookies=cookies,
        form_action=form_action(leaving.uri or None),
        action=server.link("logout"),
        sealed=_seal(server, Purpose.LOGOUT, binding, leaving, request.now),
        client_name=(client.name or client.id) if client is not None else "",
    )


def _confirmed(server: AuthorizeServer, request: Request, sealed: str) -> Response:
    binding = server.cookie.read(request)
    leaving = None if binding is None else _open(server, Purpose.LOGOUT, binding, sealed, request.now)
    if leaving is None:
        return _refuse(server, request, invalid_request(_NOT_YOURS))
    return _finish(server, leaving, request.now)


def _refuse(server: AuthorizeServer, request: Request, error: OAuthError) -> Response:
    """Tell the user: the client is told nothing before its address is known to be its own."""
    logger.info("refused", error=error.code, description=error.description, detail=error.detail)
    return server.pages.page(
        "error.html",
        status=error.status,
        heading="You could not be logged out",
        description=error.description,
        request_id=request.request_id,
    )


def _end(server: AuthorizeServer, hint: VerifiedJwt, now: int) -> None:
    """End the login that the ID token names, and tell of it."""
    if hint.family_id is None:
        return
    if server.families.revoke(hint.family_id, now, Ending.LOGGED_OUT):
        connector_id = _connector_id(hint)
        server.events.emit(now, FamilyRevoked(hint.client_id, connector_id, hint.family_id, Ending.LOGGED_OUT))
        count("Logouts", connector=connector_id)


def _depart(server: AuthorizeServer, request: Request, leaving: Leaving, hint: VerifiedJwt) -> Response:
    """Log out at the provider that the user came from as well, where it can be done, and come back."""
    connector = server.connectors.get(_connector_id(hint))
    if not isinstance(connector, Logout):
        return _finish(server, leaving, request.now)
    try:
        url = connector.logout_url(server.config.url("/logout"), request.now)
    except OAuthError as error:
        logger.warning("upstream_logout_failed", connector_id=connector.id, detail=error.detail)
        url = ""
    if not url:
        return _finish(server, leaving, request.now)
    sealed = _seal(server, Purpose.LOGOUT_ELSEWHERE, "", leaving, request.now)
    return see_other(url, cookies=(server.cookie.set(new_binding()), _luggage(server).set(sealed)))


def _arrive(server: AuthorizeServer, request: Request, brought: str) -> Response:
    """Back from a provider. Who planted the cookie could only have one of our own logouts end once more."""
    leaving = _open(server, Purpose.LOGOUT_ELSEWHERE, "", brought, request.now)
    finished = _finish(server, leaving or Leaving(), request.now)
    return Response(finished.status, finished.body, finished.headers, (*finished.cookies, _luggage(server).end()))


def _finish(server: AuthorizeServer, leaving: Leaving, now: int) -> Response:
    """Go on to the client (§3), or say that it is done. Nothing that this browser has begun here goes on."""
    cookies = (server.cookie.set(new_binding()),)
    if not leaving.uri:
        client = server.clients.find(leaving.client_id, now) if leaving.client_id else None
        name = (client.name or client.id) if client is not None else ""
        return server.pages.page("logged_out.html", cookies=cookies, client_name=name)
    if leaving.state is None:
        return see_other(leaving.uri, cookies=cookies)
    separator = "&" if "?" in leaving.uri else "?"
    return see_other(f"{leaving.uri}{separator}{urlencode({'state': leaving.state}, quote_via=quote)}", cookies=cookies)


def _connector_id(hint: VerifiedJwt) -> str:
    try:
        return parse_subject(str(hint.claims["sub"]))[1]
    except ValueError:
        return ""  # a client's own token, whose `sub` is the client


def _luggage(server: AuthorizeServer) -> LuggageCookie:
    return LuggageCookie.of_logout(server.config.issuer)


def _seal(server: AuthorizeServer, purpose: Purpose, binding: str, leaving: Leaving, now: int) -> str:
    payload = {"client_id": leaving.client_id, "uri": leaving.uri, "state": leaving.state, "at": now}
    return seal(server.ring.current(now), purpose, binding, payload, now)


def _open(server: AuthorizeServer, purpose: Purpose, binding: str, sealed: str, now: int) -> Leaving | None:
    try:
        payload = unseal(server.ring.current(now), purpose, binding, sealed)
    except SealError:
        return None
    if now > payload["at"] + ANSWER_WITHIN.total_seconds():
        return None
    return Leaving(payload["client_id"], payload["uri"], payload["state"])
