"""What every test may ask for: an AWS on loopback, and a stack of its own in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sundial.observe import logger
from sundial_local.ministack import SERVICES, MiniStack, running_ministack
from sundial_local.stack import clients
from sundial_local.template import Template
from tests.support.once import make_once
from tests.support.stack import OwnStack, own_stack

pytest_plugins = ["tests.support.leak_watch"]


@pytest.fixture(scope="session", autouse=True)
def libraries_remember() -> Iterator[None]:
    """See tests/support/once.py."""
    with pytest.MonkeyPatch.context() as patch:
        make_once(patch)
        yield


@pytest.fixture(autouse=True)
def log_level() -> None:
    """Begin with the level that functions begin with: the test before may have read `logger.level: error`."""
    logging.getLogger(logger.name).setLevel(logging.INFO)


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """MiniStack, started for the first test that asks; each pytest-xdist worker has its own.

    Beside what a local server needs, it has what receives events and what is asked of a deployed stack.
    """
    services = (*SERVICES, "cloudformation", "iam", "lambda", "monitoring", "scheduler", "sns", "sqs", "sts")
    with running_ministack(tmp_path_factory.mktemp("ministack") / "ministack.log", services=services) as running:
        yield running


@pytest.fixture(scope="session")
def aws_clients(ministack: MiniStack) -> Mapping[str, Any]:
    """boto3 clients of MiniStack, by service."""
    return clients(ministack.endpoint)


@pytest.fixture
def aws_environment(ministack: MiniStack, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Let every boto3 client of the test find MiniStack, by the standard variables; returns them."""
    for name, value in ministack.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return ministack.environment


@pytest.fixture(scope="session")
def template() -> Template:
    """template.yaml, its parameters at their defaults, for the issuer `https://login.example.com`."""
    return Template.load(parameters={"Issuer": "https://login.example.com"})


@pytest.fixture
def stack(
    template: Template, ministack: MiniStack, aws_clients: Mapping[str, Any], aws_environment: Mapping[str, str]
) -> OwnStack:
    """The template's tables, secret and key under fresh names, for this test alone."""
    return own_stack(template, ministack, aws_clients)
