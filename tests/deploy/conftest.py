"""The bootstrap template, and the rights that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sundial_local.intrinsics import load_yaml
from sundial_local.paths import ROOT
from tests.support.transformed import source, transformed

Resources = dict[str, dict[str, Any]]
Statement = Mapping[str, Any]

EXECUTION = ("FunctionsPolicy", "DataPolicy", "OperationsPolicy", "DomainPolicy", "CloudFrontPolicy")


@pytest.fixture(scope="session")
def bootstrap() -> Resources:
    """Every resource of deploy/bootstrap.yaml, by logical id, short tags as their long forms."""
    resources: Resources = load_yaml((ROOT / "deploy" / "bootstrap.yaml").read_text("utf-8"))["Resources"]
    return resources


@pytest.fixture(scope="session")
def deployed() -> Resources:
    """Every resource of template.yaml after SAM's transform, options and all."""
    resources: Resources = transformed(source())["Resources"]
    return resources


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(bootstrap: Resources, *policies: str) -> Iterator[tuple[str, Statement]]:
    """Yield each statement of these managed policies, with the policy's name."""
    for name in policies:
        for statement in bootstrap[name]["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement


def actions(bootstrap: Resources, *policies: str) -> set[str]:
    return {action for _, statement in statements(bootstrap, *policies) for action in as_list(statement["Action"])}
