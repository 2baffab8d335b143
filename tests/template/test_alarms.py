"""The alarms ring on metrics that are really emitted, and each says what to do; the dashboard shows them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sundial.observe import DEPLOYMENT, NAMESPACE
from sundial_local.paths import LAYER, ROOT
from tests.support.told import EVENTS
from tests.support.transformed import source

Resources = dict[str, dict[str, Any]]

OF_THE_STACK = {DEPLOYMENT: {"Ref": "AWS::StackName"}}
ALARMS = {
    "RotationOverdueAlarm",
    "JwksOutOfStepAlarm",
    "ReplaysAlarm",
    "IntegrityAlarm",
    "ServerErrorsAlarm",
    "ApiErrorsAlarm",
    "ProviderErrorsAlarm",
    "FunctionErrorsAlarm",
    "FunctionThrottlesAlarm",
    "TableThrottlesAlarm",
    "DeadLettersAlarm",
}
FUNCTIONS = ("Jwks", "Authorize", "Token", "Userinfo", "Device", "RotateKeys")
BRAKES = {f"{function}ReleaseAlarm" for function in FUNCTIONS}
"""What CodeDeploy watches while it moves an alias: CodeDeploy tells of them, and nobody else need."""


APART = ("details", "apart")
"""Keywords of `count` that are no dimension of the part; what is counted `apart` is an option, and on no dashboard."""


@cache
def emitted() -> dict[str, set[frozenset[str]]]:
    """Return the sets of dimensions of each metric that the code emits, by its name.

    `observe.count` and `observe.gauge` emit the total and the part of their keywords; events say theirs.
    """
    found: dict[str, set[frozenset[str]]] = {}
    for event in EVENTS:
        if event.metric:
            found.setdefault(event.metric, set()).add(frozenset(event.dimensions))
    for path in sorted((LAYER / "sundial").rglob("*.py")):
        for name, dimensions in calls(path):
            found.setdefault(name, set()).add(dimensions)
    return {
        name: {frozenset((DEPLOYMENT,))} | {frozenset((DEPLOYMENT, *each)) for each in sets}
        for name, sets in found.items()
    }


def calls(path: Path) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the metric and the dimensions of each call of `count` or `gauge` in a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("count", "gauge"):
            dimensions = frozenset(word.arg for word in node.keywords if word.arg and word.arg not in APART)
            for name in ast.walk(node.args[0]) if node.args else ():
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield name.value, dimensions


def alarms(resources: Resources) -> Resources:
    kind = "AWS::CloudWatch::Alarm"
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def metrics(alarm: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the namespace, the name and the dimensions of each metric of an alarm."""
    stated = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query] or [alarm]
    for metric in stated:
        yield metric["Namespace"], metric["MetricName"], {one["Name"]: one["Value"] for one in metric["Dimensions"]}


def test_these_are_the_alarms(resources: Resources) -> None:
    assert set(alarms(resources)) == ALARMS | BRAKES


def test_what_the_code_emits_is_found() -> None:
    assert emitted()["Refreshes"] == {frozenset(("service",)), frozenset(("service", "outcome"))}
    assert frozenset(("service", "token", "client", "connector")) in emitted()["Replays"]


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_on_a_metric_of_ours_has_exactly_its_dimensions_and_the_stacks_name(
    name: str, resources: Resources
) -> None:
    for namespace, metric, dimensions in metrics(alarms(resources)[name]):
        if namespace == NAMESPACE:
            assert frozenset(dimensions) in emitted()[metric]
            assert dimensions == OF_THE_STACK


def test_the_stacks_name_is_what_every_function_gives_its_metrics(resources: Resources) -> None:
    functions = [one for one in resources.values() if one["Type"] == "AWS::Lambda::Function"]
    assert functions
    for function in functions:
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == OF_THE_STACK[DEPLOYMENT]


def test_a_rotation_that_never_runs_rings_and_so_does_one_that_is_late(resources: Resources) -> None:
    alarm = alarms(resources)["RotationOverdueAlarm"]
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "Maximum",
        "GreaterThanThreshold",
        0,
    )
    [schedule] = [one for one in resources.values() if one["Type"] == "AWS::Scheduler::Schedule"]
    [minutes] = re.findall(r"rate\((\d+) minutes\)", schedule["Properties"]["ScheduleExpression"])
    assert alarm["Period"] > int(minutes) * 60, "every period has a run in it"


@pytest.mark.parametrize("name", sorted((ALARMS | BRAKES) - {"RotationOverdueAlarm"}))
def test_every_other_alarm_is_silent_while_nothing_happens(name: str, resources: Resources) -> None:
    assert alarms(resources)[name]["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_goes_to_the_topic_when_it_rings_and_when_it_is_over(name: str, resources: Resources) -> None:
    alarm = alarms(resources)[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]


def headings(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    lines = (line.lstrip("#").strip() for line in path.read_text("utf-8").splitlines() if line.startswith("#"))
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("name", sorted(ALARMS | BRAKES))
def test_an_alarm_says_what_to_do_and_where_more_is_said(name: str, resources: Resources) -> None:
    description = alarms(resources)[name]["AlarmDescription"]
    assert 100 < len(description) < 1024
    [(page, anchor)] = re.findall(r"(docs/\S+\.md)#(\S+)$", description)
    assert anchor in headings(ROOT / page)


def test_an_error_or_a_throttle_of_any_function_rings(resources: Resources) -> None:
    functions = {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function"}
    functions -= {"SmokeFunction"}  # where it fails so does the release, and that is told
    for name, metric in (("FunctionErrorsAlarm", "Errors"), ("FunctionThrottlesAlarm", "Throttles")):
        watched = list(metrics(alarms(resources)[name]))
        assert {(namespace, one) for namespace, one, _ in watched} == {("AWS/Lambda", metric)}
        assert {dimensions["FunctionName"]["Ref"] for _, _, dimensions in watched} == functions


def test_a_throttle_of_any_table_or_index_rings(resources: Resources) -> None:
    wanted = set()
    for name, table in resources.items():
        if table["Type"] == "AWS::DynamoDB::Table":
            wanted |= {(name, "", "ReadThrottleEvents"), (name, "", "WriteThrottleEvents")}
            for index in table["Properties"].get("GlobalSecondaryIndexes", ()):
                wanted.add((name, index["IndexName"], "WriteThrottleEvents"))
    watched = {
        (dimensions["TableName"]["Ref"], dimensions.get("GlobalSecondaryIndexName", ""), metric)
        for _, metric, dimensions in metrics(alarms(resources)["TableThrottlesAlarm"])
    }
    assert watched == wanted


def test_an_alarm_of_several_metrics_has_no_more_than_cloudwatch_takes(resources: Resources) -> None:
    for name, alarm in alarms(resources).items():
        if "Metrics" in alarm and name != "ApiErrorsAlarm":
            total, *rest = alarm["Metrics"]
            assert (total["Expression"], total["ReturnData"]) == ("SUM(FILL(METRICS(), 0))", True)
            assert not any(query["ReturnData"] for query in rest)
            assert len(rest) <= 10


@pytest.mark.parametrize(
    ("answers", "providers", "rings"),
    [
        (5, None, True),
        (5, 0, True),
        (4, None, False),
        (40, 40, False),
        (None, 3, False),
        (44, 40, False),
        (45, 40, True),
    ],
)
def test_what_a_provider_fails_at_is_taken_from_the_apis_failures(
    answers: int | None, providers: int | None, rings: bool, resources: Resources
) -> None:
    alarm = alarms(resources)["ApiErrorsAlarm"]
    total, theirs, *stated = alarm["Metrics"]
    values = {"answers": answers, "providers": providers}
    assert {one["Id"]: one["MetricStat"]["Metric"]["MetricName"] for one in stated} == {
        "answers": "5xx",
        "providers": "ProviderErrors",
    }
    assert {(one["MetricStat"]["Stat"], one["MetricStat"]["Period"], one["ReturnData"]) for one in stated} == {
        ("Sum", 300, False)
    }
    assert (total["ReturnData"], theirs["ReturnData"]) == (True, False)
    [(first, second)] = re.findall(r"^SUM\(\[FILL\((\w+), 0\), (\w+)\]\)$", total["Expression"])
    [(factor, third)] = re.findall(r"^(-1) \* FILL\((\w+), 0\)$", theirs["Expression"])
    assert second == theirs["Id"]
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert ((values[first] or 0) + int(factor) * (values[third] or 0) >= alarm["Threshold"]) == rings


def test_a_provider_rings_an_alarm_of_its_own_and_no_brake(resources: Resources) -> None:
    watching = {
        name for name, alarm in alarms(resources).items() if "ProviderErrors" in {one for _, one, _ in metrics(alarm)}
    }
    assert watching == {"ApiErrorsAlarm", "ProviderErrorsAlarm"}
    assert alarms(resources)["ProviderErrorsAlarm"]["DatapointsToAlarm"] == 3


def test_the_api_and_the_dead_letters_are_those_of_the_stack(resources: Resources) -> None:
    api, _ = metrics(alarms(resources)["ApiErrorsAlarm"])
    assert api == ("AWS/ApiGateway", "5xx", {"ApiId": {"Ref": "HttpApi"}})
    [letters] = metrics(alarms(resources)["DeadLettersAlarm"])
    queue = {"Fn::GetAtt": ["RotateKeysFailures", "QueueName"]}
    assert letters == ("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue})


def test_alarms_go_by_mail_where_an_address_is_given(resources: Resources) -> None:
    subscription = resources["AlarmEmailSubscription"]
    assert subscription["Condition"] == "HasAlarmEmail"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}
    pattern = source()["Parameters"]["AlarmEmail"]["AllowedPattern"]
    assert all(re.search(pattern, text) for text in ("", "ops@example.com", "on-call+sundial@ops.example.co.uk"))
    assert not any(re.search(pattern, text) for text in ("ops", "ops@example", "a b@example.com", "ops@example.com, b"))


def test_cloudwatch_alone_publishes_and_for_this_account_alone(resources: Resources) -> None:
    [statement] = resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Resource"] == {"Ref": "AlarmTopic"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.fixture
def widgets(resources: Resources) -> list[dict[str, Any]]:
    """The dashboard's widgets, its placeholders left in them."""
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def test_the_dashboard_shows_every_alarm_first(widgets: list[dict[str, Any]], resources: Resources) -> None:
    top = min(widgets, key=lambda widget: int(widget["y"]))
    assert top["type"] == "alarm"
    assert set(top["properties"]["alarms"]) == {f"${{{name}.Arn}}" for name in ALARMS}


def test_the_dashboard_has_no_widget_over_another(widgets: list[dict[str, Any]]) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert taken.isdisjoint(cells)
        assert widget["x"] + widget["width"] <= 24
        taken |= cells


def test_the_dashboard_shows_metrics_of_ours_as_they_are_emitted(widgets: list[dict[str, Any]]) -> None:
    shown = [metric for widget in widgets for metric in widget["properties"].get("metrics", ())]
    searches = [metric[0]["expression"] for metric in shown if isinstance(metric[0], dict)]
    plain = [metric for metric in shown if metric[0] == NAMESPACE]
    assert plain
    assert searches
    for _, name, *dimensions, _options in plain:
        assert dimensions == [DEPLOYMENT, "${AWS::StackName}"]
        assert name in emitted()
    for search in searches:
        [(namespace, names, stack, metric)] = re.findall(
            r"SEARCH\('\{(\w+),([\w,]+)\} service=\"(\S+)\" MetricName=\"(\w+)\"', 'Sum', 300\)", search
        )
        assert (namespace, stack) == (NAMESPACE, "${AWS::StackName}")
        assert frozenset(names.split(",")) in emitted()[metric]


def test_the_dashboard_names_what_the_stack_has(widgets: list[dict[str, Any]], resources: Resources) -> None:
    names = set(re.findall(r"\$\{(\w+)(?:\.Arn)?\}", json.dumps(widgets)))
    assert names <= resources.keys() | source()["Parameters"].keys()
