"""Events: each one log line, one metric and one entry of the bus, as documented, and never in anybody's way."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

from sundial.events import KINDS, Detail, Event, EventBridge, Events, Lost, log_name
from sundial.expiry.family import Ending
from sundial_local.paths import ROOT
from tests.support.event_schemas import FOLDER, schema_of, validate
from tests.support.families import LOGIN_AT
from tests.support.told import EVENTS, messages, metrics_of, recording_events

each = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.title)


def test_every_kind_of_event_is_tried_here() -> None:
    assert [type(event) for event in EVENTS] == list(KINDS)


@each
def test_an_event_is_exactly_one_log_line_one_metric_and_one_entry(
    event: Event, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    events, bus = recording_events()
    events.emit(LOGIN_AT, event)
    [record] = caplog.records
    assert (record.getMessage(), record.levelname) == (log_name(event), event.severity.upper())
    counted = [metric.name for metric in metrics_of(capsys.readouterr().out)]
    assert counted == ([event.metric] if event.metric else [])
    [(title, detail)] = bus.events
    assert title == event.title
    assert detail == {"issuer": "https://id.example.com", "at": LOGIN_AT, **dataclasses.asdict(event)}


@each
def test_an_event_is_what_its_schema_says_and_the_schema_says_no_more(event: Event) -> None:
    schema = schema_of(event.title)
    fields = ["issuer", "at", *(field.name for field in dataclasses.fields(event))]
    assert schema["title"] == event.title
    assert list(schema["properties"]) == fields
    assert schema["required"] == fields
    assert all(part["description"] for part in schema["properties"].values())
    validate(event.title, json.loads(Detail.of(event, "https://id.example.com", LOGIN_AT).body))


def test_every_schema_is_of_an_event() -> None:
    files = {path.name for path in FOLDER.iterdir()}
    assert files == {f"{kind.title.lower().replace(' ', '-')}.schema.json" for kind in KINDS}


def test_the_schema_of_a_revocation_names_every_reason_there_is() -> None:
    assert schema_of("Family Revoked")["properties"]["why"]["enum"] == [ending.value for ending in Ending]


def test_a_field_too_many_or_of_the_wrong_kind_would_be_noticed() -> None:
    detail: dict[str, Any] = json.loads(Detail.of(EVENTS[0], "https://id.example.com", LOGIN_AT).body)
    for changed in ({**detail, "email": "jane@example.com"}, {**detail, "generation_gap": "2"}):
        with pytest.raises(AssertionError):
            validate("Refresh Token Replayed", changed)


@each
def test_the_page_has_each_event_with_its_level_metric_and_dimensions(event: Event) -> None:
    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    [row] = [line for line in page.splitlines() if line.startswith(f"| `{event.title}`")]
    _, _, _, level, metric, schema, _ = (cell.strip() for cell in row.split("|"))
    dimensions = re.findall(r"`(\w+)`", metric)
    assert level == event.severity
    assert dimensions == [
        event.metric or "KeyRotationOverdue",
        *(event.dimensions or ({} if event.metric else {"alg": ""})),
    ]
    assert schema.endswith(f"({FOLDER.name}/{event.title.lower().replace(' ', '-')}.schema.json)")


def test_the_example_of_the_page_is_what_its_schema_says() -> None:
    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    example = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert example["source"] == "sundial"
    validate(example["detail-type"], example["detail"])


def test_several_events_of_one_cause_are_one_call_to_the_bus() -> None:
    events, bus = recording_events()
    events.emit(LOGIN_AT, EVENTS[0], EVENTS[2])
    assert len(bus.calls) == 1
    assert bus.titles == ["Refresh Token Replayed", "Family Revoked"]


def test_nothing_to_tell_is_no_call_at_all() -> None:
    events, bus = recording_events()
    events.emit(LOGIN_AT)
    assert bus.calls == []


def test_an_event_that_the_bus_does_not_take_is_logged_and_that_is_all(caplog: pytest.LogCaptureFixture) -> None:
    events, bus = recording_events()
    bus.fails = True
    events.emit(LOGIN_AT, EVENTS[0])
    assert messages(caplog) == ["refresh_token_replayed", "event_not_sent"]


def test_without_a_bus_there_are_the_log_line_and_the_metric(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    Events().emit(LOGIN_AT, EVENTS[0])
    assert messages(caplog) == ["refresh_token_replayed"]
    assert [metric.name for metric in metrics_of(capsys.readouterr().out)] == ["Replays"]


@pytest.fixture
def client() -> Any:
    return boto3.client("events", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")


DETAILS = [Detail.of(EVENTS[0], "https://id.example.com", LOGIN_AT)] * 11


def test_eleven_events_are_two_calls(client: Any) -> None:
    with Stubber(client) as stub:
        for number in (10, 1):
            stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}] * number})
        assert EventBridge(lambda: client, "bus").put(DETAILS, LOGIN_AT) == []
        stub.assert_no_pending_responses()


def test_what_eventbridge_refuses_is_told_and_the_rest_is_sent(client: Any) -> None:
    refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
    with Stubber(client) as stub:
        stub.add_client_error("put_events", "AccessDeniedException")
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [refused]})
        lost = EventBridge(lambda: client, "bus").put(DETAILS, LOGIN_AT)
    title = "Refresh Token Replayed"
    assert lost == [Lost(title, "AccessDeniedException")] * 10 + [Lost(title, "InternalFailure")]


def test_a_bus_that_is_out_of_reach_raises_nothing() -> None:
    def unreachable() -> Any:
        raise ConnectTimeoutError(endpoint_url="https://events.example.com")

    lost = EventBridge(unreachable, "bus").put(DETAILS[:1], LOGIN_AT)
    assert lost == [Lost("Refresh Token Replayed", "ConnectTimeoutError")]
