"""docs/openapi.yaml, as the tests read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from sundial_local.paths import ROOT

DESCRIPTION = ROOT / "docs" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SCHEMATHESIS = ROOT / ".venv-schemathesis" / "bin" / "schemathesis"
VALIDATOR = SCHEMATHESIS.with_name("openapi-spec-validator")
NEEDS = "needs schemathesis in .venv-schemathesis (`make test` installs it)"


def load() -> dict[str, Any]:
    """Return the description."""
    document: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text("utf-8"))
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each operation by its route (`GET /auth/{connector}`)."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def references(node: object) -> Iterator[str]:
    """Return every `$ref` in a part of the description."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document: dict[str, Any], reference: str) -> Any:
    """Return what a local `$ref` names; raises a KeyError where there is nothing."""
    node: Any = document
    for name in reference.removeprefix("#/").split("/"):
        node = node[name.replace("~1", "/").replace("~0", "~")]
    return node


def names_without_a_value(node: object, path: str = "") -> Iterator[str]:
    """Return where a name has no value: in YAML's braces, a comma in a text that is not quoted makes one."""
    if isinstance(node, dict):
        for name, value in node.items():
            if value is None:
                yield f"{path}/{name}"
            yield from names_without_a_value(value, f"{path}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from names_without_a_value(value, f"{path}/{index}")
