"""Every grant and endpoint of the function `token`, and userinfo: clients that trust each other, APIs, an upstream."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sundial.config.model import ConnectorConfig
from sundial.connectors.base import Connector
from sundial.errors import OAuthError
from sundial.expiry.family import Claims, Family
from sundial.userinfo import UserInfo
from sundial.web.edge import Edge
from tests.support.events import Parameters, http_event
from tests.support.families import REDIRECT_URI
from tests.support.token_world import CONFIG, SECRET, Answer, TokenWorld

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
API, FILES = "https://api.example.com", "https://files.example.com/v1"
EMAIL, PASSWORD = "admin@example.com", "password"
HASH = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"
"""bcrypt of PASSWORD."""
UPSTREAM_TOKEN = "a-token-of-the-upstream"

GRANTS = (
    CONFIG.replace("$2b$10$33EMT0cVYVlPy6WAMCLsceLYjWhuHpbz5yuZxu/GAFj03J9Lytjuy", HASH)
    .replace(
        """\
  - id: example-app
""",
        f"""\
  - id: example-app
    name: Example App
    resources: [{API}, {FILES}]
    clientCredentialsClaims: {{groups: [robots]}}
""",
    )
    .replace(
        "signing:",
        f"""\
  - {{id: builds, secret: {SECRET}, trustedPeers: [example-app]}}
  - {{id: kube, public: true, trustedPeers: [example-app, another-app]}}
  - {{id: "{API}", secret: {SECRET}}}
  - {{id: local-only, secret: {SECRET}, allowedConnectors: [local], redirectURIs: ["{REDIRECT_URI}"]}}
oauth2:
  passwordConnector: local
signing:""",
    )
)
"""example-app may have tokens for builds, kube and two APIs, one of which is a client too."""


@dataclass
class Upstream:
    """A connector that exchanges one token; `refusal` is what it raises instead. `exchanged` counts its calls."""

    id: str = "upstream"
    name: str = "Upstream"
    subject_token_types: frozenset[str] = frozenset((ACCESS_TOKEN,))
    refusal: OAuthError | None = None
    exchanged: int = 0

    def exchange(self, subject_token: str, subject_token_type: str, now: int, /) -> Claims | None:
        self.exchanged += 1
        if self.refusal is not None:
            raise self.refusal
        if subject_token != UPSTREAM_TOKEN:
            return None
        return Claims("u-42", username="Jane", email="jane@example.org", email_verified=True, groups=("dev",))


@dataclass
class GrantsWorld(TokenWorld):
    """TokenWorld with GRANTS, an upstream connector, and what stands beside /token."""

    upstream: Upstream = field(default_factory=Upstream)

    def __post_init__(self) -> None:
        more: tuple[Connector, ...] = (self.upstream,)
        self.more_connectors = more
        super().__post_init__()
        self.configure(GRANTS + "    reuseInterval: 0s\n")
        routes = {"GET /userinfo": UserInfo(self.bearers, self.config.issuer)}
        self._userinfo = Edge("userinfo", routes, self.config, clock=lambda: self.now)
        self.warm()

    def hold(self, connector_id: str, *grants: str) -> None:
        """Hold a connector to some grants (Dex: connectors[].grantTypes)."""
        others = tuple(one for one in self.config.connectors if one.id != connector_id)
        held = ConnectorConfig("password", connector_id, connector_id, grant_types=grants)
        self.use(replace(self.config, connectors=(*others, held)))

    def warm(self) -> None:
        """Have the published keys in memory, and nothing else."""
        self.introspect("x.y.z")
        self.userinfo(self.tokens()["access_token"])
        self.introspect(self.tokens()["access_token"])
        self.calls.clear()
        self.memory.families.clear()

    @property
    def calls(self) -> list[str]:
        """Every network call since the last `clear`."""
        return self.memory.calls

    def tokens(self, *scopes: str, **login: Any) -> Mapping[str, Any]:
        """Return the token response of a login with `openid` and `scopes`; `login` are changes to its family."""
        asked = {"scopes": frozenset(("openid", *scopes)), **login}
        client_id = str(login.get("client_id", "example-app"))
        answer = self.redeem(self.log_in(**asked), client_id=client_id)
        assert answer.status == 200, answer.body
        return answer.body

    def ask(self, grant_type: str, *, client_id: str = "example-app", **form: str) -> Answer:
        """POST to /token as a confidential client; an empty value leaves a parameter out."""
        return self.post(None, **{"grant_type": grant_type, "client_id": client_id, "client_secret": SECRET} | form)

    def client_token(self, client_id: str = "example-app", **form: str) -> str:
        """Return an access token that a client has for itself."""
        return str(self.ask("client_credentials", client_id=client_id, **form).body["access_token"])

    def exchange(self, subject_token: str, /, **form: str) -> Answer:
        """Exchange an access token, as example-app unless `form` says otherwise."""
        asked = {"subject_token": subject_token, "subject_token_type": ACCESS_TOKEN}
        return self.ask(EXCHANGE, **asked | form)

    def log_in_by_password(self, **form: str) -> Answer:
        """Use the password grant."""
        return self.ask("password", **{"username": EMAIL, "password": PASSWORD} | form)

    def introspect(self, token: str, *, client_id: str = "example-app", **form: str) -> Answer:
        """POST to /token/introspect, authenticated by HTTP Basic."""
        return self.post_to("/token/introspect", basic(client_id), {"token": token, **form})

    def revoke(self, token: str, *, client_id: str = "example-app", **form: str) -> Answer:
        """POST to /token/revoke, likewise."""
        return self.post_to("/token/revoke", basic(client_id), {"token": token, **form})

    def post_pairs(self, path: str, pairs: Parameters) -> Answer:
        """POST a form in which parameters may stand twice, as example-app."""
        return self.post_to(path, basic("example-app"), pairs)

    def userinfo(self, access_token: str) -> Answer:
        """GET /userinfo with a bearer token."""
        response = self._userinfo(http_event("GET /userinfo", headers={"Authorization": f"Bearer {access_token}"}))
        return Answer(response["statusCode"], response["headers"], json.loads(response["body"]))

    @property
    def only_family(self) -> Family:
        """The one login that there is."""
        (family,) = self.memory.families.values()
        return family


def basic(client_id: str, secret: str = SECRET) -> dict[str, str]:
    """Return an HTTP Basic header (RFC 6749 §2.3.1): both are URL-encoded first."""
    encoded = client_id.replace(":", "%3A").replace("/", "%2F")
    return {"Authorization": "Basic " + b64encode(f"{encoded}:{secret}".encode()).decode()}
