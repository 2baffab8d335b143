"""The cookie that ties a login to its browser."""

from __future__ import annotations

import pytest

from sundial.web.browser import BindingCookie, new_binding
from sundial.web.http import Request
from tests.support.events import http_event


def request_with(*cookies: str) -> Request:
    return Request.from_event(http_event("GET /auth", cookies=cookies), 0)


def test_over_https_no_other_host_can_plant_the_cookie() -> None:
    cookie = BindingCookie.of("https://id.example.com").set("x" * 22)
    assert cookie == f"__Host-sundial={'x' * 22}; Path=/; HttpOnly; SameSite=Lax; Secure"


def test_over_https_an_issuer_with_a_path_keeps_the_prefix_which_wants_the_root() -> None:
    assert "; Path=/;" in BindingCookie.of("https://id.example.com/dex").set("x" * 22)


@pytest.mark.parametrize(("issuer", "path"), [("http://127.0.0.1:8080", "/"), ("http://127.0.0.1:8080/dex", "/dex")])
def test_over_http_on_loopback_browsers_refuse_the_prefix(issuer: str, path: str) -> None:
    cookie = BindingCookie.of(issuer).set("x" * 22)
    assert cookie == f"sundial={'x' * 22}; Path={path}; HttpOnly; SameSite=Lax"


def test_a_value_of_ours_is_read_back() -> None:
    cookie, binding = BindingCookie.of("https://id.example.com"), new_binding()
    assert cookie.read(request_with("theme=dark", f"__Host-sundial={binding}")) == binding


@pytest.mark.parametrize("value", ["", "short", "x" * 23, "x" * 21 + ";", "x" * 21 + "é", "x" * 21 + "\n"])
def test_a_value_that_we_never_made_counts_as_none(value: str) -> None:
    assert BindingCookie.of("https://id.example.com").read(request_with(f"__Host-sundial={value}")) is None


def test_no_cookie_is_none() -> None:
    assert BindingCookie.of("https://id.example.com").read(request_with()) is None


def test_bindings_are_128_bits_and_never_the_same() -> None:
    assert len({new_binding() for _ in range(1000)}) == 1000
    assert len(new_binding()) == 22
