"""A token endpoint for tests: the real handler, a clock turned by hand, users of a file, families in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jwt
from jwt.types import Options

from sundial.clients import ClientRegistry
from sundial.config.model import Config
from sundial.connectors.base import Connector
from sundial.connectors.password import PasswordConnector
from sundial.errors import temporarily_unavailable
from sundial.expiry.family import Family
from sundial.grants.endpoint import token_routes
from sundial.grants.server import TokenServer
from sundial.keys.algorithms import PublicKey
from sundial.keys.cache import Signer
from sundial.keys.ring import MacKey
from sundial.live_tokens import LiveTokens
from sundial.store.clients import ClientStore
from sundial.store.directory import Directory
from sundial.store.families import FamilyStore
from sundial.tokens.opaque import Kind, mint
from sundial.tokens.subject import connector_tag
from sundial.web.edge import Edge
from tests.support.bearers import MemoryBearers
from tests.support.clients import MemoryClients
from tests.support.config import make_config
from tests.support.devices import MemoryDevices
from tests.support.events import Parameters, http_event
from tests.support.families import LOGIN_AT, MAC_KEY, REDIRECT_URI, MemoryFamilies, a_login
from tests.support.signers import signers

SECRET = "example-secret"
USER_ID = "08a8684b-db88-4b73-90a9-3cd1661f5466"

CONFIG = f"""\
issuer: https://id.example.com
enablePasswordDB: true
staticPasswords:
  - email: admin@example.com
    hash: "$2b$10$33EMT0cVYVlPy6WAMCLsceLYjWhuHpbz5yuZxu/GAFj03J9Lytjuy"
    username: admin
    userID: {USER_ID}
    groups: [ops]
staticClients:
  - id: example-app
    secret: {SECRET}
    redirectURIs: [{REDIRECT_URI}]
  - id: another-app
    secret: {SECRET}
    redirectURIs: [{REDIRECT_URI}]
  - id: example-cli
    public: true
signing:
  algorithms: [RS256, ES256]
expiry:
  idTokens: 1h
  refreshTokens:
"""


_SIGNATURE_ONLY: Options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}


class FixedRing:
    """A ring in memory whose keys change when a test says so; `broken` stands for a secret that can't be read."""

    def __init__(self) -> None:
        self.macs = [MAC_KEY]
        self.not_before = 0
        self.broken = False

    def rotate_mac_key(self) -> None:
        self.macs.append(replace(MAC_KEY, id="00c0ffe0", secret=bytes(range(32, 64))))

    def current(self, now: int) -> FixedRing:
        if self.broken:
            raise temporarily_unavailable("the keys can't be reached at the moment")
        return self

    def signer(self, alg: str, now: int) -> Signer:
        return signers()[alg]

    def key(self, kid: str) -> tuple[str, PublicKey] | None:
        return next(((one.alg, one.key.public_key()) for one in signers().values() if one.kid == kid), None)

    def mac(self, now: int) -> MacKey:
        return self.macs[-1]

    def mac_by_id(self, key_id: str) -> MacKey | None:
        return next((key for key in self.macs if key.id == key_id), None)


class EmptyTable:
    """A table without users; a test that has users of the file alone never asks it."""

    def user(self, email: str) -> None:
        return None

    def user_by_tag(self, tag: bytes) -> None:
        return None


@dataclass
class Answer:
    """An HTTP answer, as a client sees it."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.body["error"]


@dataclass
class TokenWorld:
    """The token endpoint at `now`, over `families`; `refresh_tokens` is the YAML of `expiry.refreshTokens`."""

    refresh_tokens: str = "{}"
    families: FamilyStore = field(default_factory=MemoryFamilies)
    now: int = LOGIN_AT
    config: Config = field(init=False)
    ring: Any = field(default_factory=FixedRing)
    clients: ClientStore = field(default_factory=MemoryClients)
    directory: Directory = field(default_factory=EmptyTable)

    bearers: Any = field(init=False)
    devices: Any = field(init=False)
    more_connectors: tuple[Connector, ...] = ()
    """Beside `local`; a file that lists them would make them real."""
    more_stores: Mapping[str, Any] = field(default_factory=dict)
    """What the TokenServer is given besides."""

    def __post_init__(self) -> None:
        beside = self.families if isinstance(self.families, MemoryFamilies) else MemoryFamilies()
        self.bearers = MemoryBearers(beside)
        self.devices = MemoryDevices(beside)
        self.configure(CONFIG.rstrip() + f" {self.refresh_tokens}\n")

    @property
    def memory(self) -> MemoryFamilies:
        """The families, where they are in memory."""
        assert isinstance(self.families, MemoryFamilies)
        return self.families

    def configure(self, yaml_text: str) -> None:
        """Put another configuration in force, as a deployment in mid-life does."""
        self.use(make_config(yaml_text))

    def use(self, config: Config) -> None:
        """Put `config` in force."""
        self.config = config
        local = PasswordConnector("local", "Email", config.static_passwords, lambda: self.directory, least_cost=4)
        clients = ClientRegistry(self.config, lambda: self.clients)
        connectors: dict[bytes, Connector] = {connector_tag(one.id): one for one in (local, *self.more_connectors)}
        live_tokens = LiveTokens(self.bearers, config.issuer)
        stores = {"devices": self.devices, "live_tokens": live_tokens, "clock": lambda: self.now, **self.more_stores}
        server = TokenServer(config, clients, self.families, self.ring, connectors, **stores)
        self._edge = Edge("token", token_routes(server), self.config, clock=lambda: self.now)

    def post(self, headers: Mapping[str, str] | None = None, **form: str) -> Answer:
        """POST `form` to /token."""
        return self.post_to("/token", headers, form)

    def post_to(self, path: str, headers: Mapping[str, str] | None, form: Parameters) -> Answer:
        """POST `form` to one of the function's endpoints."""
        return self.send(http_event(f"POST {path}", form=form, headers=headers or {}))

    def send(self, event: Mapping[str, Any]) -> Answer:
        return self.send_to(self._edge, event)

    @staticmethod
    def send_to(edge: Edge, event: Mapping[str, Any]) -> Answer:
        response = edge(event)
        return Answer(response["statusCode"], response["headers"], json.loads(response["body"] or "{}"))

    def log_in(self, **changes: object) -> str:
        """Return the authorization code of a login at `now`."""
        code = replace(a_login().code, expires_at=self.now + 60)  # type: ignore[type-var]
        claims = replace(a_login().claims, user_id=USER_ID)
        family: Family = a_login(
            **{"created_at": self.now, "auth_time": self.now, "code": code, "claims": claims} | changes
        )
        self.families.begin(family)
        return mint(Kind.AUTHORIZATION_CODE, MAC_KEY, family, int("offline_access" in family.scopes))

    def redeem(self, code: str, **changes: str) -> Answer:
        """Exchange `code`, as example-app."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        return self.post(None, **form | {"client_id": "example-app", "client_secret": SECRET} | changes)

    def refresh(self, token: str, **changes: str) -> Answer:
        """Refresh with `token`, as example-app."""
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return self.post(None, **form | {"client_id": "example-app", "client_secret": SECRET} | changes)

    def refresh_token(self) -> str:
        """Return the first refresh token of a new login."""
        return str(self.redeem(self.log_in()).body["refresh_token"])


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT signed by one of `signers`, its signature verified."""
    signer = signers()[jwt.get_unverified_header(token)["alg"]]
    return dict(jwt.decode(token, signer.key.public_key(), algorithms=[signer.alg], options=_SIGNATURE_ONLY))
