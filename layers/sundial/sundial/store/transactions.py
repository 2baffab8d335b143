"""Several writes that happen together or not at all, each with its condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


def transact(client: DynamoDBClient, writes: Sequence[TransactWriteItemTypeDef]) -> bool:
    """Make `writes` in one transaction; False, and nothing written, where a condition of theirs does not hold.

    The SDK sends a token with it, by which DynamoDB knows a retry of a transaction that it has applied:
    so that is a success, where a conditional write by itself would fail its own condition.
    """
    try:
        client.transact_write_items(TransactItems=writes)
    except client.exceptions.TransactionCanceledException as error:
        reasons = error.response.get("CancellationReasons", [])
        if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
            return False
        raise
    return True
