"""Proofs make tens of thousands of requests: what these count is counted here, instead of printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest


@pytest.fixture(autouse=True)
def metrics(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, ...]]:
    """The metrics of the test so far, each by its name and the values of its dimensions."""
    counted: Counter[tuple[str, ...]] = Counter()

    def emit(name: str, value: float, unit: str, dimensions: Mapping[str, str], details: object) -> None:
        counted[(name, *dimensions.values())] += 1

    monkeypatch.setattr("sundial.observe._emit", emit)
    return counted
