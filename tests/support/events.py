"""HTTP API events, made the way API Gateway makes them, and the recorded ones of `events/`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

EVENTS = Path(__file__).resolve().parents[2] / "events"
HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
FORM = "application/x-www-form-urlencoded"

Parameters = Mapping[str, str] | Sequence[tuple[str, str]]


def recorded_events() -> Iterator[tuple[str, Path]]:
    """Yield each file of `events/` with the name of the function that it is for: `events/<function>/<event>.json`."""
    for path in sorted(EVENTS.glob("*/*.json")):
        yield path.parent.name, path


def http_event(
    route: str,
    *,
    path: str | None = None,
    query: Parameters | str | None = None,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | Sequence[str] = (),
    form: Parameters | None = None,
    body: str | bytes | None = None,
    request_id: str = "GyVXajLIFiAEMnQ=",
    source_ip: str = "203.0.113.7",
) -> dict[str, Any]:
    """Return the payload-2.0 event of a request on the template's `route`, such as `POST /token`.

    `path` is the path that the client asked for, with the issuer's path where it has one; needed where
    the route has parameters, and they are taken from its end. `query` and `form` may be pairs, so that
    a parameter can stand twice; `query` may also be raw text. `cookies` are pairs or whole `name=value`
    strings. A form is base64, as API Gateway sends one; a text `body` is sent as it is, a bytes `body`
    as base64.
    """
    method, _, route_path = route.partition(" ")
    actual_path = route_path if path is None else path
    raw_query = query if isinstance(query, str) else urlencode(query or (), quote_via=quote)
    content, is_base64 = _body(form, body)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": actual_path,
        "rawQueryString": raw_query,
        "headers": _headers(form, content, headers or {}),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": HOST.partition(".")[0],
            "domainName": HOST,
            "domainPrefix": HOST.partition(".")[0],
            "http": {
                "method": method,
                "path": actual_path,
                "protocol": "HTTP/1.1",
                "sourceIp": source_ip,
                "userAgent": "python-requests/2.34.2",
            },
            "requestId": request_id,
            "routeKey": route,
            "stage": "$default",
            "time": "24/Aug/2026:09:30:00 +0000",
            "timeEpoch": 1787563800000,
        },
        "isBase64Encoded": is_base64,
    }
    if cookies:
        event["cookies"] = (
            [f"{name}={value}" for name, value in cookies.items()] if isinstance(cookies, Mapping) else list(cookies)
        )
    if raw_query:
        event["queryStringParameters"] = _joined(query)
    if parameters := _path_parameters(route_path, actual_path):
        event["pathParameters"] = parameters
    if content is not None:
        event["body"] = base64.b64encode(content).decode("ascii") if is_base64 else content.decode("utf-8")
    return event


def load(path: Path) -> dict[str, Any]:
    """Return one recorded event."""
    event: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return event


def _body(form: Parameters | None, body: str | bytes | None) -> tuple[bytes | None, bool]:
    if form is not None:
        return urlencode(form).encode("ascii"), True
    if isinstance(body, bytes):
        return body, True
    return (None if body is None else body.encode("utf-8")), False


def _headers(form: Parameters | None, content: bytes | None, headers: Mapping[str, str]) -> dict[str, str]:
    usual = {
        "accept": "*/*",
        "content-length": str(len(content or b"")),
        "host": HOST,
        "user-agent": "python-requests/2.34.2",
        "x-amzn-trace-id": "Root=1-6a8abe18-000000000000000000000001",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    if form is not None:
        usual["content-type"] = FORM
    return usual | {name.lower(): value for name, value in headers.items()}


def _joined(query: Parameters | str | None) -> dict[str, str]:
    """Return what API Gateway makes of the query: decoded, and repeated parameters joined by commas."""
    if isinstance(query, str):
        pairs = parse_qsl(query, keep_blank_values=True)
    else:
        pairs = list(query.items()) if isinstance(query, Mapping) else list(query or ())
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _path_parameters(route_path: str, path: str) -> dict[str, str]:
    wanted = route_path.strip("/").split("/")
    given = path.strip("/").split("/")[-len(wanted) :]
    return {part.strip("{}"): value for part, value in zip(wanted, given, strict=False) if part.startswith("{")}
