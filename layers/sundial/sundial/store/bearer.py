"""What is to be known of an access token's login, in one network call: its family, and the keys published now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sundial.errors import temporarily_unavailable
from sundial.expiry.family import Family
from sundial.keys.jwks import ITEM_ID, PublicKeys
from sundial.store.aws import unavailable
from sundial.store.dynamodb_families import from_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WHAT = "the token store"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an access token's login stands: None for a family that is gone, or for keys never published."""

    family: Family | None
    public_keys: PublicKeys | None


class Bearers(Protocol):
    """How the logins behind access tokens stand."""

    def standing(self, family_id: str | None) -> Standing:
        """Return how the login `family_id` stands, or the public keys alone where it is None.

        One network call. Raises `temporarily_unavailable` (503) where that fails.
        """


class DynamoBearers:
    """Reads families and public keys together, by strongly consistent reads."""

    def __init__(self, client: DynamoDBClient, families_table: str, public_keys_table: str) -> None:
        self._client = client
        self._families_table = families_table
        self._public_keys_table = public_keys_table

    def standing(self, family_id: str | None) -> Standing:
        """Return how the login `family_id` stands (see Bearers): one BatchGetItem."""
        asked: dict[str, Any] = {self._public_keys_table: {"Keys": [{"id": {"S": ITEM_ID}}], "ConsistentRead": True}}
        if family_id is not None:
            asked[self._families_table] = {"Keys": [{"id": {"S": family_id}}], "ConsistentRead": True}
        with unavailable(_WHAT):
            found = self._client.batch_get_item(RequestItems=asked)
        if found.get("UnprocessedKeys"):
            raise temporarily_unavailable(f"{_WHAT} is busy; send the same request again", detail="UnprocessedKeys")
        items = found["Responses"]
        family = next(iter(items.get(self._families_table, ())), None)
        keys = next(iter(items.get(self._public_keys_table, ())), None)
        return Standing(from_item(family), PublicKeys.from_item(keys) if keys else None)
