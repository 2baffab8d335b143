"""Local users kept in DynamoDB, beside those of the configuration file (Dex: enablePasswordDB).

A user is two items, written together: `user#<email>` for a login, with the password's hash, and
`user-tag#<tag>` for a refresh, without it. So each is one GetItem.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sundial.store.aws import unavailable
from sundial.tokens.subject import user_tag

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item = dict[str, Any]

_WHAT = "the user directory"


@dataclass(frozen=True, slots=True)
class LocalUser:
    """A local user. `user_id` makes the `sub` and never changes; `hash` is bcrypt's, empty where it was not read."""

    email: str
    user_id: str
    hash: bytes = field(default=b"", repr=False)
    username: str = ""
    name: str = ""
    preferred_username: str = ""
    email_verified: bool = True
    groups: tuple[str, ...] = ()
    disabled: bool = False


class Directory(Protocol):
    """What the password connector asks of the table of local users. Each method is one network round trip.

    Each raises `temporarily_unavailable` (503) when the table can't be reached.
    """

    def user(self, email: str) -> LocalUser | None:
        """Return the user with that email, in lower case, by a strongly consistent read."""

    def user_by_tag(self, tag: bytes) -> LocalUser | None:
        """Return the user with that tag (`tokens.subject.user_tag`), without the hash; as consistent."""


class DynamoDirectory:
    """A Directory on one DynamoDB table (template.yaml: DirectoryTable), and what an operator does with it."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def user(self, email: str) -> LocalUser | None:
        """Return the user with that email (see Directory)."""
        return self._get(_email_key(email))

    def user_by_tag(self, tag: bytes) -> LocalUser | None:
        """Return the user with that tag (see Directory)."""
        return self._get(_tag_key(tag))

    def put(self, user: LocalUser) -> bool:
        """Write a user, new or changed. False, and nothing written, where the email or the id is another user's."""
        writes: list[TransactWriteItemTypeDef] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": _to_item(_email_key(user.email), user) | {"hash": {"B": user.hash}},
                    "ConditionExpression": "attribute_not_exists(pk) OR user_id = :user_id",
                    "ExpressionAttributeValues": {":user_id": {"S": user.user_id}},
                }
            },
            {
                "Put": {
                    "TableName": self._table,
                    "Item": _to_item(_tag_key(user_tag(user.user_id)), user),
                    "ConditionExpression": "attribute_not_exists(pk) OR email_key = :email_key",
                    "ExpressionAttributeValues": {":email_key": {"S": user.email.lower()}},
                }
            },
        ]
        with unavailable(_WHAT):
            try:
                self._client.transact_write_items(TransactItems=writes)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = error.response.get("CancellationReasons", [])
                if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                    return False
                raise
        return True

    def delete(self, user: LocalUser) -> None:
        """Delete a user; one who is not there is no error. Their refresh tokens end at the next refresh."""
        keys = (_email_key(user.email), _tag_key(user_tag(user.user_id)))
        with unavailable(_WHAT):
            self._client.transact_write_items(
                TransactItems=[{"Delete": {"TableName": self._table, "Key": {"pk": {"S": key}}}} for key in keys]
            )

    def _get(self, key: str) -> LocalUser | None:
        with unavailable(_WHAT):
            found = self._client.get_item(TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True)
        return _from_item(found["Item"]) if "Item" in found else None


def _email_key(email: str) -> str:
    return f"user#{email.lower()}"


def _tag_key(tag: bytes) -> str:
    return f"user-tag#{tag.hex()}"


def _to_item(key: str, user: LocalUser) -> Item:
    return {
        "pk": {"S": key},
        "email": {"S": user.email},
        "email_key": {"S": user.email.lower()},
        "user_id": {"S": user.user_id},
        "username": {"S": user.username},
        "name": {"S": user.name},
        "preferred_username": {"S": user.preferred_username},
        "email_verified": {"BOOL": user.email_verified},
        "groups": {"L": [{"S": group} for group in user.groups]},
        "disabled": {"BOOL": user.disabled},
    }


def _from_item(item: Item) -> LocalUser:
    return LocalUser(
        email=item["email"]["S"],
        user_id=item["user_id"]["S"],
        hash=item["hash"]["B"] if "hash" in item else b"",
        username=item["username"]["S"],
        name=item["name"]["S"],
        preferred_username=item["preferred_username"]["S"],
        email_verified=item["email_verified"]["BOOL"],
        groups=tuple(group["S"] for group in item["groups"]["L"]),
        disabled=item["disabled"]["BOOL"],
    )
