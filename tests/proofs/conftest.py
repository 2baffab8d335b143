"""What proofs share: they make tens of thousands of requests, and on two engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock

import pytest

from tests.support.dynamodb_local import missing, running_dynamodb_local


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
