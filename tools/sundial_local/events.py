"""Payload format 2.0, both ways: an HTTP request to an event as API Gateway makes it, and a result to a response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from sundial_local.ministack import REGION

ACCOUNT = "000000000000"
_TEXT = frozenset({"application/json", "application/javascript", "application/xml"})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request as it came over the wire, its path decoded."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One HTTP response. A header may stand in it twice (`Set-Cookie` does)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def request_event(
    request: HttpRequest, route_key: str, path_parameters: Mapping[str, str], *, request_id: str, now: float
) -> dict[str, Any]:
    """Return the event of `request` on the route `route_key`. `now` is in epoch seconds."""
    headers = _joined((name.lower(), value) for name, value in request.headers)
    cookies = headers.pop("cookie", "")
    host = headers.get("host", "localhost")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";") if cookie.strip()]
    if request.query:
        event["queryStringParameters"] = _joined(parse_qsl(request.query, keep_blank_values=True))
    if path_parameters:
        event["pathParameters"] = dict(path_parameters)
    if request.body:
        event |= _body(request.body, headers.get("content-type", ""))
    return event


def scheduled_event(schedule: str, *, event_id: str, now: float) -> dict[str, Any]:
    """Return what EventBridge Scheduler sends where the template gives the target no input of its own."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{schedule}"],
        "detail": "{}",
    }


def response_of(result: object) -> HttpResponse:
    """Return the HTTP response that a function's result stands for.

    A result without `statusCode` is the body of a 200, as API Gateway infers it. Raises ValueError for
    a result that API Gateway would answer with a 500.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        inferred = result if isinstance(result, str) else json.dumps(result)
        return HttpResponse(200, (("content-type", "application/json"),), inferred.encode("utf-8"))
    headers = [(str(name), _text(value)) for name, value in (result.get("headers") or {}).items()]
    headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or ()]
    if any(character in text for header in headers for text in header for character in "\r\n"):
        raise ValueError("a header of the function's response holds a line break")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=utf-8"))
    text = str(result.get("body") or "")
    body = base64.b64decode(text, validate=True) if result.get("isBase64Encoded") else text.encode("utf-8")
    return HttpResponse(int(result["statusCode"]), tuple(headers), body)


def message(status: int, text: str) -> HttpResponse:
    """Return an answer of API Gateway's own."""
    return HttpResponse(status, (("content-type", "application/json"),), json.dumps({"message": text}).encode("utf-8"))


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        # Cookies are one list, whether a client sends them in one header or in several (RFC 9113 §8.2.3).
        separator = "; " if name == "cookie" else ","
        joined[name] = f"{joined[name]}{separator}{value}" if name in joined else value
    return joined


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    """API Gateway hands over as text what says it is text, and everything else, forms too, as base64."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT or media_type.endswith(("+json", "+xml")):
        try:
            return {"body": body.decode("utf-8"), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode("ascii"), "isBase64Encoded": True}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
