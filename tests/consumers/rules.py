"""What consumers that can't be had on a machine demand of an issuer and of a token, by the rules that they publish.

Each consumer takes what it would fetch through `get`. A demand that isn't met is raised as RefusedError, whose text
says which. Sources: the IAM user guide ("Create an OIDC identity provider"; "AssumeRoleWithWebIdentity" in the STS API
reference), the API Gateway developer guide ("Control access to HTTP APIs with JWT authorizers"), the Elastic Load
Balancing guide ("Authenticate users") and the AppSync developer guide ("OPENID_CONNECT authorization").
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

Claims = Mapping[str, Any]

RSA = ("RS256", "RS384", "RS512")
ELLIPTIC = ("ES256", "ES384", "ES512")


class RefusedError(Exception):
    """A consumer would not take it."""


@dataclass(frozen=True)
class Fetched:
    """An HTTP answer without redirects followed."""

    status: int
    body: str


Get = Callable[[str], Fetched]
"""GET of an absolute URL, by somebody who is not logged in."""


def _demand(met: object, demand: str) -> None:
    if not met:
        raise RefusedError(demand)


def _document(get: Get, url: str) -> dict[str, Any]:
    fetched = get(url)
    _demand(fetched.status == 200, f"{url} answers 200 without a redirect")
    document: dict[str, Any] = json.loads(fetched.body)
    return document


def _discovery(get: Get, issuer: str) -> dict[str, Any]:
    document = _document(get, f"{issuer}/.well-known/openid-configuration")
    _demand(document.get("issuer") == issuer, "the discovery document's issuer is the one configured")
    return document


def _part(token: str, index: int) -> dict[str, Any]:
    part = token.split(".")[index]
    decoded: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def _key(jwks: Claims, token: str, algorithms: tuple[str, ...]) -> jwt.PyJWK:
    header = _part(token, 0)
    _demand(header.get("alg") in algorithms, f"alg is one of {', '.join(algorithms)}")
    _demand(header.get("kid"), "the header names a kid")
    found = [key for key in jwks["keys"] if key.get("kid") == header["kid"]]
    _demand(len(found) == 1, "exactly one key has the kid")
    return jwt.PyJWK(found[0], algorithm=header["alg"])


def _verified(jwks: Claims, token: str, algorithms: tuple[str, ...]) -> Claims:
    try:
        claims: Claims = jwt.decode(
            token,
            _key(jwks, token, algorithms),
            algorithms=list(algorithms),
            options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except jwt.InvalidSignatureError as error:
        raise RefusedError("the signature is the key's") from error
    return claims


def _in_time(claims: Claims, now: int, *required: str) -> None:
    for name in ("exp", "iat", "nbf", "auth_time"):
        _demand(name not in required or name in claims, f"there is a claim {name}")
        _demand(type(claims.get(name, 0)) is int, f"{name} is an integer")
    _demand(claims["exp"] > now, "exp is in the future")
    _demand(max(claims.get("nbf", 0), claims.get("iat", 0)) <= now, "nbf and iat are in the past")


def _audiences(claims: Claims) -> list[str]:
    audience = claims.get("aud", [])
    return [audience] if isinstance(audience, str) else list(audience)


@dataclass(frozen=True)
class IamOidcProvider:
    """An OIDC identity provider in IAM, and STS in front of it."""

    url: str
    client_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        _demand(parts.scheme == "https", "the issuer is an https URL")
        _demand(parts.port is None, "the issuer's URL has no port")
        _demand(not parts.query and not parts.fragment, "the issuer's URL has no query and no fragment")
        _demand(len(self.url) <= 255, "the issuer's URL has at most 255 characters")
        _demand(0 < len(self.client_ids) <= 100, "there are 1 to 100 client ids")
        _demand(all(0 < len(one) <= 255 for one in self.client_ids), "a client id has 1 to 255 characters")

    def assume_role_with_web_identity(self, token: str, now: int, get: Get) -> str:
        """Return the subject that is allowed in."""
        _demand(4 <= len(token) <= 20_000, "the token has at most 20,000 characters")
        discovery = _discovery(get, self.url)
        for name in ("jwks_uri", "authorization_endpoint", "response_types_supported", "subject_types_supported"):
            _demand(discovery.get(name), f"the discovery document has {name}")
        _demand(urlsplit(discovery["jwks_uri"]).scheme == "https", "jwks_uri is an https URL")
        jwks = _document(get, discovery["jwks_uri"])
        _demand(0 < len(jwks["keys"]) <= 100, "the JWKS has 1 to 100 keys")
        for key in jwks["keys"]:
            _demand(all(key.get(name) for name in ("kid", "kty", "alg", "use")), "a key has kid, kty, alg and use")
            _demand(key["kty"] in ("RSA", "EC"), "a key is RSA or EC")
        _demand(len({key["kid"] for key in jwks["keys"]}) == len(jwks["keys"]), "no two keys have the same kid")

        claims = _verified(jwks, token, RSA + ELLIPTIC)
        _demand(claims.get("iss") == self.url, "iss is the provider's URL")
        parties = [claims["azp"]] if "azp" in claims else _audiences(claims)
        _demand(set(parties) & set(self.client_ids), "azp, or else aud, is one of the provider's client ids")
        _in_time(claims, now, "exp", "iat")
        subject = claims.get("sub")
        _demand(isinstance(subject, str) and 6 <= len(subject) <= 255, "sub is a string of 6 to 255 characters")
        return str(subject)


@dataclass(frozen=True)
class HttpApiAuthorizer:
    """The JWT authorizer of an HTTP API."""

    issuer: str
    audience: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    """Of the route; one of them has to be granted."""

    def authorize(self, token: str, now: int, get: Get) -> Claims:
        """Return the claims that the integration is given."""
        jwks = _document(get, _discovery(get, self.issuer)["jwks_uri"])
        claims = _verified(jwks, token, RSA)
        _demand(claims.get("iss") == self.issuer, "iss is the configured issuer")
        named = _audiences(claims) or [str(claims.get("client_id"))]
        _demand(set(named) & set(self.audience), "aud, or else client_id, is in the configured audience")
        _in_time(claims, now, "exp")
        granted = claims.get("scope", claims.get("scp", ""))
        granted = granted.split() if isinstance(granted, str) else granted
        _demand(not self.scopes or set(self.scopes) & set(granted), "scope or scp has one of the route's scopes")
        return claims


def load_balancer(issuer: str, get: Get) -> dict[str, Any]:
    """Return what an Application Load Balancer's authenticate-oidc action is configured with."""
    discovery = _discovery(get, issuer)
    wanted = ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint")
    for name in wanted:
        _demand(urlsplit(str(discovery.get(name))).scheme == "https", f"{name} is an https URL")
    _demand(
        "client_secret_basic" in discovery.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]),
        "a client may authenticate by client_secret_basic",
    )
    return {name: discovery[name] for name in wanted}


def app_sync(issuer: str, client_id: str, token: str, now: int, get: Get) -> Claims:
    """Return the claims of a token that AppSync takes."""
    discovery = _discovery(get, issuer)
    claims = _verified(_document(get, discovery["jwks_uri"]), token, RSA)
    _demand(claims.get("iss") == issuer, "iss is the configured issuer")
    _demand(client_id in (*_audiences(claims), claims.get("azp")), "aud or azp is the configured client id")
    _in_time(claims, now, "exp", "iat", "auth_time")
    return claims
