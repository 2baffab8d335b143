"""A client's walk through a deployment: from the issuer's URL alone, and with a secret to a token and its end."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import jwt

_SECONDS_TO_ANSWER = 30
_LARGEST = 1024 * 1024
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a JWK that are nobody's business (RFC 7518 §6)."""
_NOBODY = "sundial-smoke-nobody"
_ENDPOINTS = ("jwks_uri", "authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """Return the JSON object in it. Raises SmokeError for anything else."""
        try:
            document = json.loads(self.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise SmokeError("the answer is no JSON object")
        return document


class Ask(Protocol):
    """Sends a request; a redirect is an answer. Raises SmokeError where there is none."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class SmokeError(Exception):
    """What is not as it should be. No text of it holds a token or a secret."""


class UnreachableError(SmokeError):
    """Nobody answers."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Those of a confidential client that is there for this alone."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing tried. `seen` is what a person may like to know of it; `problem` is empty where it went well."""

    what: str
    seen: str = ""
    problem: str = ""
    reached: bool = True
    """Whether somebody answered at all."""


def smoke(issuer: str, credentials: Credentials | None, ask: Ask, now: Callable[[], float]) -> Iterator[Step]:
    """Yield each step as it is done, the first one that fails last: what comes after it has nothing to stand on.

    Without credentials it ends where a token would be needed. A time is in epoch seconds.
    """
    walk = _Walk(issuer, credentials, ask, now)
    steps: list[tuple[str, Callable[[], str]]] = [
        ("discovery", walk.discover),
        ("keys", walk.fetch_keys),
        ("a client that nobody knows is refused", walk.be_refused),
    ]
    if credentials is not None:
        steps += [
            ("a token for the client", walk.get_token),
            ("the token verifies, by the keys alone", walk.verify),
            ("introspection knows it", lambda: walk.introspect(active=True)),
            ("revocation takes it", walk.revoke),
            ("introspection knows that", lambda: walk.introspect(active=False)),
        ]
    for what, do in steps:
        try:
            yield Step(what, do())
        except SmokeError as error:
            yield Step(what, problem=str(error), reached=not isinstance(error, UnreachableError))
            return


class _Walk:
    def __init__(self, issuer: str, credentials: Credentials | None, ask: Ask, now: Callable[[], float]) -> None:
        self._issuer = issuer
        self._credentials = credentials or Credentials(_NOBODY, "")
        self._ask = ask
        self._now = now
        self._server: dict[str, Any] = {}
        self._keys: list[dict[str, Any]] = []
        self._token = ""

    def discover(self) -> str:
        """OpenID Connect Discovery 1.0 §4."""
        self._server = self._get(f"{self._issuer}/.well-known/openid-configuration").document()
        if self._server.get("issuer") != self._issuer:
            raise SmokeError(f"the issuer is {self._server.get('issuer')!r}, not {self._issuer!r}")
        names = (
            "jwks_uri",
            "authorization_endpoint",
            "token_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
        )
        for name in names:
            if not str(self._server.get(name, "")).startswith(f"{self._issuer}/"):
                raise SmokeError(f"{name} is {self._server.get(name)!r}, which is not below the issuer")
        return self._issuer

    def fetch_keys(self) -> str:
        """RFC 7517 §5."""
        answer = self._get(self._server["jwks_uri"])
        self._keys = answer.document().get("keys", [])
        if not self._keys:
            raise SmokeError("there is no key: the key rotation has not run")
        if any(_PRIVATE & key.keys() for key in self._keys):
            raise SmokeError("a private key is in it: revoke every key at once")
        caching = answer.headers.get("cache-control", "")
        if "max-age" not in caching:
            raise SmokeError("it does not say for how long it may be cached")
        return f"{len(self._keys)}, {caching}"

    def be_refused(self) -> str:
        """RFC 6749 §5.2."""
        nobody = Credentials(_NOBODY, secrets.token_hex())
        answer = self._post("token_endpoint", {"grant_type": "client_credentials"}, nobody)
        error = answer.document().get("error")
        if (answer.status, error) != (401, "invalid_client"):
            raise SmokeError(f"it is answered with {answer.status}, {error!r}")
        return "invalid_client"

    def get_token(self) -> str:
        """RFC 6749 §4.4."""
        answer = self._post("token_endpoint", {"grant_type": "client_credentials"})
        document = answer.document()
        if answer.status != 200:
            raise SmokeError(f"{answer.status}, {document.get('error')!r}: {document.get('error_description')}")
        if str(document.get("token_type")).lower() != "bearer" or not document.get("access_token"):
            raise SmokeError("there is no bearer token in the answer")
        if answer.headers.get("cache-control") != "no-store":
            raise SmokeError("the answer may be stored by caches (RFC 6749 §5.1)")
        self._token = str(document["access_token"])
        return f"for {document.get('expires_in')} s"

    def verify(self) -> str:
        """RFC 9068 §4, by a verifier that has the JWKS and nothing else."""
        try:
            header = jwt.get_unverified_header(self._token)
            [key] = [one for one in self._keys if one["kid"] == header.get("kid")]
            # The clock is the caller's, so the times are looked at below.
            options: Any = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
            claims = jwt.decode(
                self._token, jwt.PyJWK(key), algorithms=[key["alg"]], issuer=self._issuer, options=options
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise SmokeError(f"it does not: {type(error).__name__}") from None
        if claims.get("sub") != self._credentials.client_id or claims.get("client_id") != self._credentials.client_id:
            raise SmokeError("it is not the client's own")
        if not claims["iat"] - 60 <= self._now() < claims["exp"]:
            raise SmokeError("it is not of this time: look at the clocks")
        return f"{key['alg']}, kid {key['kid']}"

    def introspect(self, *, active: bool) -> str:
        """RFC 7662 §2.2."""
        answer = self._post("introspection_endpoint", {"token": self._token})
        document = answer.document()
        if answer.status != 200 or document.get("active") is not active:
            raise SmokeError(f"{answer.status}, active is {document.get('active')!r}")
        return "active" if active else "not active any more"

    def revoke(self) -> str:
        """RFC 7009 §2.2."""
        answer = self._post("revocation_endpoint", {"token": self._token})
        if answer.status != 200:
            raise SmokeError(f"{answer.status}, {answer.document().get('error')!r}")
        return ""

    def _get(self, url: str) -> Answer:
        answer = self._ask("GET", url, {"accept": "application/json"}, b"")
        if answer.status != 200:
            raise SmokeError(f"{url} is answered with {answer.status}")
        return answer

    def _post(self, endpoint: str, form: Mapping[str, str], credentials: Credentials | None = None) -> Answer:
        client = credentials or self._credentials
        # RFC 6749 §2.3.1: form-encoded before they are base64.
        pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
        headers = {
            "accept": "application/json",
            "authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "content-type": "application/x-www-form-urlencoded",
        }
        return self._ask("POST", self._server[endpoint], headers, urlencode(form).encode())


def ask_over_http(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Ask over HTTP, without following a redirect. Raises UnreachableError where nobody answers."""
    parts = urlsplit(url)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_SECONDS_TO_ANSWER)
    try:
        connection.request(method, parts.path or "/", body or None, dict(headers))
        response = connection.getresponse()
        content = response.read(_LARGEST)
        found = {name.lower(): value for name, value in response.getheaders()}
    except (OSError, HTTPException) as error:
        raise UnreachableError(f"{url} can't be reached: {error or type(error).__name__}") from error
    finally:
        connection.close()
    return Answer(response.status, found, content)
