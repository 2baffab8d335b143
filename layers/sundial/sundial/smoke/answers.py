"""Whether an answer to a recorded event is that of a function that works, whatever the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALWAYS = {
    "GET /.well-known/openid-configuration": 200,
    "GET /.well-known/oauth-authorization-server": 200,
    "GET /healthz": 200,
    "GET /keys": 200,
    "GET /userinfo": 401,
    "POST /userinfo": 401,
}
"""What is answered whatever the configuration says. Any other route may refuse a recorded event, but in person."""


def problem(event: Mapping[str, Any], answer: object) -> str | None:
    """Return what is wrong with the answer to an HTTP API event, payload 2.0; None if nothing is."""
    route = str(event["routeKey"])
    if not isinstance(answer, Mapping) or not isinstance(answer.get("statusCode"), int):
        return f"{route} was answered with something else than a response"
    status = answer["statusCode"]
    if route in ALWAYS and status != ALWAYS[route]:
        return f"{route} was answered with {status}, not {ALWAYS[route]}"
    if route.startswith("OPTIONS ") and status != 204:
        return f"{route} was answered with {status}, not 204"
    if not 200 <= status < 500:
        return f"{route} was answered with {status}"
    return None
