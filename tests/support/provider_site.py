"""A deployment whose users log in at a provider: the real functions over real tables and a real KMS."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt

from sundial.authorize.endpoint import authorize_edge
from sundial.deployment import Deployment
from sundial.grants.endpoint import token_edge
from sundial.keys.scheduled import rotation_handler
from sundial.web.edge import Edge
from tests.support.browser import CALLBACK, REQUEST
from tests.support.config import SECRET
from tests.support.events import http_event
from tests.support.upstream import Visitor, log_in_at

AFTERWARDS = "https://app.example.com/goodbye"
CONFIG = f"""\
issuer: https://id.example.com
staticClients:
  - id: app
    name: The App
    secretHash: cd4e57bc33d9c976fa33a2c9a2aea3a57a829b84a68a1f99d3002c18893d976a
    redirectURIs: ["{CALLBACK}"]
    postLogoutRedirectURIs: ["{AFTERWARDS}"]
expiry:
  refreshTokens: {{reuseInterval: 30s}}
"""
"""To which a test adds its `connectors`."""
SCOPE = "openid profile email groups offline_access"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, Appendix B


@dataclass
class ProviderSite:
    """The functions, and the calls that they make; `ahead` turns their clock, which the provider has its own of."""

    deployment: Deployment
    ahead: int = 0
    calls: list[str] = field(default_factory=list)
    authorize: Edge = field(init=False)
    token: Edge = field(init=False)

    def __post_init__(self) -> None:
        clock = self.clock
        rotation_handler(self.deployment, clock=clock)({}, None)
        self.authorize = authorize_edge(self.deployment, clock=clock)
        self.token = token_edge(self.deployment, clock=clock)
        for service in ("dynamodb", "kms", "secretsmanager"):
            self.deployment.client(service).meta.events.register("before-call", self._count)

    def clock(self) -> float:
        return time.time() + self.ahead

    def _count(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)

    def arrive(self, visitor: Visitor | None = None) -> tuple[dict[str, Any], list[str]]:
        """Go to the provider as a browser does, and return what the way back is answered with, and the cookies."""
        query = {**REQUEST, "scope": SCOPE}
        begun = self.authorize(http_event("GET /auth", query=query))
        cookies = [cookie.partition(";")[0] for cookie in begun["cookies"]]
        came_back = log_in_at(begun["headers"]["Location"], visitor)
        return self.authorize(http_event("GET /callback", query=came_back, cookies=cookies)), cookies

    def code(self, visitor: Visitor | None = None) -> str:
        """Log in, agree, and return the code that the client gets."""
        consent, cookies = self.arrive(visitor)
        sealed = re.search(r'name="req" value="([^"]+)"', consent["body"])
        assert sealed is not None, consent["body"][-1000:]
        form = {"req": str(sealed[1]), "approval": "approve"}
        answer = self.authorize(http_event("POST /approval", form=form, cookies=cookies))
        return answer_of(answer)["code"]

    def log_in(self, visitor: Visitor | None = None) -> dict[str, Any]:
        """Return the token response of a login."""
        return self.redeem(self.code(visitor))

    def redeem(self, code: str) -> dict[str, Any]:
        return self.post(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=VERIFIER)

    def refresh(self, token: str) -> dict[str, Any]:
        return self.post(grant_type="refresh_token", refresh_token=token)

    def post(self, **form: str) -> dict[str, Any]:
        event = http_event("POST /token", form={"client_id": "app", "client_secret": SECRET, **form})
        answer = self.token(event)
        return {"status": answer["statusCode"], **json.loads(answer["body"])}

    def new_calls(self) -> list[str]:
        """Return the calls since the last time that somebody asked."""
        calls, self.calls[:] = list(self.calls), []
        return calls


def answer_of(redirect: dict[str, Any]) -> dict[str, str]:
    """Return what a redirect tells the client."""
    assert redirect["statusCode"] == 303, redirect["body"][-1000:]
    return dict(parse_qsl(urlsplit(redirect["headers"]["Location"]).query))


def claims_of(response: dict[str, Any]) -> dict[str, Any]:
    """Return the claims of a token response's ID token."""
    return dict(jwt.decode(response["id_token"], options={"verify_signature": False}))
