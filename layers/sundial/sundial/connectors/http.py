"""HTTP to identity providers: TLS verified, no redirect followed, nothing sent twice, and all within a time.

API Gateway hangs up after 30 seconds, and what a provider does may take a few requests: a Conversation
gives them one deadline together. What a provider sends is bounded too.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from sundial.connectors.tls import PUBLIC, Trust, tls_context
from sundial.errors import OAuthError, temporarily_unavailable, upstream_failed

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

SECONDS = 12
"""For one conversation, which leaves a function time to write what came of it (`grants.upstream`)."""
_CONNECT_SECONDS = 3
_READ_SECONDS = 8
_LARGEST_BODY = 1024 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered. `what` names the request for the log: no query, nothing secret."""

    provider: str
    what: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body's JSON; raises `upstream_failed` where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise self.failed("not JSON") from None

    def document(self) -> dict[str, Any]:
        """Return the body's JSON object; raises `upstream_failed` where it is none."""
        document = self.json()
        if not isinstance(document, dict):
            raise self.failed("not a JSON object")
        return document

    def ok(self) -> Answer:
        """Return this answer where its status is 200 or alike; raises what another status means.

        429 and 5xx may pass (503); the rest is nothing that waiting mends (502).
        """
        if 200 <= self.status < 300:
            return self
        if self.status == 429 or self.status >= 500:
            raise unreachable(self.provider, f"{self.what}: status {self.status}")
        raise self.failed(f"status {self.status}")

    def failed(self, why: str) -> OAuthError:
        """Return the error that this answer is."""
        return unbelievable(self.provider, f"{self.what}: {why}")


class Http:
    """One provider's HTTP: connections are kept between requests."""

    def __init__(self, provider: str, trust: Trust = PUBLIC, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`provider` is its name, as people know it; `clock` counts seconds for the deadlines."""
        self.provider = provider
        self._trust = trust
        self._clock = clock

    def conversation(self) -> Conversation:
        """Return a conversation that has SECONDS from now."""
        return Conversation(self.provider, self._pool, self._clock() + SECONDS, self._clock)

    @cached_property
    def _pool(self) -> PoolManager:
        from urllib3 import PoolManager, disable_warnings
        from urllib3.exceptions import InsecureRequestWarning

        if not self._trust.verify:
            disable_warnings(InsecureRequestWarning)  # reading the file gave one
        context = tls_context(self._trust)
        return PoolManager(num_pools=4, maxsize=4, retries=False, ssl_context=context)


class Conversation:
    """The requests of one login, or of one refresh. Raises `temporarily_unavailable` (503) where its time is over."""

    def __init__(self, provider: str, pool: PoolManager, deadline: float, clock: Callable[[], float]) -> None:
        self.provider = provider
        self._pool = pool
        self._deadline = deadline
        self._clock = clock

    def get(self, url: str, *, token: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        """GET `url`, as the bearer of `token` where there is one (RFC 6750 §2.1)."""
        return self._request("GET", url, _with_token(token, headers), None)

    def post_form(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST `form` as `application/x-www-form-urlencoded`."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._request("POST", url, {**kind, **(headers or {})}, urlencode(form).encode("ascii"))

    def post_json(self, url: str, document: object, *, token: str = "") -> Answer:
        """POST `document` as JSON."""
        kind = {"Content-Type": "application/json"}
        return self._request("POST", url, _with_token(token, kind), json.dumps(document).encode("utf-8"))

    def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        def ask() -> Answer:
            return self._exchange(method, url, headers, body)

        if not os.environ.get("SUNDIAL_TRACING"):
            return ask()
        from sundial.tracing import trace_request

        return trace_request(method, urlsplit(url).hostname or self.provider, ask)

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        from urllib3.exceptions import HTTPError
        from urllib3.util import Timeout

        parts = urlsplit(url)
        what = f"{method} {parts.hostname}{parts.path}"
        usual = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Sundial"}
        try:
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers={**usual, **headers},
                timeout=Timeout(total=self._left(what), connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                content = self._read(answer, what)
            finally:
                answer.close()
        except HTTPError as error:
            raise unreachable(self.provider, f"{what}: {type(error.__cause__ or error).__name__}") from None
        return Answer(
            self.provider, what, answer.status, {name.lower(): value for name, value in answer.headers.items()}, content
        )

    def _read(self, answer: BaseHTTPResponse, what: str) -> bytes:
        content = b""
        while chunk := answer.read1(_CHUNK):
            content += chunk
            if len(content) > _LARGEST_BODY:
                raise unbelievable(self.provider, f"{what}: more than {_LARGEST_BODY} bytes")
            self._left(what)
        return content

    def _left(self, what: str) -> float:
        left = self._deadline - self._clock()
        if left <= 0:
            raise unreachable(self.provider, f"{what}: out of time")
        return left


def unreachable(provider: str, detail: str) -> OAuthError:
    """Return the 503 for a provider that doesn't answer, or not now."""
    return temporarily_unavailable(
        f"{provider} can't be reached at the moment; try again in a little while",
        retry_after=5,
        detail=detail,
        upstream=True,
    )


def unbelievable(provider: str, detail: str) -> OAuthError:
    """Return the 502 for a provider that answered what can't be used."""
    return upstream_failed(f"{provider} gave an answer that can't be used; tell the people who run this", detail=detail)


def _with_token(token: str, headers: Mapping[str, str] | None) -> dict[str, str]:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return {**(headers or {}), **bearer}
