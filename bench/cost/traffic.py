"""The requests that cost something: each made once and counted, and its CPU time measured."""

from __future__ import annotations

import io
import json
import statistics
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.measure import cpu_rounds
from bench.requests import measured_requests
from bench.warm import logging_to
from bench.world import CLIENT, PASSWORD, REDIRECT_URI, World, http_api_event
from sundial.authorize.endpoint import authorize_edge
from sundial.store.family_items import to_item
from sundial.tokens.opaque import Kind, mint
from sundial_local.forms import forms

_ROUNDS = 15
Response = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """One HTTP request: the function that answers it, and all that AWS bills for."""

    function: str
    cpu_ms: float
    calls: Mapping[str, int]
    """Network calls by what they are billed as: see prices.json."""
    log_bytes: int
    out_bytes: int
    metrics: frozenset[str] = frozenset()
    """The custom metrics that it counts in, each with its dimensions."""


def measured() -> Iterator[tuple[str, tuple[Hit, ...]]]:
    """Yield what users and clients do, and the requests that it takes."""
    functions = {"JWKS": "Jwks", "discovery": "Jwks", "userinfo": "Userinfo"}
    for request in measured_requests(("RS256",)):
        name = request.name.partition(", beside")[0]
        yield name, (hit(functions.get(name, "Token"), request.call, request.aws),)
    with World.of("RS256") as world:
        yield "login by password", tuple(_login(world))


def hit(function: str, call: Callable[[], Any], aws: Any) -> Hit:
    """Make a request, once to count and then to measure."""
    before, written = Counter(aws.calls), io.StringIO()
    with logging_to(written):
        response = call()
        printed = written.getvalue()
        calls = aws.calls - before
        [rounds] = cpu_rounds({"request": call}, _ROUNDS).values()
    return Hit(
        function,
        statistics.median(rounds),
        _billed(calls),
        len(printed.encode("utf-8")),
        len(json.dumps(response.get("headers", {}))) + len(response.get("body") or ""),
        frozenset(_metrics(printed)),
    )


def _billed(calls: Counter[str]) -> dict[str, int]:
    units = {
        "UpdateItem": ("dynamodb_write_unit", 1),
        "PutItem": ("dynamodb_write_unit", 2),  # the index's as well: a new family is listed by its subject
        "BatchGetItem": ("dynamodb_read_unit", 3),  # the login, the denial, the keys
        "GetItem": ("dynamodb_read_unit", 1),
        "GetSecretValue": ("secret_request", 1),
        "Decrypt": ("kms_request", 1),
        "GenerateDataKey": ("kms_request", 1),
    }
    billed: Counter[str] = Counter()
    for name, times in calls.items():
        kind, count = units[name]
        billed[kind] += count * times
    return dict(billed)


def _metrics(printed: str) -> Iterator[str]:
    for line in printed.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", ()):
            for dimensions in directive["Dimensions"]:
                names = ",".join(f"{name}={document[name]}" for name in sorted(dimensions))
                yield from (f"{metric['Name']}{{{names}}}" for metric in directive["Metrics"])


def _login(world: World) -> Iterator[Hit]:
    """Go from /auth to tokens, as a browser and its client do."""
    world.aws.answers["PutItem"] = lambda _: {}
    edge = authorize_edge(world.deployment, clock=lambda: world.now)
    query = {
        "client_id": CLIENT,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": "openid email profile groups offline_access",
        "state": "a-state-of-the-client",
    }
    step = partial(edge, http_api_event("GET /auth/local", {}) | _local(urlencode(query)))
    cookies: dict[str, str] = {}
    for _ in range(10):
        response = step()
        yield hit("Authorize", step, world.aws)
        for cookie in response.get("cookies", ()):
            name, _, value = cookie.partition(";")[0].partition("=")
            cookies[name] = value
        where = response["headers"].get("location") or response["headers"].get("Location")
        if where and where.startswith(REDIRECT_URI):
            break
        step = partial(edge, _following(response, where, cookies))
    else:
        raise AssertionError("the login came to no end")
    family = world.family(generation=1, rotated_at=world.now)
    world.applied(family)
    code = mint(Kind.AUTHORIZATION_CODE, world.mac_key, replace(family, generation=0), 1)
    exchange = world.post(grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI)
    yield hit("Token", exchange, world.aws)


def _local(query: str) -> dict[str, Any]:
    return {"routeKey": "GET /auth/{connector}", "pathParameters": {"connector": "local"}, "rawQueryString": query}


def _following(response: Response, where: str | None, cookies: Mapping[str, str]) -> dict[str, Any]:
    """Return the event of the next request: a redirect followed, or the page's form filled in and sent."""
    if where:
        url, method, form = urlsplit(where), "GET", {}
    else:
        [first, *_] = forms(response["body"], "https://id.example.com/")
        url, method, form = urlsplit(first.action), first.method, dict(first.fields)
        if "password" in form:
            form |= {"login": "admin@example.com", "password": PASSWORD}
    route = f"{method} {url.path}".replace("/auth/local", "/auth/{connector}")
    body = b64encode(urlencode(form).encode()).decode() if form else ""
    headers = {"content-type": "application/x-www-form-urlencoded"} if form else {}
    event = http_api_event(f"{method} {url.path}", headers, body)
    jar = [f"{name}={value}" for name, value in cookies.items()]
    return event | {
        "routeKey": route,
        "rawQueryString": url.query,
        "pathParameters": {"connector": "local"},
        "cookies": jar,
    }


def item_bytes() -> int:
    """Return about how large a family's item is."""
    with World.of("RS256") as world:
        return len(json.dumps(to_item(world.family())))
