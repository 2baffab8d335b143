"""HTTP as API Gateway hands it over: payload format 2.0 in, payload format 2.0 out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from json import JSONEncoder
from typing import Any
from urllib.parse import parse_qsl

from sundial.errors import OAuthError, invalid_request

LARGEST_BODY = 64 * 1024
"""Bytes. No form of ours comes near it; what does is refused before it is parsed."""

_json = JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `now` is epoch seconds: the edge reads the clock once and nobody reads it again."""

    method: str
    route: str
    """The template's route, such as `GET /auth/{connector}`."""
    now: int
    request_id: str = ""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    raw_query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; repeated headers joined by commas."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    source_ip: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any], now: int) -> Request:
        """Return the request that an HTTP API event (payload format 2.0) describes.

        Raises an `invalid_request` for a body that says it is base64 and isn't, or is too large.
        """
        context = event["requestContext"]
        return cls(
            method=context["http"]["method"],
            route=event["routeKey"],
            now=now,
            request_id=context.get("requestId", ""),
            path_parameters=event.get("pathParameters") or {},
            raw_query=event.get("rawQueryString", ""),
            headers=event.get("headers") or {},
            cookies=_cookies(event.get("cookies") or ()),
            body=_body(event),
            source_ip=context["http"].get("sourceIp", ""),
        )

    def query(self, *, repeatable: frozenset[str] = frozenset()) -> dict[str, str]:
        """Return the query parameters; empty ones count as absent (RFC 6749 §3.1).

        Raises an `invalid_request` for a repeated one, unless it is `repeatable`, whose values are
        joined by spaces.
        """
        return parse_parameters(self.raw_query, repeatable=repeatable)

    def form(self, *, repeatable: frozenset[str] = frozenset()) -> dict[str, str]:
        """Return the form parameters of an `application/x-www-form-urlencoded` body, as `query` does."""
        return parse_parameters(self.form_text(), repeatable=repeatable)

    def form_text(self) -> str:
        """Return the body of a form as it stands; raises an `invalid_request` for any other body."""
        content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            raise invalid_request("send the parameters as application/x-www-form-urlencoded (RFC 6749 §3.2)")
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            raise invalid_request("the body is not UTF-8") from None


@dataclass(frozen=True, slots=True)
class Response:
    """One response; `cookies` are whole `Set-Cookie` values."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    failed_at: str = ""
    """The connector whose provider failed, where that is what an answer with 5xx says."""

    def to_event(self, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the response as API Gateway wants it (payload format 2.0); `headers` take the place of its own."""
        shown = dict(self.headers if headers is None else headers)
        event: dict[str, Any] = {"statusCode": self.status, "headers": shown, "body": self.body}
        if self.cookies:
            event["cookies"] = list(self.cookies)
        return event


def json_response(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `document` as JSON. Not to be stored unless `headers` say otherwise (RFC 6749 §5.1)."""
    base = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
    return Response(status, _json(document), base | dict(headers or {}))


def error_response(error: OAuthError) -> Response:
    """Return `error` as RFC 6749 §5.2 has it; its detail stays here."""
    return json_response({"error": error.code, "error_description": error.told}, error.status, headers=error.headers)


def parse_parameters(text: str, *, repeatable: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return URL-encoded parameters, empty ones left out; raises an `invalid_request` for a repeated one."""
    parameters, repeated = read_parameters(text)
    refused = sorted(repeated - repeatable)
    if refused:
        raise invalid_request("a parameter is included more than once (RFC 6749 §3.1)", detail=refused[0][:64])
    return parameters


def read_parameters(text: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return URL-encoded parameters, and the names of those that stand more than once.

    Empty ones are left out, but count; the values of a repeated one are joined by spaces.
    """
    parameters: dict[str, str] = {}
    seen: set[str] = set()
    repeated: set[str] = set()
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise invalid_request("the parameters are not valid URL-encoded UTF-8, or are more than 100") from None
    for name, value in pairs:
        (repeated if name in seen else seen).add(name)
        if value:
            parameters[name] = f"{parameters[name]} {value}" if name in parameters else value
    return parameters, frozenset(repeated)


def _cookies(pairs: list[str] | tuple[str, ...]) -> dict[str, str]:
    split = (pair.partition("=") for pair in pairs)
    return {name.strip(): value.strip() for name, _, value in split}


def _body(event: Mapping[str, Any]) -> bytes:
    body: str = event.get("body") or ""
    if len(body) > LARGEST_BODY * 4 // 3 + 4:
        raise OAuthError("invalid_request", f"the body is larger than {LARGEST_BODY} bytes", status=413)
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogateescape")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise invalid_request("the body is not valid base64") from None
