"""Log lines and metrics, as CloudWatch reads them from the log."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from sundial.observe import count, gauge, log_from, logger
from tests.support.told import metrics_of


def test_a_count_has_a_total_of_its_deployment_and_the_part_of_its_dimensions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    count("Logins", connector="local")
    [metric] = metrics_of(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("Logins", 1)
    assert metric.sets == (("service",), ("service", "connector"))
    assert (metric.line["service"], metric.line["connector"]) == (logger.service, "local")


def test_another_question_has_a_part_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    count("TokenRequests", apart={"client": "app"}, grant="password", outcome="issued")
    [metric] = metrics_of(capsys.readouterr().out)
    assert metric.sets == (("service",), ("service", "grant", "outcome"), ("service", "client"))


def test_a_metric_without_dimensions_has_the_total_alone(capsys: pytest.CaptureFixture[str]) -> None:
    count("JwksOutOfStep", 0)
    [metric] = metrics_of(capsys.readouterr().out)
    assert (metric.value, metric.sets) == (0, (("service",),))


def test_a_gauge_is_in_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    gauge("SigningKeyAge", 3600, alg="RS256")
    [metric] = metrics_of(capsys.readouterr().out)
    assert metric.value == 3600
    assert metric.line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "SigningKeyAge", "Unit": "Seconds"}]


def test_details_stand_in_the_line_and_make_no_metric_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    count("Replays", details={"generation_gap": 2}, client="app")
    [metric] = metrics_of(capsys.readouterr().out)
    assert metric.line["generation_gap"] == 2
    assert metric.sets == (("service",), ("service", "client"))


@pytest.mark.parametrize(("client", "value"), [("crème", "cr\\xe8me"), ("", "-"), ("  ", "-"), ("app one", "app one")])
def test_a_dimensions_value_is_one_that_cloudwatch_takes(
    client: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    count("Refreshes", client=client)
    [metric] = metrics_of(capsys.readouterr().out)
    assert metric.line["client"] == value


def test_a_line_is_one_json_object_with_its_time_in_milliseconds(capsys: pytest.CaptureFixture[str]) -> None:
    count("Logins")
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["_aws"]["Timestamp"] > 1_700_000_000_000


@pytest.fixture
def level_before() -> Iterator[None]:
    before = logger.log_level
    yield
    logging.getLogger(logger.name).setLevel(before)


@pytest.mark.usefixtures("level_before")
@pytest.mark.parametrize(
    ("asked", "in_lambda", "level"),
    [
        ("DEBUG", "", logging.DEBUG),
        ("DEBUG", "INFO", logging.INFO),
        ("INFO", "INFO", logging.INFO),
        ("WARNING", "INFO", logging.WARNING),
        ("ERROR", "INFO", logging.ERROR),
        ("INFO", "WARN", logging.WARNING),
    ],
)
def test_the_log_begins_at_the_level_of_the_file_and_never_below_what_lambda_lets_through(
    monkeypatch: pytest.MonkeyPatch, asked: str, in_lambda: str, level: int
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", in_lambda)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log_from(asked)
    assert logger.log_level == level
