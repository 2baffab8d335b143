"""The bootstrap template, and the rights that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sundial_local.intrinsics import load_yaml
from sundial_local.ministack import MiniStack, running_ministack
from sundial_local.paths import ROOT
from tests.support.aws_cli import AwsCli, aws_cli
from tests.support.transformed import source, transformed

SERVICES = ("acm", "cloudformation", "iam", "kms", "lambda", "route53", "s3", "secretsmanager", "sqs", "sts", "wafv2")
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


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """A MiniStack with more services than other tests need."""
    with running_ministack(tmp_path_factory.mktemp("aws") / "ministack.log", services=SERVICES) as running:
        yield running


@pytest.fixture(scope="session")
def aws(everything: MiniStack) -> Iterator[AwsCli]:
    with aws_cli(everything.environment) as cli:
        yield cli
