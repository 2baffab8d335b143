"""Operators for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.operator import MakeOperator, Operator
from tests.support.stack import OwnStack


@pytest.fixture
def make_operator(
    stack: OwnStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> MakeOperator:
    """Return a function from a configuration to the operator of a deployment that has it."""
    return lambda yaml_text: Operator(stack, tmp_path, monkeypatch, capsys, yaml_text)
