"""The queries that are saved in Logs Insights: each asks for fields that the lines of its log groups really have."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import pytest

from sundial.events import KINDS
from sundial.observe import logger
from sundial_local.paths import LAYER, ROOT
from tests.support.transformed import source
from tests.template.test_alarms import emitted

Resources = dict[str, dict[str, Any]]
KIND = "AWS::Logs::QueryDefinition"
QUERIES = sorted(name for name, one in source()["Resources"].items() if one["Type"] == KIND)

OF_INSIGHTS = {"@timestamp", "@log", "@logStream", "@message"}
OF_LAMBDA = {"type"} | {
    f"record.metrics.{name}"
    for name in (
        "durationMs",
        "billedDurationMs",
        "initDurationMs",
        "restoreDurationMs",
        "memorySizeMB",
        "maxMemoryUsedMB",
    )
}
"""Of a `platform.report` line, Lambda's own: docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html"""
WORDS = {"fields", "filter", "stats", "sort", "limit", "by", "as", "in", "and", "or", "like", "asc", "desc"}


@cache
def sources() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text("utf-8")) for path in sorted((LAYER / "sundial").rglob("*.py")))


def log_calls() -> Iterator[ast.Call]:
    """Yield each call of the logger, and of what chooses its level first."""
    for module in sources():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if isinstance(node.func.value, ast.Name) and node.func.value.id == "logger":
                    yield node
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "log":
                yield node


def events() -> dict[str, set[str]]:
    """Return the fields of the line of each event, by its message."""
    return {kind.title.lower().replace(" ", "_"): {field.name for field in fields(kind)} for kind in KINDS}


def messages() -> set[str]:
    """Return what the lines say of themselves, where that is written out in the code."""
    written = {node.args[0].value for node in log_calls() if node.args and isinstance(node.args[0], ast.Constant)}
    return {str(text) for text in written} | events().keys()


def details() -> set[str]:
    """Return what stands beside a metric in its line: the keys that `details` are written with."""
    return {
        str(key.value)
        for module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "count"
        for word in node.keywords
        if word.arg == "details" and isinstance(word.value, ast.Dict)
        for key in word.value.keys
        if isinstance(key, ast.Constant)
    }


@cache
def of_functions() -> set[str]:
    """Return the fields that a line in a function's log group may have."""
    logger.set_correlation_id("an id")
    record = logging.LogRecord(logger.name, logging.INFO, __file__, 1, "a line", None, None)
    line = json.loads(logger.registered_formatter.format(record))
    keywords = {word.arg for node in log_calls() for word in node.keywords if word.arg}
    dimensions = {name for sets in emitted().values() for one in sets for name in one}
    fields_of_events = {name for names in events().values() for name in names}
    return set(line) | keywords | dimensions | emitted().keys() | fields_of_events | details() | OF_LAMBDA


def asked_for(query: str) -> set[str]:
    """Return the fields that a query names, without what it names itself."""
    bare = re.sub(r'"[^"]*"|/[^/]*/|(?<![\w.])\d+\w*', " ", query)
    aliases = set(re.findall(r"\bas\s+(\w+)", bare))
    bare = re.sub(r"\b\w+\s*\(", " (", bare)  # functions
    names = set(re.findall(r"@?[A-Za-z_][\w.]*", bare))
    return names - WORDS - aliases


def groups(query: dict[str, Any]) -> set[str]:
    return {one["Ref"] for one in query["LogGroupNames"]}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_fields_that_the_lines_have(name: str, resources: Resources) -> None:
    query = resources[name]["Properties"]
    if groups(query) == {"AccessLogs"}:
        known = set(json.loads(resources["HttpApiStage"]["Properties"]["AccessLogSettings"]["Format"]))
    else:
        assert "AccessLogs" not in groups(query)
        known = of_functions()
    asked = {re.sub(r"^causes\.0\.exception$", "causes", field) for field in asked_for(query["QueryString"])}
    assert asked
    assert asked <= known | OF_INSIGHTS


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_looks_for_messages_that_the_code_writes(name: str, resources: Resources) -> None:
    query = resources[name]["Properties"]["QueryString"]
    looked_for = set(re.findall(r'message = "([^"]+)"', query))
    for listed in re.findall(r"message in \[([^\]]+)\]", query):
        looked_for |= set(re.findall(r'"([^"]+)"', listed))
    assert looked_for <= messages()


def test_a_misspelt_field_would_be_noticed() -> None:
    asked = asked_for('filter mesage = "refused" | stats count(*) as refusals by rout, bin(5m) as minute')
    assert asked == {"mesage", "rout"}
    assert asked.isdisjoint(of_functions() | OF_INSIGHTS)


def test_a_cause_of_an_unforeseen_failure_names_its_exception() -> None:
    """`causes` is a list of objects, which Logs Insights counts from 0."""
    assert '{"exception": type(cause).__name__' in (LAYER / "sundial" / "web" / "edge.py").read_text("utf-8")


def test_every_query_is_saved_in_the_stacks_folder_and_told_of_in_the_operators_page(resources: Resources) -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert QUERIES
    for name in QUERIES:
        saved = resources[name]["Properties"]["Name"]["Fn::Sub"]
        folder, _, title = saved.rpartition("/")
        assert folder == "Sundial/${AWS::StackName}"
        assert f"| {title} |" in page
        assert resources[name]["Condition"] == "HasSavedQueries"


def test_every_function_that_serves_is_asked_by_the_queries_of_all_of_them(resources: Resources) -> None:
    logs = {
        one["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        for name, one in resources.items()
        if one["Type"] == "AWS::Lambda::Function" and name != "SmokeFunction"
    }
    for name in ("OneRequestQuery", "RefusalsQuery", "FailuresQuery", "StartsQuery"):
        assert groups(resources[name]["Properties"]) == logs
