"""Worlds to record and to go on in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compatibility.record import AT
from tests.compatibility.world import World
from tests.support.stack import OwnStack

MakeWorld = Callable[[int], World]


@pytest.fixture
def world(stack: OwnStack, tmp_path: Path) -> World:
    """A deployment with nothing in its tables."""
    return World(stack, tmp_path, AT)
