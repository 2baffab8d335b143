"""A login on its way through the browser: what is sealed there between its steps, and until when it is good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from sundial.authorize import checks
from sundial.authorize.request import AuthorizationRequest
from sundial.authorize.server import AuthorizeServer
from sundial.config.model import Client
from sundial.connectors.base import Connector
from sundial.errors import OAuthError, invalid_request
from sundial.expiry.family import Claims
from sundial.web.http import Request
from sundial.web.sealing import Purpose, SealError, seal, unseal

CONSENT_WITHIN = timedelta(minutes=10)
"""From the password to the consent: a page left open on a shared machine is not an open door all day."""

_NO_COOKIE = (
    "Your browser did not send our cookie back, and without it nobody could tell that this login is yours. "
    "Allow cookies for this site, go back to the application and log in again."
)
_NOT_YOURS = (
    "This login was not begun in this browser, or its address is damaged. Go back to the application and log in again."
)
_TOO_LATE = "This login took too long and has expired. Go back to the application and log in again."
_DEVICE_TOO_LATE = "The code of this device has expired. Ask it for a new one, and begin again."
_CHANGED = "The settings of this application have changed meanwhile. Go back to it and log in again."
_NO_CONNECTOR = "This way to log in is not offered here. Go back to the application and log in again."


@dataclass(frozen=True, slots=True)
class Login:
    """A user who has just logged in, and what they are asked to consent to.

    `family_id` and `change_id` are chosen here, before the consent: so a form that is sent twice writes
    one family, and both answers carry the same code.
    """

    request: AuthorizationRequest
    connector_id: str
    claims: Claims
    logged_in_at: int
    family_id: str
    change_id: str
    upstream: str = field(default="", repr=False)
    """What the connector keeps of the login (connectors.base: Identity)."""
    authenticated_at: int | None = None
    """When the user logged in at a provider that knew them already (epoch seconds); None for `logged_in_at`."""

    def payload(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self) | {"request": self.request.payload()}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Login:
        """Return the login whose `payload()` this is."""
        claims = Claims(**{**payload["claims"], "groups": tuple(payload["claims"]["groups"])})
        request = AuthorizationRequest.from_payload(payload["request"])
        return cls(**{**payload, "request": request, "claims": claims})


@dataclass(frozen=True, slots=True)
class Journey:
    """A browser that was sent to an identity provider, to log in there."""

    request: AuthorizationRequest
    connector_id: str
    seed: str = field(repr=False)
    """What the secrets of this attempt are derived from (connectors.base: Attempt)."""


def binding_of(server: AuthorizeServer, request: Request) -> str:
    """Return what ties this browser to what was sealed for it; raises what its user is told where it is missing."""
    binding = server.cookie.read(request)
    if binding is None:
        raise invalid_request(_NO_COOKIE)
    return binding


def seal_request(server: AuthorizeServer, asked: AuthorizationRequest, binding: str, now: int) -> str:
    """Return `asked` for the browser of `binding`."""
    return seal(server.ring.current(now), Purpose.REQUEST, binding, asked.payload(), now)


def seal_posted(server: AuthorizeServer, asked: AuthorizationRequest, now: int) -> str:
    """Return `asked` for whichever browser brings it back first, as a GET may be."""
    return seal(server.ring.current(now), Purpose.POSTED, "", asked.payload(), now)


def seal_login(server: AuthorizeServer, login: Login, binding: str, now: int) -> str:
    """Return `login` for the browser of `binding`."""
    return seal(server.ring.current(now), Purpose.LOGIN, binding, login.payload(), now)


def seal_journey(server: AuthorizeServer, journey: Journey, binding: str, now: int) -> str:
    """Return `journey` for the browser of `binding`, as short as it can be: the provider has to carry it."""
    payload = {"r": journey.request.payload(), "c": journey.connector_id, "s": journey.seed}
    return seal(server.ring.current(now), Purpose.JOURNEY, binding, payload, now)


def open_journey(server: AuthorizeServer, sealed: str | None, binding: str, now: int) -> Journey:
    """Return the sealed journey; raises what the user is told where it is not theirs, or too old."""
    payload = _open(server, Purpose.JOURNEY, binding, sealed, now)
    journey = Journey(AuthorizationRequest.from_payload(payload["r"]), payload["c"], payload["s"])
    _still_good(server, journey.request, now)
    return journey


def open_request(server: AuthorizeServer, sealed: str | None, binding: str, now: int) -> AuthorizationRequest:
    """Return the sealed request; raises what the user is told where it is not theirs, or too old."""
    payload = _open(server, Purpose.REQUEST, binding, sealed, now)
    return _still_good(server, AuthorizationRequest.from_payload(payload), now)


def open_posted(server: AuthorizeServer, sealed: str, now: int) -> AuthorizationRequest:
    """Return the sealed request of `seal_posted`, likewise."""
    payload = _open(server, Purpose.POSTED, "", sealed, now)
    return _still_good(server, AuthorizationRequest.from_payload(payload), now)


def open_login(server: AuthorizeServer, sealed: str | None, binding: str, now: int) -> Login:
    """Return the sealed login, likewise; its consent is due within CONSENT_WITHIN."""
    login = Login.from_payload(_open(server, Purpose.LOGIN, binding, sealed, now))
    _still_good(server, login.request, now)
    if now > login.logged_in_at + CONSENT_WITHIN.total_seconds():
        raise invalid_request(_TOO_LATE)
    return login


def client_of(server: AuthorizeServer, asked: AuthorizationRequest, now: int) -> Client:
    """Return the client of a request that was sealed earlier; raises where the configuration has moved on."""
    parameters = {"client_id": asked.client_id, "redirect_uri": asked.redirect_uri}
    try:
        client = checks.check_client(parameters, server.clients, now)
        if asked.device is None:
            checks.check_redirect_uri(parameters, client)
    except OAuthError as error:
        if error.status == 503:
            raise
        raise invalid_request(_CHANGED, detail=error.description) from None
    return client


def connector_of(server: AuthorizeServer, client: Client, asked: AuthorizationRequest, connector_id: str) -> Connector:
    """Return a connector that `client` may use for what it asked; raises a 404 where there is none, or no longer."""
    for connector in server.connectors_for(client, asked.grant):
        if connector.id == connector_id:
            return connector
    raise OAuthError("not_found", _NO_CONNECTOR, status=404)


def _still_good(server: AuthorizeServer, asked: AuthorizationRequest, now: int) -> AuthorizationRequest:
    """Dex: expiry.authRequests, from the request to the end of the login; and not from before the watermark."""
    lifetime = server.config.expiry.auth_requests.total_seconds()
    if asked.device is not None and now > asked.device.expires_at:
        raise invalid_request(_DEVICE_TOO_LATE)
    if now > asked.asked_at + lifetime or asked.asked_at < server.ring.current(now).not_before:
        raise invalid_request(_TOO_LATE)
    return asked


def _open(server: AuthorizeServer, purpose: Purpose, binding: str, sealed: str | None, now: int) -> dict[str, Any]:
    if sealed is None:
        raise invalid_request(_NOT_YOURS)
    try:
        return unseal(server.ring.current(now), purpose, binding, sealed)
    except SealError as error:
        raise invalid_request(_NOT_YOURS, detail=str(error)) from None
