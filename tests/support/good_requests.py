"""A request that would be answered, for every grant and every endpoint that clients authenticate at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sundial.clients import ClientRegistry
from sundial.config.model import DEVICE_GRANT, Config
from sundial.device.authorization import device_authorization
from sundial.device.server import DeviceServer
from sundial.expiry.family import Family, PendingCode
from sundial.tokens.device_codes import mint_device_code
from sundial.web.browser import BindingCookie
from sundial.web.edge import Edge
from sundial.web.pages import Pages
from tests.support.devices import a_request
from tests.support.events import http_event
from tests.support.families import MAC_KEY, REDIRECT_URI, a_family
from tests.support.grants_world import (
    ACCESS_TOKEN,
    API,
    EMAIL,
    EXCHANGE,
    GRANTS,
    PASSWORD,
    UPSTREAM_TOKEN,
    GrantsWorld,
)
from tests.support.mistakes import Pairs
from tests.support.token_world import SECRET, Answer

Form = Mapping[str, str]

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, Appendix B
CHALLENGE = "S256:E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ANOTHER_SECRET = "the-secret-of-another-client"
CLIENT = {"client_id": "example-app", "client_secret": SECRET}
ANOTHER = {"client_id": "another-app", "client_secret": ANOTHER_SECRET}
CONFIGURATION = (
    GRANTS.replace(f"id: another-app\n    secret: {SECRET}", f"id: another-app\n    secret: {ANOTHER_SECRET}")
    + "    reuseInterval: 0s\n"
)


@dataclass
class EveryGrantWorld(GrantsWorld):
    """GrantsWorld with clients whose secrets differ, and /device/code beside /token."""

    _ask_device: Edge = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.configure(CONFIGURATION)
        self.warm()

    def use(self, config: Config) -> None:
        super().use(config)
        clients = ClientRegistry(config, lambda: self.clients)
        server = DeviceServer(config, clients, self.devices, self.ring, Pages(config), BindingCookie.of(config.issuer))
        routes = {"POST /device/code": lambda request: device_authorization(server, request)}
        self._ask_device = Edge("device", routes, config, clock=lambda: self.now)

    def send(self, event: Mapping[str, Any]) -> Answer:
        if event["routeKey"] != "POST /device/code":
            return super().send(event)
        return super().send_to(self._ask_device, event)

    def post_form(self, path: str, pairs: Pairs) -> Answer:
        """POST a form in which parameters may stand twice."""
        return self.send(http_event(f"POST {path}", form=pairs))

    @property
    def state(self) -> object:
        """All that is kept: what a refused request must leave alone."""
        return deepcopy(self._kept)

    def forget(self) -> None:
        """Begin anew, with nothing kept."""
        for kept in self._kept:
            kept.clear()

    @property
    def _kept(self) -> tuple[dict[Any, Any], ...]:
        families, devices = self.memory, self.devices
        return (families.families, families.revoked, families.denied, devices.requests, devices.polls)

    def allowed_device(self, client_id: str = "example-app") -> str:
        """Return the device code of a device whose person has allowed it."""
        code, family_id = mint_device_code(MAC_KEY, client_id, self.now, self.now + 300)
        asked = a_request(family_id=family_id, client_id=client_id, expires_at=self.now + 300)
        assert self.devices.ask(asked, self.now)
        allowed: Family = a_family(family_id=family_id, client_id=client_id)
        assert self.devices.allow(replace(allowed, change_id="allowed"), asked.expires_at, None)
        return code


class Request(NamedTuple):
    """A request that would be answered: its path, and its form in a world."""

    path: str
    form: Callable[[EveryGrantWorld], Form]


def code(world: EveryGrantWorld) -> Form:
    pending = PendingCode(world.now + 60, REDIRECT_URI, CHALLENGE)
    form = {"code": world.log_in(code=pending), "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return {"grant_type": "authorization_code", **form, "resource": API}


def refresh(world: EveryGrantWorld) -> Form:
    token = world.tokens("offline_access")["refresh_token"]
    return {"grant_type": "refresh_token", "refresh_token": token, "scope": "openid", "resource": API}


def credentials(_: EveryGrantWorld) -> Form:
    return {"grant_type": "client_credentials", "scope": "openid groups", "resource": API, "nonce": "n"}


def password(_: EveryGrantWorld) -> Form:
    login = {"username": EMAIL, "password": PASSWORD, "scope": "openid offline_access", "nonce": "n"}
    return {"grant_type": "password", **login, "resource": API}


def exchange(world: EveryGrantWorld) -> Form:
    subject = {"subject_token": world.tokens("email")["access_token"], "subject_token_type": ACCESS_TOKEN}
    actor = {"actor_token": world.client_token(), "actor_token_type": ACCESS_TOKEN}
    target = {"audience": "builds", "resource": API, "scope": "openid", "requested_token_type": ACCESS_TOKEN}
    return {"grant_type": EXCHANGE, **subject, **actor, **target}


def upstream(_: EveryGrantWorld) -> Form:
    subject = {"subject_token": UPSTREAM_TOKEN, "subject_token_type": ACCESS_TOKEN, "connector_id": "upstream"}
    return {"grant_type": EXCHANGE, **subject, "scope": "openid"}


def device(world: EveryGrantWorld) -> Form:
    return {"grant_type": DEVICE_GRANT, "device_code": world.allowed_device(), "resource": API}


def device_request(_: EveryGrantWorld) -> Form:
    return {"scope": "openid email", "resource": API}


def token(world: EveryGrantWorld) -> Form:
    return {"token": world.tokens()["access_token"], "token_type_hint": "access_token"}


REQUESTS: Mapping[str, Request] = {
    "authorization_code": Request("/token", code),
    "refresh_token": Request("/token", refresh),
    "client_credentials": Request("/token", credentials),
    "password": Request("/token", password),
    "exchange": Request("/token", exchange),
    "exchange of an upstream token": Request("/token", upstream),
    "device_code": Request("/token", device),
    "introspection": Request("/token/introspect", token),
    "revocation": Request("/token/revoke", token),
    "request of a device": Request("/device/code", device_request),
}
