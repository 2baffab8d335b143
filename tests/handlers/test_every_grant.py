"""Whatever is wrong with any one parameter of any grant, the answer is the RFC's error and nothing is used up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from sundial.expiry.family import PendingCode
from tests.support.events import http_event
from tests.support.families import REDIRECT_URI
from tests.support.grants_world import (
    ACCESS_TOKEN,
    API,
    EMAIL,
    EXCHANGE,
    GRANTS,
    PASSWORD,
    UPSTREAM_TOKEN,
    GrantsWorld,
)
from tests.support.token_world import SECRET, Answer

Form = Mapping[str, str]

# RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 8707 §2
ERRORS = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "unsupported_token_type",
    "invalid_target",
}
ANOTHER_SECRET = "the-secret-of-another-client"
CONFIGURATION = (
    GRANTS.replace(f"id: another-app\n    secret: {SECRET}", f"id: another-app\n    secret: {ANOTHER_SECRET}")
    + "    reuseInterval: 0s\n"
)
CLIENT = {"client_id": "example-app", "client_secret": SECRET}


class Request(NamedTuple):
    """A request that would be answered: its path, and its form in a world."""

    path: str
    form: Callable[[GrantsWorld], Form]


def code(world: GrantsWorld) -> Form:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, Appendix B
    challenge = "S256:E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    pending = PendingCode(world.now + 60, REDIRECT_URI, challenge)
    form = {"code": world.log_in(code=pending), "redirect_uri": REDIRECT_URI, "code_verifier": verifier}
    return {"grant_type": "authorization_code", **form, "resource": API}


def refresh(world: GrantsWorld) -> Form:
    token = world.tokens("offline_access")["refresh_token"]
    return {"grant_type": "refresh_token", "refresh_token": token, "scope": "openid", "resource": API}


def credentials(_: GrantsWorld) -> Form:
    return {"grant_type": "client_credentials", "scope": "openid groups", "resource": API, "nonce": "n"}


def password(_: GrantsWorld) -> Form:
    login = {"username": EMAIL, "password": PASSWORD, "scope": "openid offline_access", "nonce": "n"}
    return {"grant_type": "password", **login, "resource": API}


def exchange(world: GrantsWorld) -> Form:
    subject = {"subject_token": world.tokens("email")["access_token"], "subject_token_type": ACCESS_TOKEN}
    actor = {"actor_token": world.client_token(), "actor_token_type": ACCESS_TOKEN}
    target = {"audience": "builds", "resource": API, "scope": "openid", "requested_token_type": ACCESS_TOKEN}
    return {"grant_type": EXCHANGE, **subject, **actor, **target}


def upstream(_: GrantsWorld) -> Form:
    subject = {"subject_token": UPSTREAM_TOKEN, "subject_token_type": ACCESS_TOKEN, "connector_id": "upstream"}
    return {"grant_type": EXCHANGE, **subject, "scope": "openid"}


def token(world: GrantsWorld) -> Form:
    return {"token": world.tokens()["access_token"], "token_type_hint": "access_token"}


REQUESTS = {
    "authorization_code": Request("/token", code),
    "refresh_token": Request("/token", refresh),
    "client_credentials": Request("/token", credentials),
    "password": Request("/token", password),
    "exchange": Request("/token", exchange),
    "exchange of an upstream token": Request("/token", upstream),
    "introspection": Request("/token/introspect", token),
    "revocation": Request("/token/revoke", token),
}

Pairs = list[tuple[str, str]]

MISTAKES: Mapping[str, Callable[[Pairs, str], Pairs]] = {
    "missing": lambda pairs, name: [pair for pair in pairs if pair[0] != name],
    "empty": lambda pairs, name: [(key, "" if key == name else value) for key, value in pairs],
    "repeated": lambda pairs, name: [*pairs, *(pair for pair in pairs if pair[0] == name)],
    "oversized": lambda pairs, name: [(key, "x" * 50_000 if key == name else value) for key, value in pairs],
    "wrong": lambda pairs, name: [(key, "wrong" if key == name else value) for key, value in pairs],
    "of other characters": lambda pairs, name: [
        (key, "\0ü\u202e\U0001f600" if key == name else value) for key, value in pairs
    ],
    "quoted": lambda pairs, name: [(key, f'"{value}\\' if key == name else value) for key, value in pairs],
    "with a line break": lambda pairs, name: [
        (key, f"{value}\r\nX: y" if key == name else value) for key, value in pairs
    ],
}


@pytest.fixture
def world() -> GrantsWorld:
    world = GrantsWorld()
    world.configure(CONFIGURATION)
    world.warm()
    return world


def post(world: GrantsWorld, path: str, pairs: Pairs) -> Answer:
    return world.send(http_event(f"POST {path}", form=pairs))


def assert_refused(answer: Answer) -> None:
    assert answer.status in (400, 401)
    assert answer.body["error"] in ERRORS
    assert answer.body["error_description"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", REQUESTS)
def test_one_bad_parameter_is_refused_or_of_no_matter_and_uses_nothing_up(
    world: GrantsWorld, name: str, mistake: str
) -> None:
    request = REQUESTS[name]
    for parameter in {**CLIENT, **request.form(world)}:
        pairs = [*CLIENT.items(), *request.form(world).items()]
        answer = post(world, request.path, MISTAKES[mistake](pairs, parameter))
        if answer.status != 200:
            assert_refused(answer)
            assert post(world, request.path, pairs).status == 200, f"{parameter}: used up by a refused request"


@pytest.mark.parametrize("name", REQUESTS)
def test_another_clients_secret_is_no_secret_of_this_one_and_uses_nothing_up(world: GrantsWorld, name: str) -> None:
    request = REQUESTS[name]
    form = {**CLIENT, **request.form(world)}
    world.calls.clear()
    answer = post(world, request.path, list({**form, "client_secret": ANOTHER_SECRET}.items()))
    assert answer.error == (401, "invalid_client")
    assert world.calls == []
    assert world.upstream.exchanged == 0
    assert post(world, request.path, list(form.items())).status == 200


@pytest.mark.parametrize("name", ["authorization_code", "refresh_token", "exchange", "revocation", "introspection"])
def test_another_client_can_do_nothing_with_what_is_this_ones(world: GrantsWorld, name: str) -> None:
    request = REQUESTS[name]
    form = dict(request.form(world))
    form.pop("resource", None)
    another = {**form, "client_id": "another-app", "client_secret": ANOTHER_SECRET}
    world.calls.clear()
    answer = post(world, request.path, list(another.items()))
    if name == "introspection":
        assert answer.body == {"active": False}
    else:
        assert_refused(answer)
    assert world.calls == []
    assert post(world, request.path, [*CLIENT.items(), *form.items()]).status == 200
