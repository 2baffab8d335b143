"""Logging in with the authorization code grant where no ID token comes: an API of the provider says who it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from sundial.connectors.base import Arrival, Attempt, Departure, Identity, InterruptedRefreshError
from sundial.connectors.http import Answer, Conversation, Http, unbelievable
from sundial.connectors.oauth2 import OAuth2Client, Tokens, received_code
from sundial.errors import OAuthError
from sundial.expiry.family import Claims

MOST_PAGES = 50
"""Of one list. A provider whose pages never end, or lead round in a circle, is not to be believed."""


class Api(Protocol):
    """What is particular to a provider."""

    @property
    def authorization_endpoint(self) -> str:
        """Where browsers are sent."""

    @property
    def token_endpoint(self) -> str:
        """Where a code becomes a token."""

    def scopes(self, asked: frozenset[str]) -> list[str]:
        """Return the provider's scopes for those that the client asked for."""

    def parameters(self, attempt: Attempt) -> dict[str, str]:
        """Return what else the authorization request says; what is empty is left out."""

    def user(self, talk: Conversation, access_token: str, scopes: frozenset[str]) -> Claims:
        """Return whose token it is; raises `access_denied` where they may not log in."""


class ApiLogin:
    """A RedirectLogin."""

    def __init__(self, id: str, name: str, client: OAuth2Client, http: Http, api: Api) -> None:
        self.id = id
        self.name = name
        self._client = client
        self._http = http
        self._api = api

    def begin(self, attempt: Attempt, state: str, _now: int) -> Departure:
        """Return the provider's authorization endpoint (see RedirectLogin)."""
        url = self._client.authorization_url(
            self._api.authorization_endpoint,
            attempt,
            state,
            self._api.scopes(attempt.scopes),
            challenge="S256",
            **self._api.parameters(attempt),
        )
        return Departure(url)

    def finish(self, attempt: Attempt, arrival: Arrival) -> Identity:
        """Return who logged in (see RedirectLogin)."""
        talk = self._http.conversation()
        code = received_code(arrival, self.name, on_own_path=self._client.has_own_path(attempt))
        tokens = self._client.redeem(talk, self._api.token_endpoint, attempt, code, challenge="S256")
        claims = self._api.user(talk, tokens.access_token, attempt.scopes)
        return Identity(claims, _kept(tokens) if "offline_access" in attempt.scopes else "")


class RefreshingApiLogin(ApiLogin):
    """A RedirectLogin that is an UpstreamRefresh too."""

    def refresh_upstream(self, identity: Identity, scopes: frozenset[str], _now: int) -> Identity | None:
        """Return the user as they stand now (see UpstreamRefresh).

        Where the provider gave a refresh token, that is used; else the access token, which is good until
        somebody takes it away.
        """
        talk = self._http.conversation()
        kept = json.loads(identity.upstream)
        tokens: Tokens | None = Tokens(kept["access_token"])
        if kept["refresh_token"]:
            tokens = self._client.renew(talk, self._api.token_endpoint, kept["refresh_token"])
        if tokens is None:
            return None
        upstream = _kept(tokens)
        try:
            return Identity(self._api.user(talk, tokens.access_token, scopes), upstream)
        except UnauthorizedError:
            return None
        except OAuthError as error:
            if error.code == "access_denied":
                return None
            raise InterruptedRefreshError(upstream, error) from None


class UnauthorizedError(OAuthError):
    """The API takes the token no more."""


def authorized(answer: Answer) -> Answer:
    """Return an answer that is not a refusal of the token (RFC 6750 §3.1); raises what else its status means."""
    if answer.status == 401:
        refused = answer.failed("the access token is refused")
        raise UnauthorizedError(refused.code, refused.description, refused.status, refused.detail, upstream=True)
    return answer.ok()


def listed(answer: Answer) -> list[dict[str, Any]]:
    """Return the JSON objects of a list; raises `upstream_failed` for anything else."""
    items = answer.json()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise answer.failed("not a list of objects")
    return items


class Pages:
    """The addresses of a list's pages, one after the other, as long as the provider names another one."""

    def __init__(self, provider: str, first: str) -> None:
        self._provider = provider
        self._first = first
        self._next: str | None = first

    def __iter__(self) -> Iterator[str]:
        """Yield each address; raises `upstream_failed` where there is no end to them."""
        seen: set[str] = set()
        while self._next is not None:
            url, self._next = self._next, None
            if url in seen or len(seen) >= MOST_PAGES:
                raise unbelievable(self._provider, f"GET {urlsplit(url).path}: pages without an end")
            seen.add(url)
            yield url

    def follow(self, url: str | None) -> None:
        """Go on with `url`, which is the provider's own: the token goes nowhere else."""
        if not url:
            return
        absolute = urljoin(self._first, url)
        if urlsplit(absolute)[:2] != urlsplit(self._first)[:2]:
            raise unbelievable(self._provider, "the next page is somebody else's")
        self._next = absolute


def text(document: dict[str, Any], key: str) -> str:
    """Return the text at `key`, empty where there is none."""
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _kept(tokens: Tokens) -> str:
    return json.dumps({"access_token": tokens.access_token, "refresh_token": tokens.refresh_token})
