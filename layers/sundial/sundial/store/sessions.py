"""The families as whoever looks after a deployment sees them: who is logged in, where, and how each login stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from sundial.errors import temporarily_unavailable
from sundial.store.aws import unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WHAT = "the token store"
_BATCH = 100  # BatchGetItem takes no more
_ATTEMPTS = 8
_FIRST_PAUSE = 0.05  # seconds
_ATTRIBUTES = (
    "id",
    "subject",
    "client_id",
    "connector_id",
    "claims.user_id",
    "claims.email",
    "created_at",
    "last_used_at",
    "rotated_at",
    "generation",
    "expires_at",
    "code_expires_at",
    "redeemed_at",
    "revoked_at",
    "revoked_why",
)
_NAMES = {f"#{name}": name for path in _ATTRIBUTES for name in path.split(".")}
_PROJECTION = ", ".join(".".join(f"#{name}" for name in path.split(".")) for path in _ATTRIBUTES)


class State(StrEnum):
    """How a login stands."""

    ACTIVE = "active"
    CODE = "code"
    """Its authorization code waits to be redeemed."""
    EXPIRED = "expired"
    REVOKED = "revoked"
    BEFORE_WATERMARK = "before the watermark"
    """Nothing of it was issued since the operator's watermark."""


@dataclass(frozen=True, slots=True)
class Session:
    """A login as its item has it. Instants are epoch seconds; None is what hasn't happened, or has no end."""

    family_id: str
    subject: str
    user_id: str
    email: str
    client_id: str
    connector_id: str
    created_at: int
    last_used_at: int
    rotated_at: int
    generation: int
    """0 where there is no refresh token (yet)."""
    expires_at: int | None
    """As the settings stood when it was last used."""
    code_expires_at: int | None
    redeemed_at: int | None
    revoked_at: int | None
    revoked_why: str | None

    def state(self, now: int, not_before: int = 0) -> State:
        """Return how the login stands at `now` under the watermark `not_before` (epoch seconds)."""
        if self.revoked_at is not None:
            return State.REVOKED
        waits = self.redeemed_at is None and self.code_expires_at is not None
        if (self.created_at if waits else self.rotated_at) < not_before:
            return State.BEFORE_WATERMARK
        last = self.code_expires_at if waits else self.expires_at
        if last is not None and now > last:
            return State.EXPIRED
        return State.CODE if waits else State.ACTIVE


@dataclass(frozen=True, slots=True)
class Selection:
    """Which logins: those that fit all that is stated. An email is compared without regard to case."""

    user: str | None = None
    """A user id, or an email address."""
    client_id: str | None = None
    connector_id: str | None = None

    def fits(self, session: Session) -> bool:
        """Return whether `session` is one of them."""
        return (
            (self.user is None or self.user == session.user_id or self.user.lower() == session.email.lower())
            and self.client_id in (None, session.client_id)
            and self.connector_id in (None, session.connector_id)
        )

    def filter(self) -> dict[str, Any]:
        """Return the arguments by which DynamoDB keeps back what doesn't fit; it can't compare in lower case."""
        stated = {"client_id": self.client_id, "connector_id": self.connector_id}
        equal = {name: value for name, value in stated.items() if value is not None}
        if not equal:
            return {}
        return {
            "FilterExpression": " AND ".join(f"#{name} = :{name}" for name in equal),
            "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in equal.items()},
        }


class DynamoSessions:
    """Finds families in their table. Every method raises `temporarily_unavailable` (503) where it can't be read."""

    def __init__(self, client: DynamoDBClient, table: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        """`pause` waits for a number of seconds before DynamoDB is asked again for what it left out."""
        self._client = client
        self._table = table
        self._pause = pause

    def of_subject(self, subject: str) -> list[Session]:
        """Return every login of one `sub`, by the index: it lags behind the table, by milliseconds as a rule."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by_subject",
            KeyConditionExpression="subject = :subject",
            ExpressionAttributeValues={":subject": {"S": subject}},
        )
        with unavailable(_WHAT):
            ids = [item["id"]["S"] for page in pages for item in page["Items"]]
        return [session for some in _batches(ids) for session in self._by_ids(some)]

    def of_family(self, family_id: str) -> Session | None:
        """Return one login, by a strongly consistent read."""
        with unavailable(_WHAT):
            found = self._client.get_item(
                TableName=self._table,
                Key={"id": {"S": family_id}},
                ConsistentRead=True,
                ProjectionExpression=_PROJECTION,
                ExpressionAttributeNames=_NAMES,
            )
        return _session(found.get("Item", {}))

    def scan(
        self, selection: Selection, *, segments: int = 8, scanned: Callable[[int], None] = lambda _items: None
    ) -> list[Session]:
        """Return the logins of a selection, having read the whole table, in so many parts at once.

        `scanned` hears, from any thread, of how many more items have been looked at. A login that begins
        meanwhile may or may not be among them.
        """

        def part(segment: int) -> list[Session]:
            found = []
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._table,
                Segment=segment,
                TotalSegments=segments,
                ConsistentRead=True,
                ProjectionExpression=_PROJECTION,
                ExpressionAttributeNames=_NAMES,
                **selection.filter(),
            )
            with unavailable(_WHAT):
                for page in pages:
                    found += [one for one in map(_session, page["Items"]) if one is not None and selection.fits(one)]
                    scanned(page["ScannedCount"])
            return found

        with ThreadPoolExecutor(segments) as pool:
            return [session for found in pool.map(part, range(segments)) for session in found]

    def about_how_many(self) -> int:
        """Return how many items the table has, as DynamoDB last counted: up to six hours ago."""
        with unavailable(_WHAT):
            return self._client.describe_table(TableName=self._table)["Table"].get("ItemCount", 0)

    def _by_ids(self, ids: list[str]) -> Iterator[Session]:
        asked: Any = {
            self._table: {
                "Keys": [{"id": {"S": family_id}} for family_id in ids],
                "ConsistentRead": True,
                "ProjectionExpression": _PROJECTION,
                "ExpressionAttributeNames": _NAMES,
            }
        }
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(_FIRST_PAUSE * 2**attempt)
            with unavailable(_WHAT):
                found = self._client.batch_get_item(RequestItems=asked)
            yield from filter(None, map(_session, found["Responses"].get(self._table, ())))
            asked = found.get("UnprocessedKeys")
            if not asked:
                return
        raise temporarily_unavailable(f"{_WHAT} is busy; try again", detail="UnprocessedKeys")


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while some := list(islice(rest, _BATCH)):
        yield some


def _session(item: Mapping[str, Any]) -> Session | None:
    """Return the login that an item is; None for the tombstone of one that never was, and for what is no login."""
    if "client_id" not in item:
        return None

    def text(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    def number(name: str) -> int | None:
        return int(item[name]["N"]) if name in item else None

    claims = item.get("claims", {}).get("M", {})
    return Session(
        family_id=item["id"]["S"],
        subject=text("subject") or "",
        user_id=claims["user_id"]["S"] if "user_id" in claims else "",
        email=claims["email"]["S"] if "email" in claims else "",
        client_id=item["client_id"]["S"],
        connector_id=text("connector_id") or "",
        created_at=number("created_at") or 0,
        last_used_at=number("last_used_at") or 0,
        rotated_at=number("rotated_at") or 0,
        generation=number("generation") or 0,
        expires_at=number("expires_at"),
        code_expires_at=number("code_expires_at"),
        redeemed_at=number("redeemed_at"),
        revoked_at=number("revoked_at"),
        revoked_why=text("revoked_why"),
    )
