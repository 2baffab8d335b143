"""docs/openapi.yaml describes what template.yaml deploys, and is an OpenAPI description."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import Any

import pytest

from sundial.discovery.documents import authorization_server_metadata, openid_configuration
from sundial_local.paths import ROOT
from sundial_local.template import Template
from tests.support.config import make_config
from tests.support.openapi import (
    DESCRIPTION,
    NEEDS,
    VALIDATOR,
    load,
    names_without_a_value,
    operations,
    references,
    resolve,
)

DOCUMENT = load()
OPERATIONS = dict(operations(DOCUMENT))


def test_every_route_of_the_template_is_described_and_no_other() -> None:
    deployed = {route.key for function in Template.load().functions for route in function.routes}
    assert set(OPERATIONS) == deployed


@pytest.mark.skipif(not VALIDATOR.exists(), reason=NEEDS)
def test_it_is_valid_openapi_3_1() -> None:
    checked = subprocess.run([VALIDATOR, DESCRIPTION], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    named = set(references(DOCUMENT))
    for reference in named:
        resolve(DOCUMENT, reference)
    components = DOCUMENT["components"]
    kinds = set(components) - {"securitySchemes"}
    unused = {f"#/components/{kind}/{name}" for kind in kinds for name in components[kind]} - named
    assert not unused
    schemes = {name for operation in OPERATIONS.values() for one in operation.get("security", []) for name in one}
    assert schemes == set(components["securitySchemes"])
    assert not list(names_without_a_value(DOCUMENT))


@pytest.mark.parametrize("route", OPERATIONS)
def test_an_operation_says_what_it_is_and_all_that_it_may_answer(route: str) -> None:
    operation = OPERATIONS[route]
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    assert {"429", "500"} <= set(operation["responses"])
    assert ("413" in operation["responses"]) == ("requestBody" in operation), "a body can be too large"
    for name in re.findall(r"{(\w+)}", route):
        shared = DOCUMENT["paths"][route.partition(" ")[2]]["parameters"]
        assert name in {resolve(DOCUMENT, parameter["$ref"])["name"] for parameter in shared}


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)


def test_every_error_code_that_the_code_has_is_in_the_error_object() -> None:
    described = set(DOCUMENT["components"]["schemas"]["Error"]["properties"]["error"]["enum"])
    of_polls = {"authorization_pending", "slow_down", "expired_token"}  # RFC 8628 §3.5, from a table of theirs
    of_pages = {"login_required", "too_many_requests", "unsupported_response_type"}  # told in a redirect, or on a page
    assert described == codes() - of_pages | of_polls


def codes() -> set[str]:
    """The error codes that the source makes an OAuthError of."""
    found: set[str] = set()
    for file in (ROOT / "layers" / "sundial" / "sundial").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "OAuthError":
                code = node.args[0]
                found |= {code.value} if isinstance(code, ast.Constant) and isinstance(code.value, str) else set()
    return found


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ("OpenIdConfiguration", openid_configuration(make_config())),
        ("ServerMetadata", authorization_server_metadata(make_config())),
    ],
)
def test_every_member_of_discovery_is_described(schema: str, document: dict[str, Any]) -> None:
    described = DOCUMENT["components"]["schemas"][schema]
    assert set(described["required"]) <= set(document) <= set(described["properties"])
