"""The whole way: a browser logs in at a provider that nobody here wrote, and a client refreshes through it.

The real functions over real tables and a real KMS; every network call of theirs is counted.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest

from sundial.authorize.endpoint import authorize_edge
from sundial.deployment import Deployment
from sundial.discovery.documents import openid_configuration
from sundial.grants.endpoint import token_edge
from sundial.keys.scheduled import rotation_handler
from sundial.web.edge import Edge
from tests.support.browser import CALLBACK, REQUEST
from tests.support.config import SECRET
from tests.support.deployed import deployed
from tests.support.events import http_event
from tests.support.stack import OwnStack
from tests.support.upstream import CLIENT_ID, CLIENT_SECRET, KILGORE, OpenIDProvider, log_in_at, openid_provider

CONFIG = """\
issuer: https://id.example.com
connectors:
  - type: oidc
    id: up
    name: The Provider
    config:
      issuer: {issuer}
      clientID: {client_id}
      clientSecret: $UPSTREAM_SECRET
      scopes: [profile, email, offline_access]
      insecureEnableGroups: true
staticClients:
  - id: app
    name: The App
    secretHash: cd4e57bc33d9c976fa33a2c9a2aea3a57a829b84a68a1f99d3002c18893d976a
    redirectURIs: ["{callback}"]
expiry:
  refreshTokens: {{reuseInterval: 30s}}
"""
SCOPE = "openid profile email groups offline_access"


@dataclass
class Site:
    """The functions, and the calls that they make; `ahead` turns their clock, which the provider has its own of."""

    deployment: Deployment
    provider: OpenIDProvider
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

    def code(self) -> str:
        """Log in as a browser does, agree, and return the code that the client gets."""
        begun = self.authorize(http_event("GET /auth", query={**REQUEST, "scope": SCOPE, "code_challenge": CHALLENGE}))
        cookies = [cookie.partition(";")[0] for cookie in begun["cookies"]]
        came_back = self._log_in(begun["headers"]["Location"])
        consent = self.authorize(http_event("GET /callback", query=came_back, cookies=cookies))
        assert "Keep you logged in while you are away" in consent["body"]
        sealed = re.search(r'name="req" value="([^"]+)"', consent["body"])
        assert sealed is not None
        form = {"req": str(sealed[1]), "approval": "approve"}
        answer = self.authorize(http_event("POST /approval", form=form, cookies=cookies))
        return str(dict(parse_qsl(urlsplit(answer["headers"]["Location"]).query))["code"])

    def _log_in(self, url: str) -> dict[str, str]:
        assert url.startswith(f"{self.provider.issuer}/auth?")
        return log_in_at(url)

    def log_in(self) -> dict[str, Any]:
        """Return the token response of a login."""
        return self.post(
            grant_type="authorization_code", code=self.code(), redirect_uri=CALLBACK, code_verifier=VERIFIER
        )

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


VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, Appendix B
CHALLENGE = REQUEST["code_challenge"]


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIDProvider]:
    with openid_provider() as running:
        yield running


@pytest.fixture
def site(stack: OwnStack, provider: OpenIDProvider, tmp_path: Path) -> Site:
    provider.change("kilgore", KILGORE)
    text = CONFIG.format(issuer=provider.issuer, client_id=CLIENT_ID, callback=CALLBACK)
    return Site(deployed(stack, tmp_path, text, UPSTREAM_SECRET=CLIENT_SECRET), provider)


def claims_of(response: dict[str, Any]) -> dict[str, Any]:
    return dict(jwt.decode(response["id_token"], options={"verify_signature": False}))


def test_a_login_and_its_refreshes_show_the_user_as_the_provider_knows_them(site: Site) -> None:
    first = site.log_in()
    assert (first["status"], set(first["scope"].split())) == (200, set(SCOPE.split()))
    claims = claims_of(first)
    assert (claims["name"], claims["email"], claims["groups"]) == (
        "Kilgore Trout",
        "kilgore@example.com",
        ["authors", "ops"],
    )
    assert claims["nonce"] == REQUEST["nonce"]
    site.provider.change("kilgore", {**KILGORE, "groups": ["ops"]})
    token = first["refresh_token"]
    for _ in range(3):
        site.ahead += 31
        answer = site.refresh(token)
        assert answer["status"] == 200
        assert claims_of(answer)["groups"] == ["ops"]
        assert answer["refresh_token"] != token
        token = answer["refresh_token"]


def test_the_network_calls_of_each_step(site: Site) -> None:
    site.new_calls()
    code = site.code()
    assert site.new_calls() == ["GetSecretValue", "GenerateDataKey", "PutItem"]
    first = site.post(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=VERIFIER)
    assert site.new_calls() == ["UpdateItem"]
    assert site.refresh(first["refresh_token"])["status"] == 200
    assert site.new_calls() == ["UpdateItem"], "a token at rest"
    site.ahead += 31
    assert site.refresh(first["refresh_token"])["status"] == 200
    assert site.new_calls() == ["UpdateItem", "Decrypt", "UpdateItem"]
    assert site.refresh(first["refresh_token"])["status"] == 200
    assert site.new_calls() == ["UpdateItem"], "a retry"


def test_of_many_refreshes_at_once_one_asks_the_provider_whose_tokens_are_good_once(site: Site) -> None:
    first = site.log_in()
    site.ahead += 31
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: site.refresh(first["refresh_token"]), range(8)))
    assert {answer["status"] for answer in answers} == {200}
    assert len({answer["refresh_token"] for answer in answers}) == 1
    site.ahead += 31
    assert site.refresh(answers[0]["refresh_token"])["status"] == 200


def test_a_user_who_is_gone_upstream_is_gone_here(site: Site) -> None:
    first = site.log_in()
    site.provider.change("kilgore", None)
    site.ahead += 31
    for _ in range(2):
        answer = site.refresh(first["refresh_token"])
        assert (answer["status"], answer["error"]) == (400, "invalid_grant")


def test_nothing_of_the_provider_is_in_clear_in_the_table(site: Site, stack: OwnStack) -> None:
    site.log_in()
    (item,) = stack.dynamodb.scan(TableName=stack.families_table)["Items"]
    assert set(item["upstream"]["M"]) == {"key", "data"}
    assert b"refresh_token" not in item["upstream"]["M"]["data"]["B"]


def test_discovery_says_what_the_connectors_can_do(site: Site) -> None:
    assert "offline_access" in openid_configuration(site.deployment.config)["scopes_supported"]
