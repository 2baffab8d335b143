"""Operators for the tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live_issuer import Issuer, live_issuer
from tests.support.operator import MakeOperator, Operator
from tests.support.stack import OwnStack


@pytest.fixture
def make_operator(
    stack: OwnStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> MakeOperator:
    """Return a function from a configuration to the operator of a deployment that has it."""
    return lambda yaml_text: Operator(stack, tmp_path, monkeypatch, capsys, yaml_text)


@pytest.fixture
def issuer(stack: OwnStack, make_operator: MakeOperator) -> Iterator[tuple[Operator, Issuer]]:
    """An operator of a deployment that has lived for an hour and is served over HTTP."""
    with live_issuer(stack, make_operator) as both:
        yield both
