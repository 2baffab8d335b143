"""An operator of clients, and the deployment that the clients use."""

from __future__ import annotations

import pytest

from sundial.store.clients import DynamoClients
from tests.support.client_commands import TEXT
from tests.support.operator import MakeOperator, Operator
from tests.support.refresh_world import RefreshWorld
from tests.support.stack import OwnStack


@pytest.fixture
def sundial(make_operator: MakeOperator) -> Operator:
    return make_operator(TEXT)


@pytest.fixture
def table(stack: OwnStack) -> DynamoClients:
    return DynamoClients(stack.dynamodb, stack.directory_table)


@pytest.fixture
def world(stack: OwnStack, table: DynamoClients) -> RefreshWorld:
    """The token endpoint of the same deployment, which has not asked for any client yet."""
    world = RefreshWorld(stack=stack)
    world.clients = table
    world.configure(TEXT)
    return world
