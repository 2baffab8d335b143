"""What is to be known of a token, in one network call: its login, whether it is revoked, the keys published now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sundial.errors import temporarily_unavailable
from sundial.expiry.family import Family
from sundial.keys.jwks import ITEM_ID, PublicKeys
from sundial.store.aws import unavailable
from sundial.store.family_items import denial_id, from_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WHAT = "the token store"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a token stands: None for a family that is gone, or for keys never published."""

    family: Family | None
    public_keys: PublicKeys | None
    denied: bool = False
    """Whether the token itself has been revoked (RFC 7009)."""


class Bearers(Protocol):
    """How the logins behind tokens stand."""

    def standing(self, family_id: str | None, jti: str | None = None) -> Standing:
        """Return how the login `family_id` and the token `jti` stand; the public keys alone where both are None.

        One network call. Raises `temporarily_unavailable` (503) where that fails.
        """


class DynamoBearers:
    """Reads families, denials and public keys together, by strongly consistent reads."""

    def __init__(self, client: DynamoDBClient, families_table: str, public_keys_table: str) -> None:
        self._client = client
        self._families_table = families_table
        self._public_keys_table = public_keys_table

    def standing(self, family_id: str | None, jti: str | None = None) -> Standing:
        """Return how a login and a token stand (see Bearers): one BatchGetItem."""
        asked: dict[str, Any] = {self._public_keys_table: {"Keys": [{"id": {"S": ITEM_ID}}], "ConsistentRead": True}}
        denial = None if jti is None else denial_id(jti)
        ids = [one for one in (family_id, denial) if one is not None]
        if ids:
            asked[self._families_table] = {"Keys": [{"id": {"S": one}} for one in ids], "ConsistentRead": True}
        with unavailable(_WHAT):
            found = self._client.batch_get_item(RequestItems=asked)
        if found.get("UnprocessedKeys"):
            raise temporarily_unavailable(f"{_WHAT} is busy; send the same request again", detail="UnprocessedKeys")
        items = {item["id"]["S"]: item for item in found["Responses"].get(self._families_table, ())}
        keys = next(iter(found["Responses"].get(self._public_keys_table, ())), None)
        return Standing(
            from_item(items.get(family_id or "")),
            PublicKeys.from_item(keys) if keys else None,
            denied=denial in items,
        )
