"""docs/events/: what the documentation promises of an event's `detail`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from sundial_local.paths import ROOT

FOLDER = ROOT / "docs" / "events"


def schema_of(title: str) -> dict[str, Any]:
    """Return the JSON Schema of an event's `detail`, by its `detail-type`."""
    path = FOLDER / f"{title.lower().replace(' ', '-')}.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schema


def validate(title: str, detail: Mapping[str, Any]) -> None:
    """Fail where `detail` is not what the schema of `title` says, or has a field that it doesn't know."""
    validator = import_module("jsonschema").Draft202012Validator
    schema = schema_of(title) | {"additionalProperties": False}
    validator.check_schema(schema)
    problems = [error.message for error in validator(schema).iter_errors(dict(detail))]
    assert not problems, f"{title}: {problems}"
