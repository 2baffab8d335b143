"""Clients kept in DynamoDB, in the table of the local users, beside those of the configuration file.

A client is one item, `client#<id>`; the item `clients` holds the ids of all of them. With it a function
knows every id that there is by one read, so that an id which nobody registered costs no read of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from sundial.config.model import FormerSecret
from sundial.errors import temporarily_unavailable
from sundial.store.aws import unavailable
from sundial.store.transactions import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item = dict[str, Any]

MOST_CLIENTS = 3000
LONGEST_ID = 128
"""Characters, of ASCII. So many ids of this length fit into one item, of which DynamoDB takes 400 kB."""

_WHAT = "the client directory"
_IDS = "clients"
_READ_AT_ONCE = 100  # BatchGetItem takes no more


@dataclass(frozen=True, slots=True)
class StoredClient:
    """A client as the table keeps it. Instants are epoch seconds.

    `document` is what an entry of `staticClients` would say, the secret as its digest. A deleted client
    stays without a document, so that the next one of its id is not given what was this one's.
    """

    id: str
    document: Mapping[str, Any] = field(repr=False)
    created_at: int
    updated_at: int
    former_secret: FormerSecret | None = None
    deleted_at: int | None = None
    version: int = 0
    """Of the item: each change is written over the version that was read, or not at all."""


class ClientStore(Protocol):
    """What functions ask of the table of clients. Each method is one network round trip.

    Each raises `temporarily_unavailable` (503) when the table can't be reached.
    """

    def ids(self) -> frozenset[str]:
        """Return the ids of all clients, by a strongly consistent read."""

    def client(self, client_id: str) -> StoredClient | None:
        """Return a client, a deleted one too, by a strongly consistent read."""


class TooManyClientsError(Exception):
    """There are MOST_CLIENTS already."""


class DynamoClients:
    """A ClientStore on one DynamoDB table (template.yaml: DirectoryTable), and what an operator does with it."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def ids(self) -> frozenset[str]:
        """Return the ids of all clients (see ClientStore)."""
        item = self._get(_IDS)
        return frozenset(item["ids"]["SS"]) if item and "ids" in item else frozenset()

    def client(self, client_id: str) -> StoredClient | None:
        """Return a client (see ClientStore)."""
        item = self._get(_key(client_id))
        return _from_item(item) if item else None

    def all(self) -> Iterator[StoredClient]:
        """Yield every client but the deleted ones, by id."""
        ids = sorted(self.ids())
        for start in range(0, len(ids), _READ_AT_ONCE):
            keys = [{"pk": {"S": _key(client_id)}} for client_id in ids[start : start + _READ_AT_ONCE]]
            with unavailable(_WHAT):
                found = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            if found.get("UnprocessedKeys"):
                raise temporarily_unavailable(f"{_WHAT} is busy; try again", detail="UnprocessedKeys")
            clients = (_from_item(item) for item in found["Responses"][self._table])
            yield from sorted((one for one in clients if one.deleted_at is None), key=lambda one: one.id)

    def create(self, client: StoredClient) -> bool:
        """Write a new client; False, and nothing written, where there is one of its id.

        Where that one is deleted, the new one takes its place, if `client.version` is the deleted one's.
        Raises TooManyClientsError.
        """
        absent = "attribute_not_exists(pk) OR (attribute_exists(deleted_at) AND version = :version)"
        written = self._write(self._put(client, absent), self._change_ids("ADD", client.id, most=MOST_CLIENTS))
        if not written and len(self.ids()) >= MOST_CLIENTS:
            raise TooManyClientsError
        return written

    def update(self, client: StoredClient) -> bool:
        """Write a changed client; False, and nothing written, where it has changed since `client.version`."""
        return self._write(self._put(client, _UNCHANGED))

    def delete(self, client: StoredClient, now: int) -> bool:
        """Delete a client; False, and nothing written, where it has changed since `client.version`."""
        gone = replace(client, document={}, former_secret=None, updated_at=now, deleted_at=now)
        return self._write(self._put(gone, _UNCHANGED), self._change_ids("DELETE", client.id, most=MOST_CLIENTS + 1))

    def _get(self, key: str) -> Item | None:
        with unavailable(_WHAT):
            found = self._client.get_item(TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True)
        return found.get("Item")

    def _write(self, *writes: TransactWriteItemTypeDef) -> bool:
        with unavailable(_WHAT):
            return transact(self._client, writes)

    def _put(self, client: StoredClient, condition: str) -> TransactWriteItemTypeDef:
        """Return the write of `client` as the version after `client.version`."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": _to_item(replace(client, version=client.version + 1)),
                "ConditionExpression": condition,
                "ExpressionAttributeValues": {":version": {"N": str(client.version)}},
            }
        }

    def _change_ids(self, action: str, client_id: str, *, most: int) -> TransactWriteItemTypeDef:
        """Return the write that does `action` (ADD, DELETE) with an id; it fails where there are `most` already."""
        return {
            "Update": {
                "TableName": self._table,
                "Key": {"pk": {"S": _IDS}},
                "UpdateExpression": f"{action} ids :ids",
                "ConditionExpression": "attribute_not_exists(ids) OR size(ids) < :most",
                "ExpressionAttributeValues": {":ids": {"SS": [client_id]}, ":most": {"N": str(most)}},
            }
        }


_UNCHANGED = "version = :version AND attribute_not_exists(deleted_at)"


def _key(client_id: str) -> str:
    return f"client#{client_id}"


def _to_item(client: StoredClient) -> Item:
    item: Item = {
        "pk": {"S": _key(client.id)},
        "client_id": {"S": client.id},
        "document": {"S": json.dumps(client.document, ensure_ascii=False, separators=(",", ":"))},
        "created_at": {"N": str(client.created_at)},
        "updated_at": {"N": str(client.updated_at)},
        "version": {"N": str(client.version)},
    }
    if client.former_secret is not None:
        item["former_secret_sha256"] = {"B": client.former_secret.sha256}
        item["former_secret_until"] = {"N": str(client.former_secret.until)}
    if client.deleted_at is not None:
        item["deleted_at"] = {"N": str(client.deleted_at)}
    return item


def _from_item(item: Item) -> StoredClient:
    former_secret = None
    if "former_secret_sha256" in item:
        former_secret = FormerSecret(item["former_secret_sha256"]["B"], int(item["former_secret_until"]["N"]))
    return StoredClient(
        id=item["client_id"]["S"],
        document=json.loads(item["document"]["S"]),
        created_at=int(item["created_at"]["N"]),
        updated_at=int(item["updated_at"]["N"]),
        former_secret=former_secret,
        deleted_at=int(item["deleted_at"]["N"]) if "deleted_at" in item else None,
        version=int(item["version"]["N"]),
    )
