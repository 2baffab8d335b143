"""Nobody gets anything for another's secret, code, device code or token, nor for one of another kind.

And a request that can't be read is refused before anything of it is looked at.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.support.events import FORM, http_event
from tests.support.good_requests import ANOTHER, ANOTHER_SECRET, CLIENT, REQUESTS, EveryGrantWorld
from tests.support.grants_world import basic
from tests.support.token_world import SECRET, Answer

GIVEN = {
    "authorization_code": ("invalid_grant", "invalid_grant"),
    "refresh_token": ("invalid_grant", "invalid_grant"),
    "device_code": ("invalid_grant", "invalid_grant"),
    "exchange": ("invalid_request", "unauthorized_client"),
    "introspection": (None, "invalid_client"),
    "revocation": ("unauthorized_client", "unauthorized_client"),
}
"""What names something given to a client, and the errors that others get for it: confidential clients, public ones."""


@pytest.fixture(scope="module")
def only_world() -> EveryGrantWorld:
    return EveryGrantWorld()


@pytest.fixture
def world(only_world: EveryGrantWorld) -> EveryGrantWorld:
    only_world.forget()
    return only_world


def post(world: EveryGrantWorld, path: str, form: Mapping[str, str]) -> Answer:
    return world.post_form(path, list(form.items()))


def forget_calls(world: EveryGrantWorld) -> None:
    world.calls.clear()
    world.devices.calls.clear()
    world.upstream.exchanged = 0


def assert_nobody_was_asked(world: EveryGrantWorld) -> None:
    """Check that neither the table nor an upstream heard of the request."""
    assert world.calls == []
    assert world.devices.calls == []
    assert world.upstream.exchanged == 0


# Another client's


@pytest.mark.parametrize("name", REQUESTS)
def test_another_clients_secret_is_no_secret_of_this_one_and_uses_nothing_up(world: EveryGrantWorld, name: str) -> None:
    request = REQUESTS[name]
    form = {**CLIENT, **request.form(world)}
    forget_calls(world)
    assert post(world, request.path, {**form, "client_secret": ANOTHER_SECRET}).error == (401, "invalid_client")
    by_basic = {name: value for name, value in form.items() if name not in CLIENT}
    answer = world.post_to(request.path, basic(CLIENT["client_id"], ANOTHER_SECRET), by_basic)
    assert answer.error == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert_nobody_was_asked(world)
    assert post(world, request.path, form).status == 200


@pytest.mark.parametrize("is_public", [False, True], ids=["confidential", "public"])
@pytest.mark.parametrize("name", GIVEN)
def test_another_client_can_do_nothing_with_what_is_this_ones(
    world: EveryGrantWorld, name: str, is_public: bool
) -> None:
    request, error = REQUESTS[name], GIVEN[name][is_public]
    form = {name: value for name, value in request.form(world).items() if name not in ("resource", "audience")}
    forget_calls(world)
    before = world.state
    answer = post(world, request.path, {**form, **({"client_id": "example-cli"} if is_public else ANOTHER)})
    if error is None:
        assert (answer.status, answer.body) == (200, {"active": False})
    else:
        assert answer.error == (401 if error == "invalid_client" else 400, error)
    assert_nobody_was_asked(world)
    assert world.state == before
    assert post(world, request.path, {**CLIENT, **form}).status == 200


@pytest.mark.parametrize("name", GIVEN)
def test_without_its_secret_a_client_is_anybody(world: EveryGrantWorld, name: str) -> None:
    request = REQUESTS[name]
    form = request.form(world)
    forget_calls(world)
    for proof in ({"client_id": "example-app"}, {"client_id": "example-app", "client_secret": ""}, {}):
        assert post(world, request.path, {**form, **proof}).error == (401, "invalid_client")
    assert_nobody_was_asked(world)
    assert post(world, request.path, {**CLIENT, **form}).status == 200


# Of another kind

KINDS: Mapping[str, Callable[[EveryGrantWorld], str]] = {
    "code": lambda world: world.log_in(),
    "device code": lambda world: world.allowed_device(),
    "refresh token": lambda world: str(world.tokens("offline_access")["refresh_token"]),
    "access token": lambda world: str(world.tokens()["access_token"]),
    "ID token": lambda world: str(world.tokens()["id_token"]),
    "a client's own access token": lambda world: world.client_token(),
    "user code": lambda world: next(iter(world.devices.requests), "BCDF-GHJK"),
    "secret": lambda world: SECRET,
}
WANTED = {
    "authorization_code": ("code", ["code"], "invalid_grant"),
    "refresh_token": ("refresh_token", ["refresh token"], "invalid_grant"),
    "device_code": ("device_code", ["device code"], "invalid_grant"),
    "exchange": ("subject_token", ["access token", "a client's own access token"], "invalid_request"),
}
"""The parameter, the kinds that it takes, and the error of any other."""


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, (_, taken, _) in WANTED.items() for kind in KINDS if kind not in taken]
)
def test_what_is_one_kind_of_token_is_no_other(world: EveryGrantWorld, name: str, kind: str) -> None:
    request, (parameter, _, error) = REQUESTS[name], WANTED[name]
    form = {**CLIENT, **request.form(world), parameter: KINDS[kind](world)}
    before = world.state
    forget_calls(world)
    assert post(world, request.path, form).error == (400, error)
    assert_nobody_was_asked(world)
    assert world.state == before


# What can't be read


def sent(form: Mapping[str, str], **event: Any) -> dict[str, Any]:
    """Return an event on any path, with `form` as its body unless `event` says otherwise."""
    return {"form": form, **event}


def of_type(content_type: str, body: str | bytes) -> dict[str, Any]:
    return {"body": body, "headers": {"content-type": content_type} if content_type else {}}


UNREADABLE: Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    "as JSON": lambda form: of_type("application/json", str(dict(form)).replace("'", '"')),
    "as multipart": lambda form: of_type("multipart/form-data; boundary=x", urlencode(form)),
    "as plain text": lambda form: of_type("text/plain", urlencode(form)),
    "without a content type": lambda form: of_type("", urlencode(form)),
    "as UTF-16": lambda form: of_type(FORM, urlencode(form).encode("utf-16")),
    "not as UTF-8": lambda form: of_type(FORM, urlencode(form).encode() + b"&x=\xff"),
    "not as UTF-8 within the encoding": lambda form: of_type(FORM, urlencode(form) + "&x=%FF"),
    "of more parameters than anybody sends": lambda form: sent([*form.items(), *((f"p{n}", "1") for n in range(101))]),  # type: ignore[arg-type]
    "of more bytes than anybody sends": lambda form: sent({**form, "x": "x" * 70_000}),
    "empty": lambda form: of_type(FORM, ""),
    "with everything in the URL": lambda form: {"query": dict(form), "headers": {"content-type": FORM}, "body": ""},
    "with its secret in the URL": lambda form: sent(
        {name: value for name, value in form.items() if name != "client_secret"}, query={"client_secret": SECRET}
    ),
    "with something in the URL": lambda form: sent(form, query="x"),
}


@pytest.mark.parametrize("how", UNREADABLE)
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_cannot_be_read_is_refused_unread(world: EveryGrantWorld, name: str, how: str) -> None:
    request = REQUESTS[name]
    form = {**CLIENT, **request.form(world)}
    before = world.state
    forget_calls(world)
    answer = world.send(http_event(f"POST {request.path}", **UNREADABLE[how](form)))
    if how == "empty":
        assert answer.status in (400, 401)
    else:
        assert answer.error == (413 if "bytes" in how else 400, "invalid_request")
    assert answer.headers["Cache-Control"] == "no-store"
    assert_nobody_was_asked(world)
    assert world.state == before


HEADERS = {
    "no Basic": (401, "Bearer x"),
    "no base64": (401, "Basic !!!"),
    "no colon": (401, "Basic " + b64encode(b"example-app").decode()),
    "no UTF-8": (401, "Basic " + b64encode(b"example-app:\xff").decode()),
    "empty": (401, ""),
    "an empty pair": (401, "Basic " + b64encode(b":").decode()),
    "a wrong secret": (401, "Basic " + b64encode(b"example-app:wrong").decode()),
    "the secret with a line's end": (401, "Basic " + b64encode(f"example-app:{SECRET}\n".encode()).decode()),
    "two headers": (401, ", ".join([basic("example-app")["Authorization"]] * 2)),
    "oversized": (401, "Basic " + b64encode(b"example-app:" + b"x" * 9000).decode()),
    "encoded twice": (401, "Basic " + b64encode(f"example-app:{quote(quote('?' + SECRET))}".encode()).decode()),
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("path", sorted({request.path for request in REQUESTS.values()}))
def test_an_authorization_header_that_proves_nothing_is_a_401_with_a_challenge(
    world: EveryGrantWorld, path: str, kind: str
) -> None:
    status, header = HEADERS[kind]
    forget_calls(world)
    answer = world.post_to(path, {"Authorization": header}, {"token": "x", "scope": "openid"})
    assert answer.error == (status, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert_nobody_was_asked(world)


@pytest.mark.parametrize("path", sorted({request.path for request in REQUESTS.values()}))
def test_a_client_that_authenticates_in_two_ways_is_an_invalid_request(world: EveryGrantWorld, path: str) -> None:
    for form in ({"client_secret": SECRET}, CLIENT, {"client_id": "another-app"}):
        answer = world.post_to(path, basic("example-app"), {"token": "x", **form})
        assert answer.error == (400, "invalid_request")
