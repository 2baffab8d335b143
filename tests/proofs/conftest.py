"""What proofs share: they make tens of thousands of requests, and on two engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

import pytest

from sundial_local.ministack import MiniStack
from sundial_local.template import Template
from tests.support.crash_site import CrashSite, crash_site
from tests.support.crash_world import Bench
from tests.support.dynamodb_local import missing, running_dynamodb_local
from tests.support.stack import own_stack


@pytest.fixture(autouse=True)
def metrics(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, ...]]:
    """The metrics of the test so far, each by its name and the values of its dimensions; none is printed."""
    counted: Counter[tuple[str, ...]] = Counter()
    lock = Lock()

    def emit(name: str, value: float, unit: str, parts: Sequence[Mapping[str, str]], details: object) -> None:
        with lock:
            counted[(name, *parts[0].values())] += 1

    monkeypatch.setattr("sundial.observe._emit", emit)
    return counted


@pytest.fixture(scope="session")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of Amazon's DynamoDB Local, started for the first test that asks."""
    lack = missing()
    if lack is not None:
        pytest.skip(f"DynamoDB Local: {lack}")
    with running_dynamodb_local(tmp_path_factory.mktemp("dynamodb-local") / "dynamodb-local.log") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def own_site(
    template: Template, ministack: MiniStack, aws_clients: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CrashSite]:
    """A deployment of its own behind a bad network, and its provider."""
    bench = Bench(own_stack(template, ministack, aws_clients), tmp_path_factory.mktemp("deployed"))
    with crash_site(bench) as site:
        yield site


@pytest.fixture
def site(own_site: CrashSite, aws_environment: object) -> Iterator[CrashSite]:
    """The same, as it is when nobody has come."""
    own_site.bench.take_items()
    with own_site.shared():
        yield own_site
