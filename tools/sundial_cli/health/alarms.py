"""The alarms: whether one rings, and whether anybody would hear it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sundial_cli.health.finding import OPERATIONS, Finding, Look, Verdict, bad, ok, warning
from sundial_cli.instants import utc
from sundial_cli.target import Resource, Target

ALARMS = frozenset({"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"})
TOPIC = "AWS::SNS::Topic"
_AT_ONCE = 100  # alarms that DescribeAlarms takes by their names
_PAGE = re.compile(rf"{re.escape(OPERATIONS)}#[\w-]+")


def looks(target: Target, resources: Sequence[Resource]) -> Iterator[Look]:
    """Yield what to look at: all alarms at once, and each topic that they go to."""
    cloudwatch, sns = target.client("cloudwatch"), target.client("sns")
    names = [one.id for one in resources if one.type in ALARMS]
    yield Look("alarms", "the alarms", partial(_alarms, cloudwatch, names))
    for topic in resources:
        if topic.type == TOPIC:
            yield Look("alarms", f"the topic {topic.name}", partial(_topic, sns, topic))


def _alarms(cloudwatch: Any, names: Sequence[str]) -> Iterator[Finding]:
    found: list[Mapping[str, Any]] = []
    for first in range(0, len(names), _AT_ONCE):
        answer = cloudwatch.describe_alarms(
            AlarmNames=list(names[first : first + _AT_ONCE]), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        found += [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    yield from alarm_findings(names, found)


def alarm_findings(names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what there is to say of the alarms of those `names`, from what CloudWatch says of them."""
    yield from (_ringing(alarm) for alarm in found if alarm["StateValue"] == "ALARM")
    for alarm in found:
        if alarm.get("ActionsEnabled") is False:
            yield warning(
                f"{alarm['AlarmName']} is muted: nobody is told when it rings",
                f"aws cloudwatch enable-alarm-actions --alarm-names {alarm['AlarmName']}",
                "alarms",
            )
    for name in sorted(set(names) - {alarm["AlarmName"] for alarm in found}):
        yield bad(f"the alarm {name} is gone", "deploy again: `make deploy`", "alarms")
    quiet = sum(alarm["StateValue"] != "ALARM" for alarm in found)
    if quiet:
        yield ok(f"{quiet} of {len(names)} alarms {'is' if quiet == 1 else 'are'} quiet")


def _ringing(alarm: Mapping[str, Any]) -> Finding:
    """Return what a ringing alarm says; its own description ends with the page."""
    description = " ".join(alarm.get("AlarmDescription", "").split())
    page = _PAGE.search(description)
    since = alarm.get("StateUpdatedTimestamp")
    began = f" since {utc(int(since.timestamp()))}" if since else ""
    remedy = _PAGE.sub("", description).strip() or "the console of CloudWatch shows what it looks at"
    return Finding(
        Verdict.BAD, f"{alarm['AlarmName']} rings{began}", remedy, page[0] if page else f"{OPERATIONS}#alarms"
    )


def _topic(sns: Any, topic: Resource) -> Iterator[Finding]:
    attributes = sns.get_topic_attributes(TopicArn=topic.id)["Attributes"]
    confirmed, pending = (int(attributes.get(f"Subscriptions{word}", 0)) for word in ("Confirmed", "Pending"))
    if confirmed:
        yield ok(f"alarms are heard: {topic.name} has subscriptions, {confirmed} of them confirmed")
    elif pending:
        yield warning(
            f"nobody hears of alarms: the subscription of {topic.name} has not been confirmed",
            "click the link in the e-mail that AWS has sent",
            "alarms",
        )
    else:
        yield warning(
            f"nobody hears of alarms: {topic.name} has no subscription", "set the parameter AlarmEmail", "alarms"
        )
