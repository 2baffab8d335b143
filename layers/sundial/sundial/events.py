"""What happened that somebody should know of: each is one log line, one metric and one event on the event bus.

docs/events.md is their documentation, docs/events/ their schemas. None holds a token, a code, a key's
private half or anything of a user: a family's id leads an operator to the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from sundial.observe import count, logger

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "sundial"
"""The `source` of every event: what a rule's pattern asks for."""
_MOST_AT_ONCE = 10  # PutEvents takes no more


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. Its fields, which are JSON values, are the `detail` of the event and of its log line."""

    title: ClassVar[str]
    """The event's `detail-type`."""
    severity: ClassVar[str]
    """The level of the log line: `info`, `warning` or `error`."""
    metric: ClassVar[str]
    """The CloudWatch metric that counts it; empty where a gauge measures it at every run."""

    @property
    def dimensions(self) -> Mapping[str, str]:
        """The dimensions of the metric."""
        return {}


@dataclass(frozen=True, slots=True)
class RefreshTokenReplayed(Event):
    """A superseded refresh token came back outside of the reuse interval (RFC 9700 §4.14.2)."""

    client_id: str
    connector_id: str
    family_id: str
    generation_gap: int
    """By how many rotations the token was behind."""
    on_replay: str
    """What the configuration has it cost: `revoke` or `reject`."""

    title: ClassVar[str] = "Refresh Token Replayed"
    severity: ClassVar[str] = "warning"
    metric: ClassVar[str] = "Replays"

    @property
    def dimensions(self) -> Mapping[str, str]:
        """Which token of which client."""
        return {"token": "refresh_token", "client": self.client_id, "connector": self.connector_id}


@dataclass(frozen=True, slots=True)
class AuthorizationCodeReplayed(Event):
    """An authorization code was used a second time (RFC 6749 §4.1.2)."""

    client_id: str
    connector_id: str
    family_id: str

    title: ClassVar[str] = "Authorization Code Replayed"
    severity: ClassVar[str] = "warning"
    metric: ClassVar[str] = "Replays"

    @property
    def dimensions(self) -> Mapping[str, str]:
        """Which token of which client."""
        return {"token": "authorization_code", "client": self.client_id, "connector": self.connector_id}


@dataclass(frozen=True, slots=True)
class FamilyRevoked(Event):
    """A login has been ended before its time."""

    client_id: str
    connector_id: str
    family_id: str
    why: str
    """One of `sundial.expiry.family.Ending`."""

    title: ClassVar[str] = "Family Revoked"
    severity: ClassVar[str] = "warning"
    metric: ClassVar[str] = "FamiliesRevoked"

    @property
    def dimensions(self) -> Mapping[str, str]:
        """Whose login."""
        return {"client": self.client_id, "connector": self.connector_id}


@dataclass(frozen=True, slots=True)
class IntegrityAlarm(Event):
    """A refresh token with a valid MAC that was never given out: a leaked MAC key, or a table of yesterday."""

    client_id: str
    connector_id: str
    family_id: str

    title: ClassVar[str] = "Integrity Alarm"
    severity: ClassVar[str] = "error"
    metric: ClassVar[str] = "IntegrityAlarms"


@dataclass(frozen=True, slots=True)
class SigningKeyRotated(Event):
    """A signing key has taken over from the one before it. Instants are epoch seconds."""

    alg: str
    kid: str
    """The key that signs now."""
    previous_kid: str
    signs_from: int

    title: ClassVar[str] = "Signing Key Rotated"
    severity: ClassVar[str] = "info"
    metric: ClassVar[str] = "KeysRotated"

    @property
    def dimensions(self) -> Mapping[str, str]:
        """Of which algorithm."""
        return {"alg": self.alg}


@dataclass(frozen=True, slots=True)
class KeyRevoked(Event):
    """A key has left the ring before its time: the emergency drill. Instants are epoch seconds."""

    alg: str
    """`MAC` for a MAC key."""
    kid: str
    everywhere_at: int
    """When every function has forgotten it."""
    caches_until: int | None
    """When no verifier that keeps to the JWKS' `max-age` has it any more; None for a MAC key, which none ever had."""

    title: ClassVar[str] = "Key Revoked"
    severity: ClassVar[str] = "warning"
    metric: ClassVar[str] = "KeysRevoked"

    @property
    def dimensions(self) -> Mapping[str, str]:
        """Of which algorithm."""
        return {"alg": self.alg}


@dataclass(frozen=True, slots=True)
class KeyRotationOverdue(Event):
    """A key signs for longer than `expiry.signingKeys`; each run that finds it so says so. Instants are epoch seconds.

    Its metric is the gauge of the same name, which every run reports: 0 where all is well.
    """

    alg: str
    kid: str
    due_at: int
    overdue_seconds: int

    title: ClassVar[str] = "Key Rotation Overdue"
    severity: ClassVar[str] = "error"
    metric: ClassVar[str] = ""


KINDS: tuple[type[Event], ...] = (
    RefreshTokenReplayed,
    AuthorizationCodeReplayed,
    FamilyRevoked,
    IntegrityAlarm,
    SigningKeyRotated,
    KeyRevoked,
    KeyRotationOverdue,
)
"""Every event that there is."""


class Bus(Protocol):
    """Where events go."""

    def put(self, details: Sequence[Detail], at: int) -> list[Lost]:
        """Send events that happened at `at` (epoch seconds); return those that were lost. It never raises for that."""


@dataclass(frozen=True, slots=True)
class Detail:
    """An event as the bus takes it."""

    title: str
    body: str
    """JSON."""

    @classmethod
    def of(cls, event: Event, issuer: str, at: int) -> Detail:
        """Return `event`, which happened at `at` (epoch seconds) in the deployment of `issuer`."""
        return cls(event.title, json.dumps({"issuer": issuer, "at": at, **asdict(event)}))


@dataclass(frozen=True, slots=True)
class Lost:
    """An event that the bus has not taken."""

    title: str
    why: str


class EventBridge:
    """An Amazon EventBridge event bus. Its client is made for the first event, so that who has none pays nothing."""

    def __init__(self, client: Callable[[], EventBridgeClient], name: str) -> None:
        self._client = client
        self._name = name

    def put(self, details: Sequence[Detail], at: int) -> list[Lost]:
        """Send events (see Bus): one network call for every ten."""
        lost = []
        for start in range(0, len(details), _MOST_AT_ONCE):
            some = details[start : start + _MOST_AT_ONCE]
            try:
                results = self._client().put_events(Entries=[self._entry(one, at) for one in some])["Entries"]
            except (ClientError, BotoCoreError) as error:
                lost += [Lost(one.title, _reason(error)) for one in some]
                continue
            lost += [
                Lost(one.title, result["ErrorCode"])
                for one, result in zip(some, results, strict=True)
                if "ErrorCode" in result
            ]
        return lost

    def _entry(self, detail: Detail, at: int) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": detail.title,
            "Detail": detail.body,
            "Time": datetime.fromtimestamp(at, UTC),
        }


class Events:
    """Tells of events. Nothing that goes wrong with that changes what happened, or what a client is answered."""

    def __init__(self, issuer: str = "", bus: Bus | None = None) -> None:
        """`issuer` says in each event which deployment it is of; without a bus, log and metric are all there is."""
        self._issuer = issuer
        self._bus = bus

    def emit(self, now: int, *events: Event) -> None:
        """Tell of `events`, which happened at `now` (epoch seconds): no network call for none, one for up to ten."""
        for event in events:
            fields = asdict(event)
            getattr(logger, event.severity)(log_name(event), **fields)
            if event.metric:
                count(event.metric, details=fields, apart=None, **event.dimensions)
        if events and self._bus is not None:
            for lost in self._bus.put([Detail.of(event, self._issuer, now) for event in events], now):
                logger.error("event_not_sent", event=lost.title, why=lost.why)


def log_name(event: Event) -> str:
    """Return the message of an event's log line: its `detail-type` in lower case, such as `family_revoked`."""
    return event.title.lower().replace(" ", "_")


def _reason(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "")
    return type(error).__name__
