"""Sundial as a client of an OAuth 2.0 provider: the authorization code grant and refreshing (RFC 6749 §4.1, §6)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from sundial.connectors.base import Arrival, Attempt, DeclinedError
from sundial.connectors.http import Answer, Conversation, unbelievable, unreachable
from sundial.connectors.settings import Registration
from sundial.errors import invalid_request

_DECLINED = frozenset(
    ("access_denied", "account_selection_required", "consent_required", "interaction_required", "login_required")
)
_MAY_PASS = frozenset(("server_error", "temporarily_unavailable"))
_USED_UP = frozenset(("bad_refresh_token", "bad_verification_code", "invalid_grant"))  # the first two are GitHub's
_CODE_IS_USED_UP = (
    "This login has been finished before, or took too long. "
    "Go back to the application; if it asks you to, log in again."
)
_CAME_ELSEWHERE = "This login came back by another provider's address. Go back to the application and log in again."
_ERROR_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_ACCESS_TOKEN = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A.12


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave; what it left out is empty."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    expires_in: int | None = None
    """Seconds; None where the provider doesn't say."""


@dataclass(frozen=True, slots=True)
class OAuth2Client:
    """One registration at one provider. `in_body`: the secret goes into the form, no header (RFC 6749 §2.3.1)."""

    provider: str
    registration: Registration
    in_body: bool = False

    def has_own_path(self, attempt: Attempt) -> bool:
        """Return whether the provider sends browsers to the connector's own path, /callback/{id}, and not /callback."""
        return self.registration.redirect_uri not in ("", attempt.callback_url)

    def authorization_url(
        self, endpoint: str, attempt: Attempt, state: str, scopes: Iterable[str], *, challenge: str = "", **more: str
    ) -> str:
        """Return where to send the browser (RFC 6749 §4.1.1).

        `challenge` is a PKCE method, none where it is empty; a parameter of `more` that is empty is left out.
        """
        parameters = {
            "response_type": "code",
            "client_id": self.registration.client_id,
            "redirect_uri": self.registration.redirect_uri or attempt.callback_url,
            "scope": " ".join(scopes),
            "state": state,
            **more,
        }
        if challenge:
            parameters["code_challenge"] = _challenge(challenge, verifier(attempt))
            parameters["code_challenge_method"] = challenge
        separator = "&" if urlsplit(endpoint).query else "?"
        stated = {name: value for name, value in parameters.items() if value}
        return f"{endpoint}{separator}{urlencode(stated, quote_via=quote)}"

    def redeem(self, talk: Conversation, endpoint: str, attempt: Attempt, code: str, *, challenge: str = "") -> Tokens:
        """Return the tokens for a code (RFC 6749 §4.1.3); raises an `invalid_request` where the code is used up."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.registration.redirect_uri or attempt.callback_url,
        }
        if challenge:
            form["code_verifier"] = verifier(attempt)
        tokens = self._ask(talk, endpoint, form)
        if tokens is None:
            raise invalid_request(_CODE_IS_USED_UP, detail=f"{self.provider}: the code is good for nothing")
        return tokens

    def renew(self, talk: Conversation, endpoint: str, refresh_token: str) -> Tokens | None:
        """Return the tokens for a refresh token (RFC 6749 §6), None where the provider no longer takes it.

        Where the provider keeps the refresh token, it is that of the answer too.
        """
        tokens = self._ask(talk, endpoint, {"grant_type": "refresh_token", "refresh_token": refresh_token})
        if tokens is None or tokens.refresh_token:
            return tokens
        return Tokens(tokens.access_token, refresh_token, tokens.id_token, tokens.expires_in)

    def _ask(self, talk: Conversation, endpoint: str, form: dict[str, str]) -> Tokens | None:
        """Return what the token endpoint gives, None where it says `invalid_grant`."""
        client, headers = self.registration, {}
        if self.in_body or not client.client_secret:
            form = {**form, "client_id": client.client_id}
            if client.client_secret:
                form["client_secret"] = client.client_secret
        else:
            pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"
        answer = talk.post_form(endpoint, form, headers=headers)
        if answer.status == 429 or answer.status >= 500:
            answer.ok()
        document = answer.document()
        if "error" in document:  # GitHub answers it with a 200
            code = error_code(document["error"])
            if code in _USED_UP:
                return None
            if code in _MAY_PASS:
                raise unreachable(self.provider, f"{answer.what}: {code}")
            raise answer.failed(code)
        return _tokens(answer.ok(), document)


def received_code(
    arrival: Arrival, provider: str, issuer: str = "", *, iss_required: bool = False, on_own_path: bool = False
) -> str:
    """Return the code that the provider sent (RFC 6749 §4.1.2), once it is sure that it was this provider.

    `issuer` is what `iss` must say where it is there (RFC 9207 §2.4), which it is to be where `iss_required`.
    A provider that was told to answer on the connector's own path answers nowhere else (`on_own_path`; RFC 9700
    §4.4.2.2): what comes elsewhere is the code of another one, which this one would be handed.
    Raises DeclinedError, or what else the provider's error means.
    """
    parameters = arrival.parameters
    if on_own_path and not arrival.own_path:
        raise invalid_request(_CAME_ELSEWHERE, detail=f"{provider}: not on the connector's own path")
    iss = parameters.get("iss")
    if issuer and iss != issuer and (iss is not None or iss_required):
        raise unbelievable(provider, "the answer is another issuer's, or doesn't say whose (RFC 9207)")
    if "error" in parameters:
        code = error_code(parameters["error"])
        if code in _DECLINED:
            raise DeclinedError(code)
        if code in _MAY_PASS:
            raise unreachable(provider, f"the authorization endpoint answered {code}")
        raise unbelievable(provider, f"the authorization endpoint answered {code}")
    if "code" not in parameters:
        raise unbelievable(provider, "neither a code nor an error came back")
    return parameters["code"]


def verifier(attempt: Attempt) -> str:
    """Return the PKCE verifier of an attempt (RFC 7636 §4.1)."""
    return attempt.derived("PKCE code verifier")


def error_code(value: object) -> str:
    """Return an OAuth error code as it may be logged: what is no code says nothing."""
    return value if isinstance(value, str) and _ERROR_CODE.fullmatch(value) else "(malformed)"


def _challenge(method: str, verifier: str) -> str:
    if method == "plain":
        return verifier
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _tokens(answer: Answer, document: dict[str, Any]) -> Tokens:
    texts = {name: document.get(name) or "" for name in ("access_token", "refresh_token", "id_token")}
    if not all(isinstance(text, str) for text in texts.values()) or not _ACCESS_TOKEN.fullmatch(texts["access_token"]):
        raise answer.failed("no access token in it")
    expires_in = document.get("expires_in")
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit():
        expires_in = int(expires_in)
    return Tokens(**texts, expires_in=expires_in if type(expires_in) is int else None)
