"""The public face of the ring: one small item that holds the JWKS (RFC 7517 §5), for those who never see the ring."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sundial.store.aws import unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from sundial.keys.algorithms import PublicKey

ITEM_ID = "jwks"
_WHAT = "the table of public keys"
_NOT_OLDER = "attribute_not_exists(id) OR serial < :serial OR (serial = :serial AND as_of <= :as_of)"


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The JWKS as published: of which ring (`serial`), as of when, and what is known of its future.

    Instants are epoch seconds. `next_change_at` is when the next key is expected to come or go.
    """

    serial: int
    as_of: int
    keys: tuple[Mapping[str, str], ...]
    """JWKs (RFC 7517 §4), each with `kid`, `alg` and `use`."""
    published_at: Mapping[str, int] = field(default_factory=dict)
    """By `kid`; a key that isn't there has not been seen in the JWKS yet."""
    next_change_at: int | None = None
    not_before: int = 0
    """The operator's watermark: nothing issued before it is honoured."""
    _parsed: dict[str, tuple[str, PublicKey]] = field(default_factory=dict, repr=False, compare=False)

    def key(self, kid: str) -> tuple[str, PublicKey] | None:
        """Return the `alg` and the key of that `kid`, parsed once; None where it is not published (any more)."""
        if kid not in self._parsed:
            jwk = next((jwk for jwk in self.keys if jwk["kid"] == kid), None)
            if jwk is None:
                return None
            from sundial.keys.algorithms import from_jwk  # here, since whoever serves the JWKS parses no key

            self._parsed[kid] = jwk["alg"], from_jwk(jwk)
        return self._parsed[kid]

    def document(self) -> str:
        """Return the JWK Set (RFC 7517 §5): the body of GET /keys."""
        return json.dumps({"keys": [dict(jwk) for jwk in self.keys]}, separators=(",", ":"))

    def to_item(self) -> dict[str, Any]:
        """Return the DynamoDB item."""
        item: dict[str, Any] = {
            "id": {"S": ITEM_ID},
            "serial": {"N": str(self.serial)},
            "as_of": {"N": str(self.as_of)},
            "keys": {"S": json.dumps([dict(jwk) for jwk in self.keys], separators=(",", ":"))},
            "published_at": {"M": {kid: {"N": str(at)} for kid, at in self.published_at.items()}},
            "not_before": {"N": str(self.not_before)},
        }
        if self.next_change_at is not None:
            item["next_change_at"] = {"N": str(self.next_change_at)}
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> PublicKeys:
        """Return what a DynamoDB item of `to_item` says."""
        next_change_at = item.get("next_change_at")
        return cls(
            serial=int(item["serial"]["N"]),
            as_of=int(item["as_of"]["N"]),
            keys=tuple(json.loads(item["keys"]["S"])),
            published_at={kid: int(at["N"]) for kid, at in item["published_at"]["M"].items()},
            next_change_at=None if next_change_at is None else int(next_change_at["N"]),
            not_before=int(item["not_before"]["N"]),
        )


class PublicKeyStore:
    """The item. Every method is one network call, and raises `temporarily_unavailable` (503) where that fails."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def publish(self, keys: PublicKeys) -> bool:
        """Make `keys` the served JWKS; return False, and change nothing, where a newer ring's is served already."""
        with unavailable(_WHAT):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=keys.to_item(),
                    ConditionExpression=_NOT_OLDER,
                    ExpressionAttributeValues={
                        ":serial": {"N": str(keys.serial)},
                        ":as_of": {"N": str(keys.as_of)},
                    },
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def load(self) -> PublicKeys | None:
        """Return the JWKS as published, by a strongly consistent read; None before the first rotation."""
        with unavailable(_WHAT):
            found = self._client.get_item(TableName=self._table, Key={"id": {"S": ITEM_ID}}, ConsistentRead=True)
        return PublicKeys.from_item(found["Item"]) if "Item" in found else None
