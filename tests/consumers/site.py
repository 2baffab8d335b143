"""A deployment as consumers see it: discovery and keys without logging in, tokens by the password grant."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sundial.deployment import Deployment
from sundial.discovery.endpoint import jwks_edge
from sundial.grants.endpoint import token_edge
from tests.consumers.rules import Fetched
from tests.support.events import http_event
from tests.support.grants_world import EMAIL, GRANTS, PASSWORD, basic

ISSUER = "https://login.example.com"
"""As the documentation's pages have it."""
CONFIG = GRANTS.replace("https://id.example.com", ISSUER).replace("oauth2:", "  - {id: aws, public: true}\noauth2:")


@dataclass
class Site:
    """A deployment whose ring has been through several rotations, and what the public can GET of it."""

    deployment: Deployment
    now: int

    def get(self, url: str) -> Fetched:
        """GET a URL of the issuer."""
        assert url.startswith(f"{ISSUER}/"), url
        edge = jwks_edge(self.deployment, clock=lambda: self.now)
        answer = edge(http_event(f"GET {url.removeprefix(ISSUER)}"))
        return Fetched(answer["statusCode"], answer["body"])

    def tokens(self, **form: str) -> dict[str, str]:
        """Return the tokens of a login, by example-app or by the public client that `form` names."""
        edge = token_edge(self.deployment, clock=lambda: self.now)
        asked = {"grant_type": "password", "username": EMAIL, "password": PASSWORD, **form}
        headers = {} if "client_id" in form else basic("example-app")
        answer = edge(http_event("POST /token", form=asked, headers=headers))
        assert answer["statusCode"] == 200, answer["body"]
        tokens: dict[str, str] = json.loads(answer["body"])
        return tokens
