"""The function `jwks`: discovery, keys and health, through the edge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from sundial.deployment import Deployment
from sundial.discovery.endpoint import jwks_edge
from sundial.keys.cache import RingCache
from sundial.keys.scheduled import rotation_handler
from sundial.tokens.jwt import sign
from tests.support.config import APP
from tests.support.deployed import deployed
from tests.support.events import http_event, load, recorded_events
from tests.support.keys import HOUR, MINUTE, T0
from tests.support.stack import OwnStack

CONFIG = APP + "signing: {algorithms: [RS256, ES256]}\nweb: {allowedOrigins: ['https://app.example.com']}\n"
DISCOVERY = "GET /.well-known/openid-configuration"
DOCUMENTS = (DISCOVERY, "GET /.well-known/oauth-authorization-server", "GET /keys")


@dataclass
class Site:
    """One deployment at `now`: its jwks function, and the rotation beside it."""

    deployment: Deployment
    now: int = T0

    def __post_init__(self) -> None:
        self.edge = jwks_edge(self.deployment, clock=lambda: self.now)
        self.rotation = rotation_handler(self.deployment, clock=lambda: self.now)
        self.fetches = 0

    def rotate(self, **event: Any) -> dict[str, Any]:
        return self.rotation(event, None)

    def get(self, route: str, **headers: str) -> dict[str, Any]:
        return self.edge(http_event(route, headers={name.replace("_", "-"): text for name, text in headers.items()}))

    def jwks(self) -> dict[str, Any]:
        self.fetches += 1
        document: dict[str, Any] = json.loads(self.get("GET /keys")["body"])
        return document

    def kids(self) -> set[str]:
        return {jwk["kid"] for jwk in self.jwks()["keys"]}

    def token(self, alg: str = "RS256") -> str:
        ring = RingCache(self.deployment.vault).current(self.now)
        return sign(ring.signer(alg, self.now), {"sub": "someone", "aud": "app"})


@pytest.fixture
def site(stack: OwnStack, tmp_path: Path) -> Site:
    return Site(deployed(stack, tmp_path, CONFIG))


class Verifier(jwt.PyJWKClient):
    """PyJWT's own client, which keeps the JWKS that it has fetched; only the fetching goes by way of the handler."""

    def __init__(self, site: Site) -> None:
        super().__init__("https://id.example.com/keys")
        self._site = site

    def fetch_data(self) -> Any:
        document = self._site.jwks()
        if self.jwk_set_cache is not None:
            self.jwk_set_cache.put(document)
        return document

    def verify(self, token: str) -> Mapping[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token, self.get_signing_key_from_jwt(token).key, algorithms=["RS256", "ES256"], audience="app"
        )
        return claims


def test_before_the_first_rotation_there_are_no_keys_but_discovery_answers(site: Site) -> None:
    keys = site.get("GET /keys")
    assert keys["statusCode"] == 503
    assert keys["headers"]["Retry-After"] == "30"
    assert keys["headers"]["Cache-Control"] == "no-store"
    assert json.loads(keys["body"])["error"] == "temporarily_unavailable"
    assert site.get(DISCOVERY)["statusCode"] == 200


def test_keys_are_served_where_nothing_but_the_item_is_in_reach(site: Site, stack: OwnStack, tmp_path: Path) -> None:
    site.rotate()
    elsewhere = dict.fromkeys(("SUNDIAL_SECRET", "SUNDIAL_FAMILIES_TABLE", "SUNDIAL_DIRECTORY_TABLE"), "")
    without_secret = deployed(stack, tmp_path, CONFIG, **elsewhere)
    answer = jwks_edge(without_secret, clock=lambda: site.now)(http_event("GET /keys"))
    assert json.loads(answer["body"]) == site.jwks()


def test_every_key_has_what_aws_and_kubernetes_demand_and_nothing_private(site: Site) -> None:
    site.rotate()
    keys = site.jwks()["keys"]
    assert len(keys) == 4
    assert len({key["kid"] for key in keys}) == 4
    for key in keys:
        assert key["use"] == "sig"
        assert key["alg"] in ("RS256", "ES256")
        assert not set(key) & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.mark.parametrize("route", DOCUMENTS)
def test_whoever_has_a_document_is_told_that_it_still_stands(site: Site, route: str) -> None:
    site.rotate()
    first = site.get(route)
    assert first["headers"]["Content-Type"] == "application/json"
    assert first["headers"]["Cache-Control"].startswith("public, must-revalidate, max-age=")
    assert "Pragma" not in first["headers"]
    again = site.get(route, If_None_Match=first["headers"]["ETag"])
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == first["headers"]["ETag"]
    assert again["headers"]["Cache-Control"] == first["headers"]["Cache-Control"]


def test_the_tag_of_the_keys_changes_when_they_do(site: Site) -> None:
    report = site.rotate()
    before = site.get("GET /keys")["headers"]["ETag"]
    site.now = report["next_change_at"]
    site.rotate()
    assert site.get("GET /keys", If_None_Match=before)["statusCode"] == 200


def test_the_lifetime_of_the_keys_shrinks_as_a_change_nears(site: Site) -> None:
    change_at = site.rotate()["next_change_at"]
    lifetimes = []
    for before in (90 * MINUTE, 30 * MINUTE, 5 * MINUTE, 10, 0):
        site.now = change_at - before
        lifetimes.append(site.get("GET /keys")["headers"]["Cache-Control"].rpartition("=")[2])
    assert lifetimes == ["3600", "1800", "300", "60", "60"]


def test_warm_requests_cost_no_network_call(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.rotate()
    for route in DOCUMENTS:
        site.get(route)
    monkeypatch.setattr(site.deployment.public_keys, "load", lambda: pytest.fail("a network call"))
    site.now += MINUTE - 1
    for route in (*DOCUMENTS, "GET /healthz"):
        assert site.get(route)["statusCode"] == 200


def test_a_table_out_of_reach_is_bridged_for_minutes_by_what_is_in_memory(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.rotate()
    kids = site.kids()
    monkeypatch.setattr(site.deployment.public_keys, "_table", "nonesuch")
    site.now += 2 * MINUTE
    bridged = site.get("GET /keys")
    assert {key["kid"] for key in json.loads(bridged["body"])["keys"]} == kids
    assert bridged["headers"]["Cache-Control"] == "public, must-revalidate, max-age=60"
    site.now += 4 * MINUTE
    assert site.get("GET /keys")["statusCode"] == 503
    monkeypatch.undo()
    assert site.kids() == kids


def test_a_token_verifies_in_pyjwt_and_joserfc_across_a_rotation_without_fetching_again(site: Site) -> None:
    site.rotate()
    verifier = Verifier(site)
    verifier.verify(site.token())
    document: Any = site.jwks()
    keys = KeySet.import_key_set(document)
    fetched = site.fetches
    signed_with = set()
    for _ in range(10):
        for alg in ("RS256", "ES256"):
            token = site.token(alg)
            assert verifier.verify(token)["sub"] == "someone"
            assert joserfc_jwt.decode(token, keys, algorithms=[alg]).claims["sub"] == "someone"
            signed_with.add(jwt.get_unverified_header(token)["kid"])
        site.now += HOUR
        site.rotate()
    assert len(signed_with) == 4, "the keys have changed"
    assert site.fetches == fetched, "and the verifiers had the new ones already"


def test_a_revoked_key_is_gone_from_the_keys_within_a_minute_and_its_successor_known_already(site: Site) -> None:
    site.rotate()
    site.now += 4 * HOUR
    site.rotate()
    verifier = Verifier(site)
    stolen = site.token()
    verifier.verify(stolen)
    leaked = jwt.get_unverified_header(stolen)["kid"]
    fetched = site.fetches
    site.rotate(command="revoke", kid=leaked)
    verifier.verify(site.token())
    assert site.fetches == fetched
    site.now += MINUTE
    assert leaked not in site.kids()
    with pytest.raises(jwt.PyJWKClientError):
        Verifier(site).verify(stolen)


def test_health_says_ok_and_asks_nobody(site: Site) -> None:
    answer = site.get("GET /healthz")
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ok"})
    assert answer["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("route", DOCUMENTS)
def test_a_browser_of_an_allowed_origin_may_read_the_documents(site: Site, route: str) -> None:
    site.rotate()
    allowed = site.get(route, Origin="https://app.example.com")["headers"]
    assert allowed["Access-Control-Allow-Origin"] == "https://app.example.com"
    other = site.get(route, Origin="https://evil.example.com")["headers"]
    assert "Access-Control-Allow-Origin" not in other
    assert site.get(route)["headers"]["Vary"] == "Origin", "a shared cache must keep them apart"
    assert other["Vary"] == "Origin"


@pytest.mark.parametrize("event", [path for function, path in recorded_events() if function == "jwks"])
def test_every_recorded_event_is_answered(site: Site, event: Path) -> None:
    site.rotate()
    answer = site.edge(load(event))
    assert answer["statusCode"] in (200, 204)
