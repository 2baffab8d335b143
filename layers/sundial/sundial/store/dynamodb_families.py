"""Refresh token families in DynamoDB: each decision is one conditional write.

The condition of each write is the fast path of one pure decision (`expiry.refresh.decide`,
`expiry.codes.decide`); a failed condition brings the item back, and the caller asks the decision why.
A test holds the two against each other for every case.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sundial.expiry.family import TOMBSTONE_GRACE, Claims, Family, expires_at
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.store.aws import unavailable
from sundial.store.families import Change, Held, Written
from sundial.store.family_items import Item, claims_to_item, denial_id, from_item, number, to_item
from sundial.tokens.opaque import Presented, new_change_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WHAT = "the token store"
_GRACE = int(TOMBSTONE_GRACE.total_seconds())
_MICROSECOND = timedelta(microseconds=1)
_NAME = re.compile(r"#(\w+)")


class DynamoFamilies:
    """A FamilyStore on one DynamoDB table (template.yaml: FamiliesTable)."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def begin(self, family: Family, alive_until: int | None = None) -> bool:
        """Write the family of a login that has just happened (see FamilyStore)."""
        item = to_item(family)
        if family.code is not None:
            item["ttl"] = number(family.code.expires_at + _GRACE)
        elif alive_until is not None:
            item |= {"expires_at": number(alive_until), "ttl": number(alive_until + _GRACE)}
        with unavailable(_WHAT):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(id)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                stands = _item_of(error) or {}
                return _change_id(stands) == family.change_id and "revoked_at" not in stands
        return True

    def redeem(
        self,
        presented: Presented,
        client_id: str,
        redirect_uri: str,
        challenges: frozenset[str],
        policy: RefreshTokenPolicy,
        access_lifetime: timedelta,
        not_before: int,
        change: Change,
        resources: frozenset[str] = frozenset(),
    ) -> Written:
        """Redeem the code of a family (see FamilyStore; RFC 6749 §4.1.3, RFC 7636 §4.6)."""
        values: Item = {
            ":client": {"S": client_id},
            ":redirect_uri": {"S": redirect_uri},
            ":now": number(change.now),
            ":generation": number(presented.generation),
            ":change": {"S": change.change_id},
            ":mac_key": {"S": change.mac_key_id},
        }
        if challenges:
            names = [f":challenge{index}" for index in range(len(challenges))]
            values |= {name: {"S": one} for name, one in zip(names, sorted(challenges), strict=True)}
            challenge_holds = f"#challenge IN ({', '.join(names)})"
        else:
            challenge_holds = "attribute_not_exists(#challenge)"
        login_holds = ""
        if not_before:
            login_holds = " AND #created_at >= :not_before"
            values[":not_before"] = number(not_before)
        last: int | None
        if presented.generation:
            last = expires_at(change.now, change.now, policy)
        else:
            last = change.now + int(access_lifetime.total_seconds())
        return self._update(
            presented.family_id,
            "SET #redeemed_at = :now, #created_at = :now, #rotated_at = :now, #last_used_at = :now, "
            "#generation = :generation, #change_id = :change, #mac_key_id = :mac_key" + _set_expiry(last, values),
            "attribute_not_exists(#revoked_at) AND attribute_not_exists(#redeemed_at) AND #client_id = :client "
            f"AND #redirect_uri = :redirect_uri AND #code_expires_at >= :now AND {challenge_holds}{login_holds}"
            + _target_holds(resources, values),
            values,
        )

    def rotate(
        self,
        presented: Presented,
        client_id: str,
        scopes: frozenset[str],
        policy: RefreshTokenPolicy,
        not_before: int,
        claims: Claims | None,
        change: Change,
        resources: frozenset[str] = frozenset(),
        held: Held | None = None,
    ) -> Written:
        """Advance a family (see FamilyStore; docs/architecture.md, "A refresh")."""
        values: Item = {":now": number(change.now), ":change": {"S": change.change_id}}
        holds = _refresh_holds(presented, client_id, scopes, policy, not_before, change, resources, values)
        sets = "SET #last_used_at = :now, #change_id = :change"
        if not policy.disable_rotation:
            sets += ", #generation = #generation + :one, #rotated_at = :now, #mac_key_id = :mac_key"
            values |= {":one": number(1), ":mac_key": {"S": change.mac_key_id}}
        if claims is not None:
            sets += ", #claims = :claims"
            values[":claims"] = {"M": claims_to_item(claims)}
        if held is not None:
            holds += " AND #lease_id = :lease"
            sets += f", #lease_until = :over{_set_upstream(held, values)}"
            values |= {":lease": {"S": held.lease_id}, ":over": number(0)}
        last = expires_at(presented.created_at, change.now, policy)
        return self._update(presented.family_id, sets + _set_expiry(last, values), holds, values)

    def lease(
        self,
        presented: Presented,
        client_id: str,
        scopes: frozenset[str],
        policy: RefreshTokenPolicy,
        not_before: int,
        change: Change,
        until: int,
        resources: frozenset[str] = frozenset(),
    ) -> Written:
        """Lease a family (see FamilyStore)."""
        values: Item = {":change": {"S": change.change_id}, ":until": number(until), ":now": number(change.now)}
        holds = _refresh_holds(presented, client_id, scopes, policy, not_before, change, resources, values)
        return self._update(
            presented.family_id,
            "SET #lease_id = :change, #lease_until = :until",
            f"{holds} AND (attribute_not_exists(#lease_until) OR #lease_until < :now)",
            values,
            own="lease_id",
        )

    def release(self, family_id: str, held: Held) -> None:
        """End a lease (see FamilyStore)."""
        values: Item = {":change": {"S": held.lease_id}, ":over": number(0)}
        update = f"SET #lease_until = :over{_set_upstream(held, values)}"
        ended = self._update(family_id, update, "#lease_id = :change", values, own="")
        if held.upstream is not None and held.before is not None and not ended.applied:
            values = {":before": {"B": held.before.ciphertext}}
            update = f"SET {_set_upstream(held, values).removeprefix(', ')}"
            self._update(family_id, update, "#upstream.#data = :before", values, own="")

    def revoke(self, family_id: str, now: int, why: str) -> bool:
        """Revoke a family (see FamilyStore). `why` is for the operator who lists the family."""
        change_id = new_change_id()  # so that the SDK's retry of a write that was made is still its own
        values: Item = {
            ":now": number(now),
            ":why": {"S": why},
            ":change": {"S": change_id},
            ":ttl": number(now + _GRACE),
        }
        update = (
            "SET #revoked_at = if_not_exists(#revoked_at, :now), #revoked_why = if_not_exists(#revoked_why, :why), "
            "#revoked_by = if_not_exists(#revoked_by, :change), "
            "#ttl = if_not_exists(#ttl_once_revoked, if_not_exists(#ttl, :ttl))"  # see `store.inheritance`
        )
        with unavailable(_WHAT):
            updated = self._client.update_item(
                TableName=self._table,
                Key={"id": {"S": family_id}},
                UpdateExpression=update,
                ExpressionAttributeNames=_names(update),
                ExpressionAttributeValues=values,
                ReturnValues="UPDATED_NEW",
            )
        return updated["Attributes"]["revoked_by"]["S"] == change_id

    def deny(self, jti: str, expires_at: int) -> None:
        """Revoke one access token (see FamilyStore): an item of its own, beside the families."""
        with unavailable(_WHAT):
            self._client.put_item(
                TableName=self._table,
                Item={"id": {"S": denial_id(jti)}, "ttl": number(expires_at)},
            )

    def get(self, family_id: str) -> Family | None:
        """Return a family as it stands (see FamilyStore)."""
        with unavailable(_WHAT):
            found = self._client.get_item(TableName=self._table, Key={"id": {"S": family_id}}, ConsistentRead=True)
        return from_item(found.get("Item"))

    def _update(self, family_id: str, update: str, condition: str, values: Item, own: str = "change_id") -> Written:
        """Write under a condition. Where `own` is already the `:change` of this write, the SDK has sent it twice."""
        with unavailable(_WHAT):
            try:
                updated = self._client.update_item(
                    TableName=self._table,
                    Key={"id": {"S": family_id}},
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=_names(f"{update} {condition}"),
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                item = _item_of(error)
                is_own_write = bool(own) and item is not None and item.get(own) == values[":change"]
                return Written(is_own_write, from_item(item))
        return Written(True, from_item(updated["Attributes"]))


def _refresh_holds(
    presented: Presented,
    client_id: str,
    scopes: frozenset[str],
    policy: RefreshTokenPolicy,
    not_before: int,
    change: Change,
    resources: frozenset[str],
    values: Item,
) -> str:
    """Return the condition that `expiry.refresh.decide` says ROTATE, or KEEP, and that nothing wider is asked for."""
    holds = "#generation = :presented AND attribute_not_exists(#revoked_at) AND #client_id = :client"
    values |= {":presented": number(presented.generation), ":client": {"S": client_id}}
    if not policy.disable_rotation and policy.reuse_interval is not None:
        holds += " AND #rotated_at < :window"
        values[":window"] = _before(change.now, policy.reuse_interval)
    if not_before:
        holds += " AND #rotated_at >= :not_before"
        values[":not_before"] = number(not_before)
    if policy.absolute_lifetime is not None:
        holds += " AND #created_at >= :born"
        values[":born"] = _before(change.now, policy.absolute_lifetime)
    if policy.valid_if_not_used_for is not None:
        holds += " AND #last_used_at >= :used"
        values[":used"] = _before(change.now, policy.valid_if_not_used_for)
    for index, scope in enumerate(sorted(scopes)):
        holds += f" AND contains(#scopes, :scope{index})"
        values[f":scope{index}"] = {"S": scope}
    return holds + _target_holds(resources, values)


def _set_upstream(held: Held, values: Item) -> str:
    """Return the part of an update that keeps what the provider gave out."""
    if held.upstream is None:
        return ""
    values[":upstream"] = {"B": held.upstream}
    return ", #upstream.#data = :upstream"


def _set_expiry(last: int | None, values: Item) -> str:
    """Return the part of an update that keeps `expires_at` and `ttl` true; DynamoDB's TTL is never a check."""
    if last is None:
        return " REMOVE #expires_at, #ttl"
    values[":expires_at"] = number(last)
    values[":ttl"] = number(last + _GRACE)
    return ", #expires_at = :expires_at, #ttl = :ttl"


def _target_holds(resources: frozenset[str], values: Item) -> str:
    """Return the part of a condition that keeps a token within the resources of its login, where it has any."""
    if not resources:
        return ""
    names = {f":resource{index}": {"S": resource} for index, resource in enumerate(sorted(resources))}
    values |= names
    within = " AND ".join(f"contains(#resources, {name})" for name in names)
    return f" AND (attribute_not_exists(#resources) OR ({within}))"


def _before(now: int, duration: timedelta) -> dict[str, str]:
    """Return `now - duration` exactly: a duration may have a fraction, which a float would round."""
    seconds, microseconds = divmod(now * 10**6 - duration // _MICROSECOND, 10**6)
    return {"N": f"{seconds}.{microseconds:06}"} if microseconds else number(seconds)


@cache
def _names(expression: str) -> dict[str, str]:
    """Return the attribute names of `expression`: all are written as placeholders, since many words are reserved."""
    return {f"#{name}": name for name in sorted(set(_NAME.findall(expression)))}


def _item_of(error: ClientError) -> Item | None:
    """Return the item that failed a condition (ReturnValuesOnConditionCheckFailure)."""
    response: Item = dict(error.response)
    return response.get("Item")


def _change_id(item: Item | None) -> str | None:
    return item["change_id"]["S"] if item and "change_id" in item else None
