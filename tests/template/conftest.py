"""The template as written, and as CloudFormation gets it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.transformed import source, transformed

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """The transformed template, its parameters at their defaults."""
    return transformed(source())


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> Resources:
    """Every resource of the transformed template, by logical id."""
    deployed: Resources = template["Resources"]
    return deployed
