"""What was told of: the log lines, the metrics and the events of a test, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from sundial.events import (
    AuthorizationCodeReplayed,
    Detail,
    Event,
    Events,
    FamilyRevoked,
    IntegrityAlarm,
    KeyRevoked,
    KeyRotationOverdue,
    Lost,
    RefreshTokenReplayed,
    SigningKeyRotated,
)
from sundial.expiry.family import Ending
from sundial.observe import logger
from tests.support.event_schemas import validate
from tests.support.families import LOGIN_AT

KID, OTHER_KID = "a" * 43, "b" * 43
FAMILY = "qcFjFFuW4ileT3XjAF1nLg"
EVENTS: tuple[Event, ...] = (
    RefreshTokenReplayed("app", "local", FAMILY, generation_gap=2, on_replay="revoke"),
    AuthorizationCodeReplayed("app", "local", FAMILY),
    FamilyRevoked("app", "local", FAMILY, Ending.BY_OPERATOR),
    IntegrityAlarm("app", "local", FAMILY),
    SigningKeyRotated("RS256", KID, OTHER_KID, LOGIN_AT - 1200),
    KeyRevoked("RS256", KID, LOGIN_AT + 300, LOGIN_AT + 3660),
    KeyRotationOverdue("RS256", KID, LOGIN_AT - 90, 90),
)
"""One of each kind."""


@dataclass
class RecordingBus:
    """A bus in memory, which checks each event against its schema. `fails` stands for one that takes nothing."""

    fails: bool = False
    calls: list[list[tuple[str, dict[str, Any]]]] = field(default_factory=list)

    def put(self, details: Sequence[Detail], at: int) -> list[Lost]:
        entries = [(one.title, json.loads(one.body)) for one in details]
        for title, body in entries:
            validate(title, body)
            assert body["at"] == at
        self.calls.append(entries)
        return [Lost(one.title, "ThrottlingException") for one in details] if self.fails else []

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Every event, in order."""
        return [entry for call in self.calls for entry in call]

    @property
    def titles(self) -> list[str]:
        """The `detail-type` of every event, in order."""
        return [title for title, _ in self.events]


def recording_events() -> tuple[Events, RecordingBus]:
    """Return what tells of events, and the bus that hears them."""
    bus = RecordingBus()
    return Events("https://id.example.com", bus), bus


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of a metric, as CloudWatch takes it from a line of the embedded metric format."""

    name: str
    value: float
    sets: tuple[tuple[str, ...], ...]
    """The sets of dimensions under which it is counted."""
    line: dict[str, Any]


def metrics_of(printed: str) -> list[Metric]:
    """Return the metrics among lines that were printed."""
    return list(_metrics(printed))


def _metrics(printed: str) -> Iterator[Metric]:
    for text in printed.splitlines():
        if not text.startswith('{"_aws"'):
            continue
        line = json.loads(text)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            sets = tuple(tuple(names) for names in directive["Dimensions"])
            assert all(isinstance(line[name], str) for names in sets for name in names)
            for metric in directive["Metrics"]:
                yield Metric(metric["Name"], sum(line[metric["Name"]]), sets, line)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the message of every log line of ours."""
    return [record.getMessage() for record in caplog.records if record.name == logger.name]
