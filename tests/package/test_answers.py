"""The built artifact, in the functions' own Python and with nothing else to import, answers every recorded event."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sundial_local.ministack import MiniStack
from sundial_local.template import Template
from tests.package.conftest import Artifact
from tests.support.events import load, recorded_events
from tests.support.stack import OwnStack, own_stack

INVOKE = Path(__file__).with_name("invoke.py")

# The deployed configuration has no client, and nobody has logged in: what needs either is refused, each in its way.
STATUSES = {
    "authorize": {
        "get-auth": 400,
        "post-auth": 400,
        "get-auth-connector": 400,
        "get-auth-connector-login": 400,
        "post-auth-connector-login": 400,
        "get-approval": 400,
        "post-approval": 400,
        "get-logout": 400,
        "post-logout": 200,
        "get-callback": 400,
        "post-callback": 200,
        "get-callback-connector": 400,
        "post-callback-connector": 200,
    },
    "jwks": {
        "get-openid-configuration": 200,
        "get-oauth-authorization-server": 200,
        "get-keys": 200,
        "get-healthz": 200,
        "options-openid-configuration": 204,
        "options-oauth-authorization-server": 204,
        "options-keys": 204,
    },
    "token": {
        "post-token": 401,
        "post-token-introspect": 401,
        "post-token-revoke": 401,
        "options-token": 204,
        "options-token-introspect": 204,
        "options-token-revoke": 204,
    },
    "device": {"post-device-code": 401, "get-device": 200, "post-device-auth-verify-code": 400},
    "userinfo": {"get-userinfo": 401, "post-userinfo": 401, "options-userinfo": 204},
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What one function answered, by event, and what of it had to be compiled."""

    answers: Mapping[str, Any]
    compiled: list[str]


@pytest.fixture(scope="module")
def own(template: Template, ministack: MiniStack, aws_clients: Mapping[str, Any]) -> OwnStack:
    """The template's tables, secret and key, for this module alone."""
    return own_stack(template, ministack, aws_clients)


@pytest.fixture(scope="module")
def ran(artifact: Artifact, own: OwnStack, ministack: MiniStack, template: Template) -> Mapping[str, Ran]:
    """Each function after all of its recorded events; the key rotation goes first, as it does when deployed."""
    events: dict[str, dict[str, Any]] = {}
    for function, path in recorded_events():
        events.setdefault(function, {})[path.stem] = load(path)
    environment = {
        **own.environment,
        **ministack.environment,
        "SUNDIAL_CONFIG": str(artifact.configuration),
        "LANG": "C.UTF-8",  # as Lambda has it
    }
    names = {function.folder.name: function.name for function in template.functions}
    first_the_rotation = sorted(events, key=lambda function: function != "rotate_keys")
    return {name: run(artifact, names[name], events[name], environment) for name in first_the_rotation}


def run(artifact: Artifact, function: str, events: Mapping[str, Any], environment: Mapping[str, str]) -> Ran:
    """Import a function as Lambda does, /var/task first and then /opt/python, and have it answer `events`."""
    path = f"{artifact.folder / function}:{artifact.layer / 'python'}"
    done = subprocess.run(
        # Without site-packages and without writing bytecode: /opt is read-only.
        [artifact.python, "-S", "-P", "-B", INVOKE, artifact.layer],
        env={**environment, "PYTHONPATH": path},
        input=json.dumps(list(events.values())),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    return Ran(dict(zip(events, result["answers"], strict=True)), result["compiled"])


def body(answer: Mapping[str, Any]) -> Any:
    return json.loads(answer["body"])


@pytest.mark.parametrize("function", STATUSES)
def test_a_function_answers_its_recorded_events(function: str, ran: Mapping[str, Ran]) -> None:
    assert {event: answer["statusCode"] for event, answer in ran[function].answers.items()} == STATUSES[function]


@pytest.mark.parametrize("function", [*STATUSES, "rotate_keys"])
def test_a_cold_start_compiles_nothing_of_the_layer(function: str, ran: Mapping[str, Ran]) -> None:
    assert ran[function].compiled == []


def test_the_rotation_makes_the_first_key_and_the_api_publishes_it(ran: Mapping[str, Ran]) -> None:
    keys = body(ran["jwks"].answers["get-keys"])["keys"]
    assert {key["alg"] for key in keys} == {"RS256"}
    assert all(not key.keys() & {"d", "p", "q"} for key in keys)


def test_discovery_names_the_issuer_of_the_environment(ran: Mapping[str, Ran]) -> None:
    for name in ("get-openid-configuration", "get-oauth-authorization-server"):
        assert body(ran["jwks"].answers[name])["issuer"] == "https://login.example.com"


def test_a_refusal_of_the_token_endpoint_is_the_rfcs_own(ran: Mapping[str, Ran]) -> None:
    refusal = ran["token"].answers["post-token"]
    assert body(refusal)["error"] == "invalid_client"
    assert refusal["headers"]["Cache-Control"] == "no-store"


def test_a_browser_is_answered_with_a_page(ran: Mapping[str, Ran]) -> None:
    for answer in ran["authorize"].answers.values():
        if answer["statusCode"] == 303:
            continue
        assert answer["headers"]["Content-Type"].startswith("text/html")
        assert "<!doctype html>" in answer["body"].lower()
