"""`sundial clients`, as the tests type it."""

from __future__ import annotations

from sundial.store.clients import DynamoClients, StoredClient
from tests.support.families import REDIRECT_URI
from tests.support.operator import Operator
from tests.support.refresh_world import quick_config

TEXT = quick_config(everywhere="{absoluteLifetime: 100h}")


def stored(table: DynamoClients, client_id: str = "app") -> StoredClient:
    client = table.client(client_id)
    assert client is not None
    return client


def create(sundial: Operator, client_id: str = "app", options: str = f"--redirect-uri {REDIRECT_URI}") -> str:
    """Create a client and return its secret."""
    result = sundial(f"clients create {client_id} {options} --json")
    assert result.status == 0, result.err
    return str(result.json["secret"])
