"""What is counted of the token endpoint: each request once, by grant and outcome; by client too, if that is wanted."""

from __future__ import annotations

import pytest

from tests.support.grants_world import EMAIL, EXCHANGE, PASSWORD, GrantsWorld
from tests.support.told import Metric, metrics_of

BY_GRANT = ("service", "grant", "outcome")


@pytest.fixture
def world() -> GrantsWorld:
    return GrantsWorld()


def counted(capsys: pytest.CaptureFixture[str]) -> list[Metric]:
    return [metric for metric in metrics_of(capsys.readouterr().out) if metric.name == "TokenRequests"]


@pytest.mark.parametrize(
    ("grant_type", "parameters", "grant", "outcome"),
    [
        ("client_credentials", {}, "client_credentials", "issued"),
        ("password", {"username": EMAIL, "password": PASSWORD, "scope": "openid"}, "password", "issued"),
        ("password", {"username": EMAIL, "password": "wrong"}, "password", "invalid_grant"),
        ("refresh_token", {"refresh_token": "forged"}, "refresh_token", "invalid_grant"),
        (EXCHANGE, {}, "token-exchange", "invalid_request"),
        ("telepathy", {}, "unknown", "unsupported_grant_type"),
    ],
)
def test_a_request_is_counted_once_by_grant_and_outcome(
    grant_type: str,
    parameters: dict[str, str],
    grant: str,
    outcome: str,
    world: GrantsWorld,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.ask(grant_type, **parameters)
    [metric] = counted(capsys)
    assert (metric.value, metric.sets) == (1, (("service",), BY_GRANT))
    assert (metric.line["grant"], metric.line["outcome"]) == (grant, outcome)
    assert metric.line["client_id"] == "example-app"
    assert metric.line["correlation_id"], "by which API Gateway's log has the request too"


def test_whoever_is_no_client_is_counted_and_not_named(
    world: GrantsWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNDIAL_CLIENT_METRICS", "true")
    world.ask("client_credentials", client_secret="wrong")
    [metric] = counted(capsys)
    assert metric.sets == (("service",), BY_GRANT), "else anybody could make metrics that somebody pays for"
    assert (metric.line["grant"], metric.line["outcome"]) == ("unknown", "invalid_client")
    assert metric.line["client_id"] == "unknown"


def test_where_it_is_asked_for_a_request_is_counted_by_client_too(
    world: GrantsWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNDIAL_CLIENT_METRICS", "true")
    world.ask("client_credentials")
    [metric] = counted(capsys)
    assert metric.sets == (("service",), BY_GRANT, ("service", "client"))
    assert metric.line["client"] == "example-app"
