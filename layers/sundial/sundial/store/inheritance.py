"""Logins that begin elsewhere and go on here: what an operator writes when moving from Dex."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sundial.expiry.family import TOMBSTONE_GRACE, Family
from sundial.store.aws import unavailable
from sundial.store.family_items import FOR_EVER, number, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHANGE_ID = "inherited"
"""The `change_id` of a family that nobody has refreshed since it was imported."""
_GRACE = int(TOMBSTONE_GRACE.total_seconds())
_UNTOUCHED = (
    "attribute_not_exists(id) OR"
    " (change_id = :change AND attribute_not_exists(revoked_at) AND attribute_not_exists(lease_id))"
)


class DynamoInheritance:
    """Writes imported families into the table of template.yaml's FamiliesTable."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def inherit(self, family: Family, alive_until: int | None) -> bool:
        """Write a family as it comes from Dex, kept until `alive_until` (epoch seconds; None is for ever).

        Again, it takes the place of what was written before, as long as nobody has refreshed it since; False,
        and nothing written, where somebody has, or it is revoked. Raises a 503 where the table can't be reached.

        Once it is revoked it is kept for good, whatever it has become by then: an export has no end, and a login
        that the table has forgotten would come back with it.
        """
        item = to_item(family) | {"ttl_once_revoked": number(FOR_EVER)}
        if alive_until is not None:
            item |= {"expires_at": number(alive_until), "ttl": number(alive_until + _GRACE)}
        with unavailable("the token store"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression=_UNTOUCHED,
                    ExpressionAttributeValues={":change": {"S": CHANGE_ID}},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True
