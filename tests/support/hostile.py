"""An OpenID provider that does as the test says: honest until something of it is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sundial.connectors.base import Attempt, Identity
from sundial.connectors.oidc import OidcConnector, OidcSettings
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from sundial.expiry.family import Claims
from tests.support.api_upstream import ApiUpstream, Came, api_upstream
from tests.support.families import LOGIN_AT
from tests.support.leak_watch import LEAKS
from tests.support.upstream import CALLBACK, an_attempt, arrival

ACCESS_TOKEN = "an access token of the provider"
REFRESH_TOKEN = "a refresh token of the provider"


@cache
def signing_key(name: str) -> rsa.RSAPrivateKey:
    """Return the RSA key of that name, the same for the whole run."""
    return rsa.generate_private_key(65537, 2048)


def public_jwk(name: str, **more: str) -> dict[str, Any]:
    """Return its public half as the provider publishes it."""
    jwk = RSAAlgorithm.to_jwk(signing_key(name).public_key(), as_dict=True)
    return {**jwk, "kid": name, "use": "sig", "alg": "RS256", **more}


@dataclass
class Hostile:
    """The provider, at LOGIN_AT unless `now` is turned. `claims` change an honest ID token; None takes one out."""

    api: ApiUpstream
    now: int = LOGIN_AT
    attempt: Attempt = field(default_factory=lambda: an_attempt("offline_access"))
    discovery: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    signed_by: str = "key-1"
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public_jwk("key-1")])
    tokens: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for secret in (ACCESS_TOKEN, REFRESH_TOKEN):
            LEAKS.secret("an upstream token", secret)
        self.api.routes |= {
            "GET /.well-known/openid-configuration": lambda _: self.document(),
            "GET /jwks": lambda _: {"keys": self.keys},
            "POST /token": self._token,
        }

    def document(self) -> dict[str, Any]:
        url = self.api.url
        honest = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/jwks",
            "userinfo_endpoint": f"{url}/me",
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return {name: value for name, value in {**honest, **self.discovery}.items() if value is not None}

    def id_token(self) -> str:
        honest = {
            "iss": self.api.url,
            "sub": "kilgore",
            "aud": "sundial",
            "exp": self.now + 300,
            "iat": self.now,
            "nonce": self.attempt.derived("nonce"),
            "name": "Kilgore",
            "email": "kilgore@example.com",
            "email_verified": True,
        }
        claims = {name: value for name, value in {**honest, **self.claims}.items() if value is not None}
        header = {name: value for name, value in {"kid": self.signed_by, **self.header}.items() if value is not None}
        return str(jwt.encode(claims, signing_key(self.signed_by), "RS256", header))

    def _token(self, _came: Came) -> Mapping[str, Any]:
        honest = {
            "access_token": ACCESS_TOKEN,
            "token_type": "Bearer",
            "refresh_token": REFRESH_TOKEN,
            "id_token": self.id_token(),
        }
        return {name: value for name, value in {**honest, **self.tokens}.items() if value is not None}

    def connector(self, **changes: Any) -> OidcConnector:
        registration = changes.pop("registration", Registration("sundial", "the secret at the provider", CALLBACK))
        return OidcConnector("up", "The Provider", OidcSettings(self.api.url, registration, **changes))

    def log_in(self, connector: OidcConnector | None = None, came_back: Mapping[str, str] | None = None) -> Identity:
        """Log in there; `came_back` is what the browser brings beside a code."""
        made = connector or self.connector()
        made.begin(self.attempt, "a-state", self.now)
        return made.finish(self.attempt, arrival(self.now, **{"code": "a-code", **(came_back or {})}))

    def refresh(self, identity: Identity, connector: OidcConnector | None = None) -> Identity | None:
        return (connector or self.connector()).refresh_upstream(identity, frozenset(), self.now)

    def asked(self, path: str) -> int:
        """How often a path has been asked for."""
        return sum(came.path == path for came in self.api.came)


def honest_upstream() -> Identity:
    """Return a login of before, with something to ask again with."""
    claims = Claims("kilgore", "Kilgore", "", "kilgore@example.com", email_verified=True)
    return Identity(claims, upstream=json.dumps({"refresh_token": REFRESH_TOKEN, "sub": "kilgore"}))


@contextmanager
def hostile_provider() -> Iterator[Hostile]:
    """Serve one on loopback."""
    with api_upstream() as api:
        yield Hostile(api)


def refused(provider: Hostile, **came_back: str) -> OAuthError:
    """Return why nobody logs in."""
    with pytest.raises(OAuthError) as caught:
        provider.log_in(came_back=came_back)
    return caught.value
