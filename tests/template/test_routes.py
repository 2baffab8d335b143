"""The routes, and the events that are recorded for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sundial_local.template import Template
from tests.support.events import http_event, load, recorded_events

ROUTES = {
    "jwks": {
        "GET /.well-known/openid-configuration",
        "OPTIONS /.well-known/openid-configuration",
        "GET /.well-known/oauth-authorization-server",
        "OPTIONS /.well-known/oauth-authorization-server",
        "GET /keys",
        "OPTIONS /keys",
        "GET /healthz",
    },
    "authorize": {
        "GET /auth",
        "POST /auth",
        "GET /auth/{connector}",
        "GET /auth/{connector}/login",
        "POST /auth/{connector}/login",
        "GET /approval",
        "POST /approval",
        "GET /callback",
        "POST /callback",
        "GET /callback/{connector}",
        "POST /callback/{connector}",
        "GET /logout",
        "POST /logout",
    },
    "token": {
        "POST /token",
        "OPTIONS /token",
        "POST /token/introspect",
        "OPTIONS /token/introspect",
        "POST /token/revoke",
        "OPTIONS /token/revoke",
    },
    "userinfo": {"GET /userinfo", "POST /userinfo", "OPTIONS /userinfo"},
    "device": {"POST /device/code", "GET /device", "POST /device/auth/verify_code"},
    "rotate_keys": set(),
}

RECORDED = [(function, path, load(path)) for function, path in recorded_events()]
HTTP = [pytest.param(function, event, id=path.stem) for function, path, event in RECORDED if "routeKey" in event]


def test_each_function_serves_its_routes_and_no_other() -> None:
    served = {function.folder.name: {route.key for route in function.routes} for function in Template.load().functions}
    assert served == ROUTES


def test_every_route_has_a_recorded_event_in_the_folder_of_its_function() -> None:
    recorded: dict[str, set[str]] = {function: set() for function in ROUTES}
    for function, _, event in RECORDED:
        recorded[function] |= {event["routeKey"]} if "routeKey" in event else set()
    assert recorded == ROUTES


def test_the_schedule_has_a_recorded_event() -> None:
    [(function, event)] = [(function, event) for function, _, event in RECORDED if "routeKey" not in event]
    assert function == "rotate_keys"
    assert event["source"] == "aws.scheduler"


@pytest.mark.parametrize(("function", "event"), HTTP)
def test_a_recorded_event_is_whole_and_agrees_with_itself(function: str, event: dict[str, Any]) -> None:
    context = event["requestContext"]
    method, _, path = event["routeKey"].partition(" ")
    assert event["version"] == "2.0"
    assert context["routeKey"] == event["routeKey"]
    assert context["http"]["method"] == method
    assert context["http"]["path"] == event["rawPath"] == path.format(**event.get("pathParameters", {}))


@pytest.mark.parametrize(("function", "event"), HTTP)
def test_the_tests_own_events_have_the_shape_of_the_recorded_ones(function: str, event: dict[str, Any]) -> None:
    made = http_event(
        event["routeKey"],
        path=event["rawPath"],
        query=event["rawQueryString"],
        headers=event["headers"],
        body=body(event),
        cookies=event.get("cookies", ()),
        request_id=event["requestContext"]["requestId"],
    )
    made["requestContext"]["http"]["userAgent"] = event["headers"]["user-agent"]
    assert made == event


def body(event: dict[str, Any]) -> bytes | None:
    from base64 import b64decode

    assert event["isBase64Encoded"] == ("body" in event), "API Gateway sends forms as base64"
    return b64decode(event["body"]) if "body" in event else None


def test_no_recorded_event_holds_anything_that_could_be_used() -> None:
    # A JWT, a bcrypt hash, a private key, an AWS access key, Dex's own example secret.
    usable = re.compile(r"eyJ[\w-]{10}|\$2[aby]\$|PRIVATE KEY|\bAKIA|ZXhhbXBsZS1hcHAtc2VjcmV0|client_secret")
    for _, path, event in RECORDED:
        text = path.read_text("utf-8") + (body(event) or b"").decode() if "routeKey" in event else path.read_text()
        assert not usable.search(text), path


def test_the_path_of_an_issuer_stands_before_the_routes_without_changing_them() -> None:
    event = http_event("GET /auth/{connector}/login", path="/dex/auth/local/login")
    assert event["rawPath"] == "/dex/auth/local/login"
    assert event["pathParameters"] == {"connector": "local"}


def test_the_functions_are_adapters_and_nothing_else() -> None:
    for function in Template.load().functions:
        assert [file.name for file in Path(function.folder).iterdir() if file.name != "__pycache__"] == ["app.py"]
        assert len((function.folder / "app.py").read_text("utf-8").splitlines()) <= 20
