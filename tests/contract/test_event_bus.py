"""The stack's event bus: what the functions put on it comes out by a rule, such as the one in docs/events.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest

from sundial.deployment import Deployment
from sundial.events import Detail, EventBridge
from sundial_local.intrinsics import load_yaml
from sundial_local.paths import ROOT
from tests.support.event_schemas import validate
from tests.support.families import LOGIN_AT
from tests.support.stack import OwnStack
from tests.support.told import EVENTS


@pytest.fixture
def rule() -> dict[str, Any]:
    """The example of docs/events.md."""
    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    properties: dict[str, Any] = load_yaml(page.partition("```yaml\n")[2].partition("```")[0])["SecurityEvents"][
        "Properties"
    ]
    return properties


@pytest.fixture
def heard(stack: OwnStack, rule: dict[str, Any]) -> Iterator[Any]:
    """What a queue behind that rule has received so far."""
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName=f"security-{uuid4().hex}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps(rule["EventPattern"])
    stack.events.put_rule(Name="security", EventBusName=stack.event_bus, EventPattern=pattern)
    stack.events.put_targets(Rule="security", EventBusName=stack.event_bus, Targets=[{"Id": "queue", "Arn": arn}])

    def receive() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    yield receive
    sqs.delete_queue(QueueUrl=queue)


def test_a_rule_hears_the_events_that_it_asks_for_each_as_its_schema_says(
    stack: OwnStack, rule: dict[str, Any], heard: Any
) -> None:
    bus = EventBridge(lambda: Deployment(stack.environment).client("events"), stack.event_bus)
    assert bus.put([Detail.of(event, "https://id.example.com", LOGIN_AT) for event in EVENTS], LOGIN_AT) == []
    received = heard()
    assert sorted(event["detail-type"] for event in received) == sorted(rule["EventPattern"]["detail-type"])
    for event in received:
        assert event["source"] == "sundial"
        validate(event["detail-type"], event["detail"])
