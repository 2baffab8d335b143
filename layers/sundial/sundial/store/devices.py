"""What devices ask for, in the table of families: until somebody allows it, and until its tokens are fetched.

A request is at most two items. `user-code#…` holds what was asked for, from the first second; the item of the
family's id is made by the first poll, which notes itself there, and replaced by the family when the request
is allowed. The first poll that finds a family finds its tokens.

The condition of a poll is the fast path of `expiry.device.decide`; a test holds the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from sundial.expiry.device import POLLS_REMEMBERED, DeviceLogin, DeviceRequest
from sundial.expiry.family import TOMBSTONE_GRACE, Family
from sundial.store.aws import unavailable
from sundial.store.family_items import FOR_EVER, from_item, number, to_item
from sundial.tokens.device_codes import PresentedDevice

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

_WHAT = "the token store"
_GRACE = int(TOMBSTONE_GRACE.total_seconds())
_NEVER = 0
_POLLS = ("polled_at", *(f"polled_{nth}" for nth in range(2, POLLS_REMEMBERED + 2)))
"""The attributes that remember polls, the latest first: the poll itself, and what its decision looks back upon."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll came to: whether it was noted, and how the request stood before it."""

    applied: bool
    login: DeviceLogin


class DeviceStore(Protocol):
    """The requests of devices. Each method is one network round trip unless it says otherwise.

    Each raises `temporarily_unavailable` (503) when the table can't be reached, and then the same call may
    be made again.
    """

    def ask(self, request: DeviceRequest, now: int) -> bool:
        """Keep a new request; False where its user code is another's that is still alive at `now` (epoch seconds)."""

    def find(self, user_code: str) -> DeviceRequest | None:
        """Return the request of a user code, which may be over; None where there is none, or it has been answered.

        By strongly consistent reads: a second one where there is such a code.
        """

    def allow(self, family: Family, expires_at: int, alive_until: int | None) -> bool:
        """Write the family that a request has become; its tokens can be fetched until `expires_at`.

        From then on it is kept until `alive_until`; None is for ever. A second time, recognised by its
        `change_id`, that changes nothing and is as good; False where the request has been answered otherwise.
        """

    def poll(
        self, presented: PresentedDevice, client_id: str, resources: frozenset[str], now: int, change_id: str
    ) -> Polled:
        """Note a poll: applied exactly where `expiry.device.decide` says GRANT, PENDING or SLOW_DOWN.

        `change_id` is the random id of this poll, by which an SDK retry of it is recognised.
        """

    def may_try(self, source: str, window: int, most: int, until: int) -> bool:
        """Count a try of `source` in `window`; False, and not counted, where it has had `most`. Kept until `until`."""


class DynamoDevices:
    """A DeviceStore on one DynamoDB table (template.yaml: FamiliesTable)."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def ask(self, request: DeviceRequest, now: int) -> bool:
        """Keep a new request (see DeviceStore); it takes the place of one with the same code that is over."""
        with unavailable(_WHAT):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_request_to_item(request),
                    ConditionExpression="attribute_not_exists(id) OR expires_at < :now OR family_id = :own",
                    ExpressionAttributeValues={":now": number(now), ":own": {"S": request.family_id}},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def find(self, user_code: str) -> DeviceRequest | None:
        """Return the request of a user code (see DeviceStore)."""
        item = self._get(_user_code_id(user_code))
        if item is None:
            return None
        request = _request_from_item(user_code, item)
        family = self._get(request.family_id) or {}
        return None if family.keys() & {"client_id", "revoked_at"} else request

    def allow(self, family: Family, expires_at: int, alive_until: int | None) -> bool:
        """Write the family that a request has become (see DeviceStore)."""
        item = to_item(family) | {
            "allowed_by": {"S": family.change_id},
            "ttl": number(expires_at + _GRACE),
            "ttl_once_fetched": number(FOR_EVER if alive_until is None else alive_until + _GRACE),
        }
        if alive_until is not None:
            item["expires_at"] = number(alive_until)
        with unavailable(_WHAT):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(client_id) AND attribute_not_exists(revoked_at)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                stands = _item_of(error)
                return "revoked_at" not in stands and stands.get("allowed_by") == item["allowed_by"]
        return True

    def poll(
        self, presented: PresentedDevice, client_id: str, resources: frozenset[str], now: int, change_id: str
    ) -> Polled:
        """Note a poll (see DeviceStore): the polls before it move one place on."""
        targets: Item = {f":resource{nth}": {"S": one} for nth, one in enumerate(sorted(resources))}
        within = " AND ".join(f"contains(resources, {name})" for name in targets)
        target_holds = f" AND (attribute_not_exists(resources) OR ({within}))" if targets else ""
        moves = ", ".join(
            f"{later} = if_not_exists({earlier}, :never)" for earlier, later in reversed(tuple(pairwise(_POLLS)))
        )
        with unavailable(_WHAT):
            try:
                updated = self._client.update_item(
                    TableName=self._table,
                    Key={"id": {"S": presented.family_id}},
                    UpdateExpression=f"SET {moves}, polled_at = :now, polled_by = :change, "
                    "#ttl = if_not_exists(ttl_once_fetched, :ttl)",
                    ConditionExpression="attribute_not_exists(revoked_at) AND "
                    "(attribute_not_exists(polled_by) OR polled_by <> :change) AND "
                    "(attribute_not_exists(client_id) OR "
                    f"(client_id = :client AND attribute_not_exists(polled_at){target_holds}))",
                    ExpressionAttributeNames={"#ttl": "ttl"},
                    ExpressionAttributeValues={
                        ":never": number(_NEVER),
                        ":now": number(now),
                        ":change": {"S": change_id},
                        ":client": {"S": client_id},
                        ":ttl": number(presented.expires_at + _GRACE),
                        **targets,
                    },
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                item = _item_of(error)
                is_own_write = item.get("polled_by") == {"S": change_id}
                return Polled(is_own_write, _login_from_item(item, skip=1 if is_own_write else 0))
        return Polled(True, _login_from_item(updated["Attributes"], skip=1))

    def may_try(self, source: str, window: int, most: int, until: int) -> bool:
        """Count a try (see DeviceStore)."""
        with unavailable(_WHAT):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key={"id": {"S": f"tries#{source}#{window}"}},
                    UpdateExpression="ADD tries :one SET #ttl = :until",
                    ConditionExpression="attribute_not_exists(tries) OR tries < :most",
                    ExpressionAttributeNames={"#ttl": "ttl"},
                    ExpressionAttributeValues={":one": number(1), ":most": number(most), ":until": number(until)},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _get(self, item_id: str) -> Item | None:
        with unavailable(_WHAT):
            found = self._client.get_item(TableName=self._table, Key={"id": {"S": item_id}}, ConsistentRead=True)
        return found.get("Item")


def _user_code_id(user_code: str) -> str:
    return f"user-code#{user_code}"


def _request_to_item(request: DeviceRequest) -> Item:
    item: Item = {
        "id": {"S": _user_code_id(request.user_code)},
        "family_id": {"S": request.family_id},
        "device_of": {"S": request.client_id},
        "scopes": {"SS": sorted(request.scopes)},
        "created_at": number(request.created_at),
        "expires_at": number(request.expires_at),
        "ttl": number(request.expires_at),
    }
    if request.audience:
        item["audience"] = {"L": [{"S": one} for one in request.audience]}
    if request.resources:
        item["resources"] = {"L": [{"S": one} for one in request.resources]}
    return item


def _request_from_item(user_code: str, item: Item) -> DeviceRequest:
    return DeviceRequest(
        user_code=user_code,
        family_id=item["family_id"]["S"],
        client_id=item["device_of"]["S"],
        scopes=frozenset(item["scopes"]["SS"]),
        created_at=int(item["created_at"]["N"]),
        expires_at=int(item["expires_at"]["N"]),
        audience=tuple(one["S"] for one in item["audience"]["L"]) if "audience" in item else (),
        resources=tuple(one["S"] for one in item["resources"]["L"]) if "resources" in item else (),
    )


def _login_from_item(item: Item, *, skip: int) -> DeviceLogin:
    """Return how a request stood before its last `skip` polls."""
    polls = tuple(at for name in _POLLS if name in item and (at := int(item[name]["N"])) != _NEVER)
    revoked_at = int(item["revoked_at"]["N"]) if "revoked_at" in item else None
    return DeviceLogin(from_item(item), polls[skip:], revoked_at)


def _item_of(error: ClientError) -> Item:
    """Return the item that failed a condition (ReturnValuesOnConditionCheckFailure)."""
    response: Item = dict(error.response)
    item: Item = response.get("Item") or {}
    return item
