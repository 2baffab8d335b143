"""HTTP as API Gateway hands it over (payload format 2.0)."""

from __future__ import annotations

import json

import pytest

from sundial.errors import OAuthError, temporarily_unavailable
from sundial.web.http import LARGEST_BODY, Request, Response, error_response, parse_parameters, read_parameters
from tests.support.events import FORM, http_event


def request(**parts: object) -> Request:
    return Request.from_event(http_event("POST /auth/{connector}/login", path="/auth/local/login", **parts), 1)  # type: ignore[arg-type]


def refusal(raised: pytest.ExceptionInfo[OAuthError]) -> tuple[int, str]:
    return raised.value.status, raised.value.code


def test_a_request_is_what_the_event_says() -> None:
    made = request(query={"a": "1"}, headers={"Accept-Language": "de"}, cookies=["a=1", "b=2=3"], form={"c": "ü"})
    assert made.method == "POST"
    assert made.route == "POST /auth/{connector}/login"
    assert made.path_parameters == {"connector": "local"}
    assert made.query() == {"a": "1"}
    assert made.headers["accept-language"] == "de"
    assert made.cookies == {"a": "1", "b": "2=3"}
    assert made.form() == {"c": "ü"}
    assert made.source_ip == "203.0.113.7"
    assert made.now == 1


def test_a_body_may_come_as_text_or_as_base64() -> None:
    headers = {"Content-Type": f"{FORM}; charset=UTF-8"}
    assert request(body="a=1", headers=headers).form() == {"a": "1"}
    assert request(body=b"a=1", headers=headers).form() == {"a": "1"}


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data; boundary=x"])
def test_a_form_of_another_type_is_refused(content_type: str) -> None:
    with pytest.raises(OAuthError) as raised:
        request(body="a=1", headers={"Content-Type": content_type}).form()
    assert refusal(raised) == (400, "invalid_request")


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%FF", b"&".join(b"a%d=" % n for n in range(101))])
def test_a_form_that_is_not_utf_8_or_too_long_a_list_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthError) as raised:
        request(body=body, headers={"Content-Type": FORM}).form()
    assert refusal(raised) == (400, "invalid_request")


def test_a_body_that_says_it_is_base64_and_is_not_is_refused() -> None:
    event = http_event("POST /auth", body=b"a=1") | {"body": "%"}
    with pytest.raises(OAuthError) as raised:
        Request.from_event(event, 1)
    assert refusal(raised) == (400, "invalid_request")


def test_a_body_that_no_form_of_ours_comes_near_is_refused_unread() -> None:
    with pytest.raises(OAuthError) as raised:
        request(body=b"a" * (LARGEST_BODY + 100))
    assert refusal(raised) == (413, "invalid_request")


@pytest.mark.parametrize("text", ["a=1&a=2", "a=&a=", "a=1&a=", "a&a"])
def test_a_repeated_parameter_is_refused(text: str) -> None:
    with pytest.raises(OAuthError) as raised:
        parse_parameters(text)
    assert refusal(raised) == (400, "invalid_request")


def test_a_repeatable_parameter_is_joined_by_spaces() -> None:
    assert parse_parameters("r=1&r=2&a=3", repeatable=frozenset({"r"})) == {"r": "1 2", "a": "3"}


def test_repeated_parameters_are_named_to_who_decides_what_that_means() -> None:
    assert read_parameters("a=1&b=&c=3&b=&a=4") == ({"a": "1 4", "c": "3"}, frozenset({"a", "b"}))


def test_an_empty_parameter_counts_as_absent() -> None:
    assert parse_parameters("a=&b") == {}


def test_an_error_is_json_and_keeps_its_detail_to_itself() -> None:
    response = error_response(temporarily_unavailable("later", retry_after=7, detail="the table is gone"))
    assert response.status == 503
    assert response.headers["Retry-After"] == "7"
    assert response.headers["Cache-Control"] == "no-store"
    assert json.loads(response.body) == {"error": "temporarily_unavailable", "error_description": "later"}


def test_cookies_stand_apart_in_the_answer() -> None:
    assert Response(204).to_event() == {"statusCode": 204, "headers": {}, "body": ""}
    assert Response(204, cookies=("a=1",)).to_event()["cookies"] == ["a=1"]
