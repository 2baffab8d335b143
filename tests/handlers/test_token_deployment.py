"""The function `token` as it is deployed, with userinfo beside it: the template's tables, the ring, the real keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sundial.deployment import Deployment
from sundial.discovery.documents import openid_configuration
from sundial.grants.endpoint import token_edge
from sundial.keys.scheduled import rotation_handler
from sundial.userinfo import userinfo_edge
from sundial.web.edge import Edge
from sundial_local.template import Template
from tests.support.deployed import deployed
from tests.support.events import http_event
from tests.support.families import LOGIN_AT
from tests.support.grants_world import ACCESS_TOKEN, EMAIL, EXCHANGE, GRANTS, PASSWORD, basic
from tests.support.stack import OwnStack

ORIGIN = "https://app.example.com"


@pytest.fixture
def deployment(stack: OwnStack, tmp_path: Path) -> Deployment:
    text = GRANTS.replace("[RS256, ES256]", "[ES256]") + f"    reuseInterval: 0s\nweb: {{allowedOrigins: [{ORIGIN}]}}\n"
    one = deployed(stack, tmp_path, text)
    rotation_handler(one, clock=lambda: LOGIN_AT - 60)({}, None)
    return one


@pytest.fixture
def handler(deployment: Deployment) -> Edge:
    return token_edge(deployment, clock=lambda: LOGIN_AT)


@pytest.fixture
def calls(deployment: Deployment) -> list[str]:
    """The names of the AWS calls that are made."""
    names: list[str] = []
    for service in ("dynamodb", "secretsmanager"):
        deployment.client(service).meta.events.register(
            f"provide-client-params.{service}.*", lambda model, **_: names.append(model.name)
        )
    return names


def post(handler: Edge, path: str, **form: str) -> Mapping[str, Any]:
    response = handler(http_event(f"POST {path}", form=form, headers=basic("example-app")))
    return {"status": response["statusCode"], **json.loads(response["body"] or "{}")}


def test_the_network_calls_of_each_request_once_the_function_is_warm(
    deployment: Deployment, handler: Edge, calls: list[str]
) -> None:
    userinfo = userinfo_edge(deployment, clock=lambda: LOGIN_AT)

    def ask(access_token: str) -> int:
        answer = userinfo(http_event("GET /userinfo", headers={"Authorization": f"Bearer {access_token}"}))
        return int(answer["statusCode"])

    login = {"grant_type": "password", "username": EMAIL, "password": PASSWORD, "scope": "openid offline_access"}
    tokens = post(handler, "/token", **login)
    post(handler, "/token/introspect", token=tokens["access_token"])
    ask(tokens["access_token"])

    calls.clear()
    assert post(handler, "/token", grant_type="client_credentials")["status"] == 200
    assert calls == []
    assert post(handler, "/token", **login)["status"] == 200
    assert calls == ["PutItem"]
    calls.clear()
    assert post(handler, "/token/introspect", token=tokens["access_token"])["active"]
    assert calls == ["BatchGetItem"]
    calls.clear()
    assert post(handler, "/token/introspect", token=tokens["refresh_token"])["active"]
    assert calls == ["GetItem"]
    calls.clear()
    subject = {"subject_token": tokens["access_token"], "subject_token_type": ACCESS_TOKEN}
    exchanged = post(handler, "/token", grant_type=EXCHANGE, **subject, audience="builds")
    assert exchanged["status"] == 200
    assert calls == ["BatchGetItem"]
    calls.clear()
    assert post(handler, "/token/revoke", token=tokens["access_token"])["status"] == 200
    assert calls == ["PutItem"]
    calls.clear()
    assert ask(tokens["access_token"]) == 401
    assert calls == ["BatchGetItem"]
    calls.clear()
    assert post(handler, "/token/introspect", token=exchanged["access_token"])["active"]
    assert post(handler, "/token/revoke", token=tokens["refresh_token"])["status"] == 200
    assert calls == ["BatchGetItem", "UpdateItem"]
    calls.clear()
    for token in (tokens["access_token"], tokens["refresh_token"], exchanged["access_token"]):
        assert post(handler, "/token/introspect", token=token) == {"status": 200, "active": False}
        assert post(handler, "/token/introspect", token=token[:-2] + "AA") == {"status": 200, "active": False}
    assert len(calls) == 3, "one each, and none for the forged ones"


@pytest.mark.parametrize("path", ["/token", "/token/introspect", "/token/revoke"])
def test_browser_apps_of_allowed_origins_may_call_it(handler: Edge, path: str) -> None:
    preflight = handler(http_event(f"OPTIONS {path}", headers={"Origin": ORIGIN}))
    assert preflight["statusCode"] == 204
    assert preflight["headers"]["Access-Control-Allow-Origin"] == ORIGIN
    elsewhere = handler(http_event(f"OPTIONS {path}", headers={"Origin": "https://evil.example.com"}))
    assert "Access-Control-Allow-Origin" not in elsewhere["headers"]


def test_every_endpoint_that_discovery_names_is_a_route_of_the_template(
    deployment: Deployment, template: Template
) -> None:
    routes = {route.key.partition(" ")[2] for function in template.functions for route in function.routes}
    document = openid_configuration(deployment.config)
    endpoints = {url for name, url in document.items() if name.endswith("_endpoint")}
    assert {url.removeprefix(deployment.config.issuer) for url in endpoints} <= routes
