"""Which route a request is on, under the issuer's path."""

from __future__ import annotations

from pathlib import Path

import pytest

from sundial_local.router import Router
from sundial_local.template import Function, Route, Template


def _function(name: str, *routes: str) -> Function:
    pairs = tuple(Route(*route.split(" ")) for route in routes)
    return Function(name, Path(), "app", "handler", pairs, {}, None)


def _key(router: Router, method: str, path: str) -> str | None:
    match = router.match(method, path)
    return match.route.key if match else None


def test_every_route_of_the_template_is_found_under_the_issuers_path(template: Template) -> None:
    for issuer in ("http://127.0.0.1:8080", "http://127.0.0.1:8080/dex", "https://example.com/a/b"):
        router = Router(template.functions, issuer)
        base = issuer.partition("://")[2].partition("/")[2]
        for function in template.functions:
            for route in function.routes:
                path = f"/{base}{route.path}" if base else route.path
                match = router.match(route.method, path.replace("{connector}", "local"))
                assert match is not None
                assert (match.route, match.function) == (route, function)
                assert match.parameters == ({"connector": "local"} if "{connector}" in route.path else {})


@pytest.mark.parametrize("path", ["/keys", "/dexkeys", "/dex", "/other/keys", "keys", "/DEX/keys", "/dex/keys/"])
def test_a_path_that_is_not_the_issuers_is_not_found(template: Template, path: str) -> None:
    assert Router(template.functions, "https://example.com/dex").match("GET", path) is None


def test_a_name_wins_over_a_parameter() -> None:
    router = Router(
        [_function("F", "GET /auth/{connector}", "GET /auth/local", "GET /{any}/local")], "http://localhost"
    )
    assert _key(router, "GET", "/auth/local") == "GET /auth/local"
    assert _key(router, "GET", "/auth/ldap") == "GET /auth/{connector}"
    assert _key(router, "GET", "/other/local") == "GET /{any}/local"


def test_another_method_is_not_found() -> None:
    router = Router([_function("F", "POST /token")], "http://localhost")
    assert router.match("GET", "/token") is None
    assert router.match("HEAD", "/token") is None


def test_a_parameter_is_never_empty() -> None:
    assert Router([_function("F", "GET /auth/{connector}")], "http://localhost").match("GET", "/auth/") is None
