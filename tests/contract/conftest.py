"""The stores on a table of the test's own."""

from __future__ import annotations

import pytest

from sundial.store.dynamodb_families import DynamoFamilies
from tests.support.stack import OwnStack


@pytest.fixture
def families(stack: OwnStack) -> DynamoFamilies:
    return DynamoFamilies(stack.dynamodb, stack.families_table)
