"""Payload format 2.0, both ways, against the reader and writer that the functions use."""

from __future__ import annotations

import base64
import json
import string
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.web.http import Request, Response
from sundial_local.events import HttpRequest, HttpResponse, request_event, response_of, scheduled_event

_NAME = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12)
_VALUE = st.text(string.ascii_letters + string.digits + " ./:=_-", max_size=20).map(str.strip)
_COOKIES = st.dictionaries(_NAME, st.text(string.ascii_letters + string.digits + "._-=", max_size=20), max_size=5)


def _read(request: HttpRequest) -> Request:
    event = json.loads(json.dumps(request_event(request, "POST /a", {}, request_id="r", now=1.5)))
    return Request.from_event(event, 1)


@given(
    st.lists(st.tuples(_NAME.filter(lambda name: name.lower() != "cookie"), _VALUE), max_size=6), _COOKIES, st.binary()
)
def test_what_a_client_sends_is_what_a_function_reads(
    headers: list[tuple[str, str]], cookies: dict[str, str], body: bytes
) -> None:
    cookie = [("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))] if cookies else []
    request = _read(HttpRequest("POST", "/a", "", [*headers, *cookie], body))
    expected: dict[str, list[str]] = {}
    for name, value in headers:
        expected.setdefault(name.lower(), []).append(value)
    assert request.headers == {name: ",".join(values) for name, values in expected.items()}
    assert request.cookies == cookies
    assert request.body == body


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=8)), min_size=1, max_size=5))
def test_a_query_arrives_as_it_was_sent(pairs: list[tuple[str, str]]) -> None:
    query = urlencode(pairs)
    event = request_event(HttpRequest("GET", "/a", query, []), "GET /a", {}, request_id="r", now=0)
    assert event["rawQueryString"] == query
    for name, value in event["queryStringParameters"].items():
        assert value == ",".join(each for other, each in parse_qsl(query, keep_blank_values=True) if other == name)


@pytest.mark.parametrize(
    ("content_type", "is_base64"),
    [
        ("application/json; charset=utf-8", False),
        ("text/plain", False),
        ("application/ld+json", False),
        ("application/x-www-form-urlencoded", True),
        ("image/png", True),
        ("", True),
    ],
)
def test_a_body_is_base64_unless_it_says_that_it_is_text(content_type: str, is_base64: bool) -> None:
    headers = [("Content-Type", content_type)] if content_type else []
    event = request_event(HttpRequest("POST", "/a", "", headers, b"a=b"), "POST /a", {}, request_id="r", now=0)
    assert event["isBase64Encoded"] is is_base64
    assert event["body"] == (base64.b64encode(b"a=b").decode() if is_base64 else "a=b")


def test_a_text_that_is_not_utf_8_is_base64() -> None:
    request = HttpRequest("POST", "/a", "", [("content-type", "text/plain")], b"\xff")
    assert request_event(request, "POST /a", {}, request_id="r", now=0)["isBase64Encoded"] is True


def test_cookies_sent_in_two_headers_are_one_list() -> None:
    request = HttpRequest("GET", "/a", "", [("Cookie", "a=1; b=2"), ("Cookie", "c=3")])
    event = request_event(request, "GET /a", {}, request_id="r", now=0)
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in event["headers"]


def test_the_event_says_when_and_on_which_route() -> None:
    request = HttpRequest("GET", "/dex/auth/local", "", [("Host", "127.0.0.1:8080")], source_ip="127.0.0.9")
    event = request_event(request, "GET /auth/{connector}", {"connector": "local"}, request_id="r", now=86400.25)
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /auth/{connector}"
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/dex/auth/local"
    assert event["pathParameters"] == {"connector": "local"}
    assert event["requestContext"]["timeEpoch"] == 86400250
    assert event["requestContext"]["time"] == "02/Jan/1970:00:00:00 +0000"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.9"
    assert event["requestContext"]["domainName"] == "127.0.0.1:8080"


def test_a_scheduled_event_says_when() -> None:
    assert scheduled_event("RotateKeys", event_id="e", now=0)["time"] == "1970-01-01T00:00:00Z"


def _pairs(response: HttpResponse) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in response.headers]


@given(st.text(), st.lists(_VALUE, max_size=3), st.sampled_from([200, 302, 400, 503]))
def test_what_a_function_answers_is_what_a_client_sees(body: str, cookies: list[str], status: int) -> None:
    answer = Response(status, body, {"Content-Type": "text/html; charset=utf-8"}, tuple(cookies))
    response = response_of(json.loads(json.dumps(answer.to_event())))
    assert response.status == status
    assert response.body.decode("utf-8") == body
    assert _pairs(response) == [
        ("content-type", "text/html; charset=utf-8"),
        *(("set-cookie", cookie) for cookie in cookies),
    ]


def test_a_result_without_a_status_is_the_body_of_a_200() -> None:
    response = response_of({"keys": []})
    assert (response.status, response.body) == (200, b'{"keys": []}')
    assert _pairs(response) == [("content-type", "application/json")]
    assert response_of("text").body == b"text"


def test_a_base64_body_is_decoded() -> None:
    assert response_of({"statusCode": 200, "body": "/w==", "isBase64Encoded": True}).body == b"\xff"


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": 200, "body": "not base64", "isBase64Encoded": True},
        {"statusCode": 302, "headers": {"Location": "/a\r\nSet-Cookie: b=c"}},
        {"statusCode": "no number"},
    ],
)
def test_a_result_that_is_no_response_is_refused(result: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        response_of(result)
