"""A key leaks: the drill on the real functions, seen by PyJWT's own client, which caches the JWKS.

The rotation, the JWKS and the functions that sign share the template's secret and table on MiniStack. A thief
signs with the leaked key all the while; the clock, PyJWT's too, is turned by hand.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest

from sundial.deployment import Deployment
from sundial.discovery.endpoint import jwks_edge
from sundial.errors import OAuthError
from sundial.keys.cache import RingCache, Signer
from sundial.keys.policy import RING_CACHE, seconds
from sundial.keys.scheduled import rotation_handler
from sundial.tokens.jwt import sign
from sundial.tokens.verification import JwtKind, verify
from tests.support.config import APP
from tests.support.deployed import deployed
from tests.support.events import http_event
from tests.support.keys import DAY, HOUR, MINUTE, T0
from tests.support.stack import OwnStack

ISSUER = "https://id.example.com"


class Site:
    """A deployment at `now`: the rotation, one function that serves the JWKS, one that signs."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.now = deployment, T0
        self.rotation = rotation_handler(deployment, clock=lambda: self.now)
        self.edge = jwks_edge(deployment, clock=lambda: self.now)
        self.ring = RingCache(deployment.vault)

    def signer(self) -> Signer:
        return self.ring.current(self.now).signer("RS256", self.now)

    def token(self, signer: Signer) -> str:
        claims = {"iss": ISSUER, "aud": "app", "sub": "someone", "iat": self.now, "exp": self.now + HOUR}
        return sign(signer, claims, typ="at+jwt")


class Verifier(jwt.PyJWKClient):
    """PyJWT's client as it is, but for the way to the endpoint. It keeps the JWKS as long as it is told, or `keeps`.

    PyJWT asks again on an unknown `kid`, once in `cooldown_duration`; this one never does, as AWS's caches don't.
    """

    def __init__(self, site: Site, keeps: int | None = None) -> None:
        super().__init__(f"{ISSUER}/keys", lifespan=1, cooldown_duration=10 * DAY)
        self._site, self._keeps = site, keeps

    def fetch_data(self) -> Any:
        answer = self._site.edge(http_event("GET /keys"))
        assert self.jwk_set_cache is not None
        told = int(answer["headers"]["Cache-Control"].rpartition("=")[2])
        self.jwk_set_cache.lifespan = told if self._keeps is None else self._keeps
        self.jwk_set_cache.put(json.loads(answer["body"]))
        self._last_successful_fetch = time.monotonic()
        return json.loads(answer["body"])

    def claims(self, token: str) -> Mapping[str, Any]:
        key = self.get_signing_key_from_jwt(token).key
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=["RS256"], audience="app", options={"verify_exp": False, "verify_iat": False}
        )
        return claims

    def believes(self, token: str) -> bool:
        try:
            self.claims(token)
        except jwt.PyJWKClientError:
            return False
        return True


@pytest.fixture
def site(stack: OwnStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(deployed(stack, tmp_path, APP))
    monkeypatch.setattr("time.monotonic", lambda: float(site.now))
    for _ in range(10):
        site.rotation({}, None)
        site.now += HOUR
    return site


def test_the_drill_is_over_in_the_times_that_it_states_and_no_good_token_is_refused_meanwhile(site: Site) -> None:
    ahead = seconds(site.deployment.config.signing.publish_ahead)
    site.now += 40 * MINUTE
    site.rotation({}, None)
    verifiers = {"as told": Verifier(site), "for publishAhead": Verifier(site, keeps=ahead)}
    stolen = site.signer()
    for verifier in verifiers.values():  # each has just asked, and the function that answered had read just before
        verifier.claims(site.token(stolen))
    report = site.rotation({"command": "revoke", "kid": stolen.kid}, None)
    revoked_at, last = site.now, dict.fromkeys(("a function signs with it", "served", *verifiers), -1)
    while site.now <= report["all_caches_until"]:
        after = site.now - revoked_at
        signer, forged = site.signer(), site.token(stolen)
        with pytest.raises(OAuthError, match="not, or no longer, in use"):
            verify(forged, _published(site), ISSUER, site.now, JwtKind.ACCESS_TOKEN)
        if signer.kid == stolen.kid:
            last["a function signs with it"] = after
        else:
            verify(site.token(signer), _published(site), ISSUER, site.now, JwtKind.ACCESS_TOKEN)
        for name, verifier in verifiers.items():
            last[name] = after if verifier.believes(forged) else last[name]
            if signer.kid != stolen.kid:
                assert verifier.believes(site.token(signer)), "a token that was valid fails"
        if stolen.kid in site.edge(http_event("GET /keys"))["body"]:
            last["served"] = after
        site.now += 20 if after < 10 * MINUTE else 2 * MINUTE
        site.rotation({}, None)
    assert 0 <= last["served"] < MINUTE
    assert 0 <= last["a function signs with it"] < seconds(RING_CACHE) == report["everywhere_at"] - revoked_at
    assert HOUR / 2 < last["as told"] <= report["caches_until"] - revoked_at == HOUR + MINUTE
    assert 2 * HOUR < last["for publishAhead"] <= report["all_caches_until"] - revoked_at == ahead + 5 * MINUTE


def _published(site: Site) -> Any:
    return site.deployment.public_keys.load()
