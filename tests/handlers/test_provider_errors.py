"""A provider's failure is counted at its connector, and wakes nobody as a failure of our own would."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sundial.connectors.base import Arrival, Attempt, Departure, Identity, InterruptedRefreshError
from sundial.connectors.http import Http, unbelievable, unreachable
from sundial.connectors.password import PasswordConnector
from sundial.errors import OAuthError, temporarily_unavailable
from sundial_local.intrinsics import load_yaml
from sundial_local.paths import ROOT, TEMPLATE
from tests.handlers.test_refresh_upstream import Provider as Refreshing
from tests.handlers.test_refresh_upstream import World as RefreshWorld
from tests.support.api_upstream import Answer, api_upstream
from tests.support.browser import Browser, BrowserWorld
from tests.support.grants_world import GrantsWorld, Upstream
from tests.support.logs import logged
from tests.support.told import metrics_of

Way = Callable[[OAuthError], tuple[int, str]]
"""Meets the failure on a way through a function; returns the status, and the connector at which it was."""


class Broken:
    """A provider that can't be gone to, or come back from."""

    id, name = "provider", "The Provider"

    def __init__(self, error: OAuthError, *, begins: bool) -> None:
        self._error, self._begins = error, begins

    def begin(self, attempt: Attempt, state: str, now: int) -> Departure:
        if not self._begins:
            raise self._error
        return Departure(f"https://provider.example.com/authorize?state={state}")

    def finish(self, attempt: Attempt, arrival: Arrival) -> Identity:
        raise self._error


@contextmanager
def users_are_elsewhere(error: OAuthError) -> Iterator[None]:
    """Let the local users be kept by somebody who fails, as a directory may."""

    def log_in(*_: object) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(PasswordConnector, "log_in", log_in)
        yield


def departure(error: OAuthError) -> tuple[int, str]:
    browser = Browser(BrowserWorld(more=(Broken(error, begins=False),)))
    return browser.authorize(connector_id="provider").status, "provider"


def arrival(error: OAuthError) -> tuple[int, str]:
    browser = Browser(BrowserWorld(more=(Broken(error, begins=True),)))
    _, _, state = browser.authorize(connector_id="provider").headers["Location"].partition("state=")
    return browser.get("/callback", {"state": state, "code": "a-code"}).status, "provider"


def login_page(error: OAuthError) -> tuple[int, str]:
    browser = Browser(BrowserWorld())
    page = browser.follow(browser.authorize())
    with users_are_elsewhere(error):
        return browser.log_in(page).status, "local"


def password_grant(error: OAuthError) -> tuple[int, str]:
    world = GrantsWorld()
    with users_are_elsewhere(error):
        return world.log_in_by_password().status, "local"


def token_exchange(error: OAuthError) -> tuple[int, str]:
    world = GrantsWorld(upstream=Upstream(refusal=error))
    return world.exchange("a token", connector_id="upstream").status, "upstream"


def refresh(error: OAuthError) -> tuple[int, str]:
    world = RefreshWorld(provider=Refreshing(fails=error))
    return world.refresh(world.upstream_token()).status, "up"


def interrupted_refresh(error: OAuthError) -> tuple[int, str]:
    world = RefreshWorld()

    def interrupt() -> None:
        raise InterruptedRefreshError("upstream-token-1", error)

    world.provider.meanwhile = interrupt
    return world.refresh(world.upstream_token()).status, "up"


WAYS = (departure, arrival, login_page, password_grant, token_exchange, refresh, interrupted_refresh)
COUNTED = ("ProviderErrors", "ServerErrors")


def counted(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Return what was counted of failures, and the connector or the function."""
    found = metrics_of(capsys.readouterr().out)
    assert {one.sets[1] for one in found if one.name == "ProviderErrors"} <= {("service", "connector")}
    return [
        (one.name, one.line["connector" if one.name == "ProviderErrors" else "function"])
        for one in found
        if one.name in COUNTED
    ]


@pytest.mark.parametrize("make", [unreachable, unbelievable])
@pytest.mark.parametrize("way", WAYS)
def test_a_providers_failure_is_counted_once_at_its_connector_and_not_as_ours(
    way: Way, make: Callable[[str, str], OAuthError], capsys: pytest.CaptureFixture[str]
) -> None:
    status, connector = way(make("The Provider", "no answer"))
    assert status in (502, 503)
    assert counted(capsys) == [("ProviderErrors", connector)]


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_of_our_own_on_the_same_way_is_ours(way: Way, capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = way(temporarily_unavailable("the token store can't be reached"))
    assert status == 503
    function = "authorize" if way in (departure, arrival, login_page) else "token"
    assert counted(capsys) == [("ServerErrors", function)]


def test_what_a_provider_refuses_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = arrival(OAuthError("access_denied", "no", status=403))
    assert status == 403
    assert counted(capsys) == []


def test_the_page_of_troubles_has_the_line_that_is_logged_and_names_alarms_that_exist(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    section = page.split("\n## A provider fails\n")[1].split("\n## ")[0]
    with api_upstream() as api:
        api.routes["POST /token"] = Answer(status=503)
        answer = Http("The Provider").conversation().post_form(f"{api.url}/token", {})
    with pytest.raises(OAuthError) as failure:
        answer.ok()
    refresh(failure.value)
    [line] = [json.loads(one) for one in logged(caplog).splitlines() if "upstream_refresh_failed" in one]
    assert json.dumps({name: line[name] for name in ("message", "connector_id", "error", "detail")}) in section
    alarms = [
        one["Properties"]["AlarmName"]["Fn::Sub"]
        for one in load_yaml(TEMPLATE.read_text("utf-8"))["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    ]
    named = re.findall(r"`(\w+-errors)`", section)
    assert len(named) == 3
    assert all(f"${{AWS::StackName}}-{name}" in alarms for name in named)
