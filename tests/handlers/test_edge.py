"""The edge: what every answer has in common, whatever the endpoint does."""

from __future__ import annotations

import json

import pytest

from sundial.errors import temporarily_unavailable
from sundial.web.edge import Edge
from sundial.web.http import Request, Response
from tests.support.config import APP, make_config
from tests.support.events import http_event
from tests.support.logs import logged

CROSS_ORIGIN = APP + "web: {allowedOrigins: ['https://app.example.com'], allowedHeaders: [X-Trace]}\n"


def fails(_: Request) -> Response:
    raise KeyError("a secret that the exception quotes")


def is_unavailable(_: Request) -> Response:
    raise temporarily_unavailable("the token store can't be reached", retry_after=7, detail="UpdateItem: Throttling")


def edge(yaml_text: str = APP) -> Edge:
    routes = {
        "GET /ok": lambda request: Response(200, str(request.now)),
        "GET /fails": fails,
        "GET /unavailable": is_unavailable,
    }
    return Edge("test", routes, make_config(yaml_text), clock=lambda: 12.9, cross_origin=frozenset(("/ok",)))


def test_the_clock_is_read_once_and_in_whole_seconds() -> None:
    assert edge()(http_event("GET /ok"))["body"] == "12"


def test_what_nobody_foresaw_is_a_500_that_names_the_correlation_id_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = edge()(http_event("GET /fails", request_id="the-id"))
    assert response["statusCode"] == 500
    assert "the-id" in json.loads(response["body"])["error_description"]
    log = logged(caplog)
    assert "KeyError" in log
    assert "test_edge.py" in log
    assert "the exception quotes" not in log + response["body"]


def test_a_dependency_that_is_down_is_a_503_with_retry_after(caplog: pytest.LogCaptureFixture) -> None:
    response = edge()(http_event("GET /unavailable"))
    assert (response["statusCode"], response["headers"]["Retry-After"]) == (503, "7")
    assert "Throttling" not in response["body"]
    assert "Throttling" in logged(caplog)


def test_every_answer_has_the_security_headers() -> None:
    headers = edge()(http_event("GET /ok"))["headers"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"].startswith("max-age=")
    assert headers["Referrer-Policy"] == "no-referrer"


def test_an_allowed_origin_is_answered_and_another_is_not() -> None:
    allowed = edge(CROSS_ORIGIN)(http_event("GET /ok", headers={"Origin": "https://app.example.com"}))["headers"]
    assert allowed["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert allowed["Vary"] == "Origin"
    other = edge(CROSS_ORIGIN)(http_event("GET /ok", headers={"Origin": "https://evil.example.com"}))["headers"]
    assert "Access-Control-Allow-Origin" not in other
    elsewhere = edge(CROSS_ORIGIN)(http_event("GET /unavailable", headers={"Origin": "https://app.example.com"}))
    assert "Access-Control-Allow-Origin" not in elsewhere["headers"]


def test_a_preflight_request_is_answered_without_the_endpoint() -> None:
    response = edge(CROSS_ORIGIN)(http_event("OPTIONS /ok", headers={"Origin": "https://app.example.com"}))
    assert response["statusCode"] == 204
    assert "X-Trace" in response["headers"]["Access-Control-Allow-Headers"]


def test_an_unknown_route_is_a_404() -> None:
    assert edge()(http_event("GET /nowhere"))["statusCode"] == 404
