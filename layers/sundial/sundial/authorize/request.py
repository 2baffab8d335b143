"""An authorization request, read and checked (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from sundial.authorize import checks
from sundial.clients import Clients
from sundial.config.model import DEVICE_GRANT, Client, Config
from sundial.tokens.verification import KeySet


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the answer goes: a client that we know, at an address that is its own.

    Errors found before there is one are told to the user, later ones to the client (RFC 6749 §4.1.2.1).
    """

    client: Client
    redirect_uri: str
    state: str | None
    response_mode: str = "query"


@dataclass(frozen=True, slots=True)
class DeviceAsked:
    """The device that a request is for (RFC 8628): it is told the answer when it asks, and nobody is redirected."""

    family_id: str
    """The login that its device code names."""
    user_code: str
    expires_at: int
    """The last second at which it can be allowed (epoch seconds)."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that has passed every check. It travels sealed in the browser (web.sealing)."""

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    asked_at: int
    """Epoch seconds; the login must end within `expiry.authRequests` of it."""
    state: str | None = None
    nonce: str | None = None
    challenge: str | None = None
    """The PKCE challenge in its stored form (expiry.codes.challenge)."""
    connector_id: str = ""
    """The connector that the client chose; empty where the user may."""
    login_hint: str = ""
    audience: tuple[str, ...] = ()
    """The other clients that the tokens are for (`audience:server:client_id:…`), in the order asked."""
    resources: tuple[str, ...] = ()
    """The APIs that the access tokens are for (RFC 8707)."""
    wants_consent: bool = False
    """The consent page is shown even where `oauth2.skipApprovalScreen` is set."""
    wants_choice: bool = False
    """The chooser is shown even where there is one connector."""
    max_age: int | None = None
    """Seconds: how long ago a provider may have logged the user in (`max_age`; 0 for `prompt=login`); None for any."""
    response_types: tuple[str, ...] = ("code",)
    """In the order of their names."""
    response_mode: str = "query"
    subject: str = ""
    """The `sub` of the user who is to log in (`id_token_hint`); empty for anybody."""
    device: DeviceAsked | None = None

    @property
    def grant(self) -> str:
        """The grant that this is a part of."""
        return DEVICE_GRANT if self.device is not None else checks.grant_of(frozenset(self.response_types))

    def payload(self) -> dict[str, Any]:
        """Return the fields for JSON, without those that say nothing: the browser has to carry it."""
        said = {one.name for one in fields(self) if one.default is MISSING or getattr(self, one.name) != one.default}
        whole = asdict(self) | {"scopes": sorted(self.scopes)}
        return {name: value for name, value in whole.items() if name in said}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> AuthorizationRequest:
        """Return the request whose `payload()` this is."""
        device = DeviceAsked(**payload["device"]) if "device" in payload else None
        lists = {"audience", "resources", "response_types"} & payload.keys()
        several = {name: tuple(payload[name]) for name in lists}
        return cls(**{**payload, **several, "scopes": frozenset(payload["scopes"]), "device": device})


def check_destination(
    parameters: Mapping[str, str], repeated: frozenset[str], clients: Clients, now: int
) -> Destination:
    """Return where the answer goes; raises what only the user can be told."""
    checks.check_not_repeated(repeated & {"client_id", "redirect_uri"})
    client = checks.check_client(parameters, clients, now)
    redirect_uri = checks.check_redirect_uri(parameters, client)
    state = None if "state" in repeated else parameters.get("state")
    return Destination(client, redirect_uri, state, checks.response_mode(parameters, repeated))


def check_request(
    parameters: Mapping[str, str],
    repeated: frozenset[str],
    destination: Destination,
    config: Config,
    clients: Clients,
    keys: Callable[[], KeySet],
    now: int,
) -> AuthorizationRequest:
    """Return the request; raises what the client is to be told. `keys` are those of our own tokens, where one comes."""
    checks.check_not_repeated(repeated)
    checks.check_lengths(parameters)
    checks.check_request_object(parameters)
    response_types = checks.check_response_type(parameters, config)
    checks.check_response_mode(parameters, response_types)
    nonce = checks.check_nonce(parameters, response_types)
    asked = checks.check_scope(parameters, destination.client, clients, now)
    resources = checks.check_resource(parameters, destination.client)
    challenge = checks.check_pkce(parameters, config.oauth2.pkce, response_types)
    max_age = checks.check_max_age(parameters)
    connector_id = checks.check_connector(parameters, destination.client, config, checks.grant_of(response_types))
    subject = checks.check_id_token_hint(parameters, keys, config.issuer)
    prompt = checks.check_prompt(parameters)
    return AuthorizationRequest(
        client_id=destination.client.id,
        redirect_uri=destination.redirect_uri,
        scopes=asked.scopes,
        asked_at=now,
        state=destination.state,
        nonce=nonce,
        challenge=challenge,
        connector_id=connector_id,
        login_hint=parameters.get("login_hint", ""),
        audience=asked.peers,
        resources=resources,
        wants_consent="consent" in prompt or parameters.get("approval_prompt") == "force",
        wants_choice="select_account" in prompt,
        max_age=0 if "login" in prompt else max_age,
        response_types=tuple(sorted(response_types)),
        response_mode=destination.response_mode,
        subject=subject,
    )
