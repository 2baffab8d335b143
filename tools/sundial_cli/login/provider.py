"""The provider as a client of its own meets it: discovery, and the token endpoint (RFC 8414, RFC 6749)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3

from sundial_cli.status import FINDING, UNREACHABLE, USAGE, StoppedError

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SECONDS_TO_ANSWER = 20
_ATTEMPTS = 2
"""A second try, where no answer came, is given the same tokens by Sundial (`reuseInterval`)."""


class RefusedError(Exception):
    """The provider answered with an OAuth error (RFC 6749 §5.2): its code, and what it says of it."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description or code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave out."""

    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    """Empty where there was none."""


class Provider:
    """A provider, and a client of it. Every method raises StoppedError where the provider can't be reached."""

    def __init__(self, issuer: str, client_id: str, client_secret: str = "") -> None:
        """Raises StoppedError for an issuer without TLS, but on loopback."""
        parts = urlsplit(issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise StoppedError(USAGE, f"{issuer} is no https URL: tokens would travel in clear")
        self.issuer = issuer.rstrip("/")
        self.client_id = client_id
        self._secret = client_secret
        self._http = urllib3.PoolManager(timeout=_SECONDS_TO_ANSWER, retries=False)

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The discovery document (OpenID Connect Discovery §4). Raises StoppedError for another issuer's."""
        status, document = self._send("GET", f"{self.issuer}/.well-known/openid-configuration")
        if status != 200:
            raise StoppedError(UNREACHABLE, f"{self.issuer} answers {status} for its discovery document")
        if document.get("issuer") != self.issuer:
            raise StoppedError(
                FINDING, f"{self.issuer} says that its issuer is {document.get('issuer')!r}: say that one"
            )
        return document

    def refresh(self, refresh_token: str) -> Tokens:
        """Return new tokens (RFC 6749 §6); where none comes in its place, the refresh token is still good."""
        answer = self._post("token_endpoint", {"grant_type": "refresh_token", "refresh_token": refresh_token})
        return _tokens(answer, refresh_token)

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Tokens:
        """Return the tokens of an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return _tokens(self._post("token_endpoint", {**form, "code_verifier": verifier}))

    def device_authorization(self, scope: str) -> Mapping[str, Any]:
        """Return a device code and what its user is to type (RFC 8628 §3.2)."""
        return self._post("device_authorization_endpoint", {"scope": scope})

    def poll(self, device_code: str) -> Tokens:
        """Return the tokens of a device code; RefusedError has what RFC 8628 §3.5 says until then."""
        return _tokens(self._post("token_endpoint", {"grant_type": DEVICE_GRANT, "device_code": device_code}))

    def revoke(self, refresh_token: str) -> None:
        """End the login of a refresh token, where the provider can (RFC 7009)."""
        if "revocation_endpoint" in self.metadata:
            self._post("revocation_endpoint", {"token": refresh_token, "token_type_hint": "refresh_token"})

    def _post(self, endpoint: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        url = self.metadata.get(endpoint)
        if not isinstance(url, str):
            raise StoppedError(FINDING, f"{self.issuer} has no {endpoint}")
        fields, headers = {**form, "client_id": self.client_id}, {}
        if self._secret:  # RFC 6749 §2.3.1
            words = f"{quote(self.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers = urllib3.make_headers(basic_auth=words)
        status, answer = self._send("POST", url, fields, headers)
        if status == 200:
            return answer
        if status < 500 and status != 429 and isinstance(answer.get("error"), str):
            raise RefusedError(answer["error"], str(answer.get("error_description", "")))
        raise StoppedError(UNREACHABLE, f"{url} answers {status}: try again in a moment")

    def _send(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON object of an answer; an empty one where it isn't one."""
        body = None if form is None else urlencode(form)
        headers = {"Accept": "application/json", **(headers or {})}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        for tries_left in reversed(range(_ATTEMPTS)):
            try:
                response = self._http.request(method, url, body=body, headers=headers, redirect=False)
            except urllib3.exceptions.HTTPError as error:
                if tries_left:
                    continue
                raise StoppedError(UNREACHABLE, f"{url} can't be reached: {type(error).__name__}") from None
            try:
                document = json.loads(response.data or b"{}")
            except ValueError:
                document = {}
            return response.status, document if isinstance(document, dict) else {}
        raise AssertionError("the last try returns or raises")


def _tokens(answer: Mapping[str, Any], refresh_token: str = "") -> Tokens:
    id_token, successor = answer.get("id_token"), answer.get("refresh_token", refresh_token)
    if not isinstance(id_token, str) or not isinstance(successor, str):
        raise StoppedError(FINDING, "the provider gave out no ID token: is `openid` among the scopes?")
    return Tokens(id_token, successor)
