"""Local users kept in DynamoDB, beside those of the configuration file (Dex: enablePasswordDB).

A user is two items, written together: `user#<email>` for a login, with the password's hash, and
`user-tag#<tag>` for a refresh, without it. So each is one GetItem.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from sundial.store.aws import unavailable
from sundial.store.family_items import number
from sundial.store.transactions import transact
from sundial.tokens.subject import user_tag

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item = dict[str, Any]

_WHAT = "the user directory"


@dataclass(frozen=True, slots=True)
class LocalUser:
    """A local user. `user_id` makes the `sub` and never changes; `hash` is bcrypt's, empty where it was not read.

    Instants are epoch seconds.
    """

    email: str
    user_id: str
    hash: bytes = field(default=b"", repr=False)
    username: str = ""
    name: str = ""
    preferred_username: str = ""
    email_verified: bool = True
    groups: tuple[str, ...] = ()
    disabled: bool = False
    not_before: int = 0
    """A login from before this is over, whatever became of its family: the password has changed since."""
    created_at: int = 0
    updated_at: int = 0
    version: int = 0
    """Of the items: each change is written over the version that was read, or not at all."""


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

    def all(self) -> Iterator[LocalUser]:
        """Yield every user, without the hash, in no order: a scan of the table, for an operator alone."""
        start: Item = {}
        while True:
            with unavailable(_WHAT):
                page = self._client.scan(
                    TableName=self._table,
                    FilterExpression="begins_with(pk, :users)",
                    ExpressionAttributeValues={":users": {"S": _TAG_PREFIX}},
                    **start,
                )
            yield from map(_from_item, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def create(self, user: LocalUser) -> bool:
        """Write a new user; False, and nothing written, where the email or the id is somebody's already."""
        by_email, by_tag = _items(user)
        return self._write(self._put_new(by_email), self._put_new(by_tag))

    def update(self, before: LocalUser, after: LocalUser) -> bool:
        """Write a changed user; False, and nothing written, where they have changed since `before` was read.

        The same where they are gone, or where a new email is somebody's already. The id never changes.
        """
        if before.user_id != after.user_id:
            raise ValueError("the id of a user never changes")
        by_email, by_tag = _items(replace(after, version=before.version))
        replaced = self._put_over(by_tag, before)
        if _email_key(before.email) == _email_key(after.email):
            return self._write(self._put_over(by_email, before), replaced)
        return self._write(self._delete(_email_key(before.email), before), self._put_new(by_email), replaced)

    def delete(self, user: LocalUser) -> bool:
        """Delete a user; False, and nothing written, where they have changed since they were read, or are gone."""
        keys = (_email_key(user.email), _tag_key(user_tag(user.user_id)))
        return self._write(*(self._delete(key, user) for key in keys))

    def _get(self, key: str) -> LocalUser | None:
        with unavailable(_WHAT):
            found = self._client.get_item(TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True)
        return _from_item(found["Item"]) if "Item" in found else None

    def _write(self, *writes: TransactWriteItemTypeDef) -> bool:
        with unavailable(_WHAT):
            return transact(self._client, writes)

    def _put_new(self, item: Item) -> TransactWriteItemTypeDef:
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _put_over(self, item: Item, before: LocalUser) -> TransactWriteItemTypeDef:
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": _UNCHANGED,
                "ExpressionAttributeValues": {":version": number(before.version)},
            }
        }

    def _delete(self, key: str, before: LocalUser) -> TransactWriteItemTypeDef:
        return {
            "Delete": {
                "TableName": self._table,
                "Key": {"pk": {"S": key}},
                "ConditionExpression": _UNCHANGED,
                "ExpressionAttributeValues": {":version": number(before.version)},
            }
        }


_UNCHANGED = "version = :version"
_TAG_PREFIX = "user-tag#"


def _email_key(email: str) -> str:
    return f"user#{email.lower()}"


def _tag_key(tag: bytes) -> str:
    return f"{_TAG_PREFIX}{tag.hex()}"


def _items(user: LocalUser) -> tuple[Item, Item]:
    """Return a user's two items, as the version after `user.version`."""
    following = replace(user, version=user.version + 1)
    by_email = _to_item(_email_key(user.email), following) | {"hash": {"B": user.hash}}
    return by_email, _to_item(_tag_key(user_tag(user.user_id)), following)


def _to_item(key: str, user: LocalUser) -> Item:
    return {
        "pk": {"S": key},
        "email": {"S": user.email},
        "user_id": {"S": user.user_id},
        "username": {"S": user.username},
        "name": {"S": user.name},
        "preferred_username": {"S": user.preferred_username},
        "email_verified": {"BOOL": user.email_verified},
        "groups": {"L": [{"S": group} for group in user.groups]},
        "disabled": {"BOOL": user.disabled},
        "not_before": number(user.not_before),
        "created_at": number(user.created_at),
        "updated_at": number(user.updated_at),
        "version": number(user.version),
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
        not_before=int(item["not_before"]["N"]),
        created_at=int(item["created_at"]["N"]),
        updated_at=int(item["updated_at"]["N"]),
        version=int(item["version"]["N"]),
    )
