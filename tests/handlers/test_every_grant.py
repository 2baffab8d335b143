"""Whatever is wrong with any one parameter of any grant, the answer is the RFC's error and nothing is used up."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from tests.support.good_requests import CLIENT, REQUESTS, EveryGrantWorld
from tests.support.mistakes import ABSENT, MISTAKES, REPEATED, spoilt
from tests.support.token_world import Answer

DESCRIPTION = re.compile(r"[ !#-\[\]-~]+")  # RFC 6749 §5.2


class Rule(NamedTuple):
    """The error of a parameter that is absent, and of one that holds something else; None where it does not matter."""

    absent: str | None
    wrong: str | None
    oversized: str | None = "as wrong"
    may_repeat: bool = False


IN_ALL = {
    "client_id": Rule("invalid_client", "invalid_client"),
    "client_secret": Rule("invalid_client", "invalid_client"),
    "grant_type": Rule("invalid_request", "unsupported_grant_type"),
    "scope": Rule(None, "invalid_scope"),
    "resource": Rule(None, "invalid_target", may_repeat=True),
    "audience": Rule(None, "invalid_target", may_repeat=True),
    "nonce": Rule(None, None, "invalid_request"),
    "code": Rule("invalid_request", "invalid_grant"),
    "redirect_uri": Rule("invalid_request", "invalid_grant"),
    "code_verifier": Rule("invalid_grant", "invalid_request"),
    "refresh_token": Rule("invalid_request", "invalid_grant"),
    "device_code": Rule("invalid_request", "invalid_grant"),
    "username": Rule("invalid_request", "invalid_grant", "invalid_request"),
    "password": Rule("invalid_request", "invalid_grant", "invalid_request"),
    "subject_token": Rule("invalid_request", "invalid_request"),
    "subject_token_type": Rule("invalid_request", "invalid_request"),
    "actor_token": Rule("invalid_request", "invalid_request"),
    "actor_token_type": Rule("invalid_request", "invalid_request"),
    "requested_token_type": Rule(None, "invalid_request"),
    "connector_id": Rule("invalid_request", "invalid_request"),
    "token": Rule("invalid_request", None),  # RFC 7662 §2.2, RFC 7009 §2.2: it is inactive, or as good as revoked
    "token_type_hint": Rule(None, None),
}


def error_of(rule: Rule, mistake: str) -> str | None:
    """Return the error that a mistake is."""
    if mistake in ABSENT:
        return rule.absent
    if mistake in REPEATED:
        return None if rule.may_repeat else "invalid_request"
    return rule.oversized if mistake == "oversized" and rule.oversized != "as wrong" else rule.wrong


USED_UP = ("authorization_code", "refresh_token", "device_code")
"""What is good for one use."""


@pytest.fixture(scope="module")
def only_world() -> EveryGrantWorld:
    return EveryGrantWorld()


@pytest.fixture
def world(only_world: EveryGrantWorld) -> EveryGrantWorld:
    """The one world of this file, with nothing in it: there are many tests, and to read a configuration takes long."""
    only_world.forget()
    return only_world


def assert_refused(answer: Answer, error: str) -> None:
    assert answer.error == (401 if error == "invalid_client" else 400, error)
    assert DESCRIPTION.fullmatch(answer.body["error_description"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body.keys() == {"error", "error_description"}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", REQUESTS)
def test_one_bad_parameter_is_the_rfcs_error_or_of_no_matter_and_uses_nothing_up(
    world: EveryGrantWorld, name: str, mistake: str
) -> None:
    request = REQUESTS[name]
    for parameter in {**CLIENT, **request.form(world)}:
        pairs = [*CLIENT.items(), *request.form(world).items()]
        error = error_of(IN_ALL[parameter], mistake)
        before = world.state
        answer = world.post_form(request.path, spoilt(pairs, parameter, mistake))
        if error is None:
            assert answer.status == 200, (parameter, answer.body)
            continue
        assert_refused(answer, error)
        assert world.state == before, f"{parameter}: something was written"
        if name in USED_UP:
            assert world.post_form(request.path, pairs).status == 200, f"{parameter}: used up by a refused request"


def test_the_table_speaks_of_every_parameter(world: EveryGrantWorld) -> None:
    sent = {parameter for request in REQUESTS.values() for parameter in {**CLIENT, **request.form(world)}}
    assert sent == set(IN_ALL)
