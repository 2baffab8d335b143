"""Clients of the table for tests: a builder, and a ClientStore in memory that counts its round trips."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from sundial.config.model import FormerSecret
from sundial.errors import temporarily_unavailable
from sundial.store.clients import StoredClient
from tests.support.families import LOGIN_AT, REDIRECT_URI

CLIENT_SECRET = "the-secret-of-a-client-in-the-table"
FORMER_SECRET = "the-secret-that-it-had-before"


def a_client(client_id: str = "table-app", *, former_until: int | None = None, **document: Any) -> StoredClient:
    """Return a confidential client of the table, its `document` changed as said; None leaves a key out.

    Up to `former_until` (epoch seconds) FORMER_SECRET works too.
    """
    whole = {"id": client_id, "secretHash": digest(CLIENT_SECRET).hex(), "redirectURIs": [REDIRECT_URI]} | document
    return StoredClient(
        id=client_id,
        document={key: value for key, value in whole.items() if value is not None},
        created_at=LOGIN_AT,
        updated_at=LOGIN_AT,
        former_secret=None if former_until is None else FormerSecret(digest(FORMER_SECRET), former_until),
        version=1,
    )


def digest(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8")).digest()


class MemoryClients:
    """A ClientStore in memory; `broken` stands for a table that can't be reached. `calls` are its round trips."""

    def __init__(self, *clients: StoredClient) -> None:
        self.clients = {client.id: client for client in clients}
        self.calls: list[str] = []
        self.broken = False

    def put(self, client: StoredClient) -> None:
        """Have a client, new or changed."""
        self.clients[client.id] = client

    def delete(self, client_id: str) -> None:
        """Keep a client as a deleted one."""
        self.clients[client_id] = replace(self.clients[client_id], document={}, deleted_at=LOGIN_AT)

    def ids(self) -> frozenset[str]:
        self._called("ids")
        return frozenset(client.id for client in self.clients.values() if client.deleted_at is None)

    def client(self, client_id: str) -> StoredClient | None:
        self._called(client_id)
        return self.clients.get(client_id)

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if self.broken:
            raise temporarily_unavailable("the client directory can't be reached at the moment")
