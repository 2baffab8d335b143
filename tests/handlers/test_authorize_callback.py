"""Logging in at another provider: the browser goes there and comes back, and nobody else's browser does."""

from __future__ import annotations

import pytest

from sundial.connectors.base import DeclinedError, Identity
from sundial.connectors.http import unbelievable, unreachable
from sundial.connectors.mock import MockCallback
from sundial.errors import OAuthError, access_denied, temporarily_unavailable, upstream_failed
from tests.support.browser import CALLBACK, CONFIG, REQUEST, Browser, BrowserWorld
from tests.support.families import LOGIN_AT
from tests.support.redirect_provider import KILGORE, UPSTREAM, Provider, RefreshingProvider, away, world_of
from tests.support.told import metrics_of


def test_a_login_at_a_provider_ends_in_a_code_for_the_client() -> None:
    provider = Provider()
    world = world_of(provider)
    browser = Browser(world)
    consent = browser.get("/callback", {**away(browser), "code": "a-code"})
    assert "Kilgore Trout" in consent.text
    answer = browser.approve(consent)
    assert (answer.status, answer.location, answer.answer["state"]) == (303, CALLBACK, REQUEST["state"])
    (family,) = world.families.families.values()
    assert (family.connector_id, family.claims) == ("provider", KILGORE)
    (arrival,) = provider.arrivals
    assert (arrival.parameters["code"], arrival.now) == ("a-code", world.now)


def test_nothing_is_written_until_the_user_has_agreed() -> None:
    world = world_of(Provider())
    browser = Browser(world)
    browser.get("/callback", away(browser))
    assert world.families.calls == []


def test_an_attempt_knows_the_callback_the_scopes_and_the_hint_and_has_secrets_of_its_own() -> None:
    provider = Provider()
    browser = Browser(world_of(provider))
    away(browser, login_hint="kilgore@example.com")
    away(browser)
    first, second = provider.attempts
    assert first.callback_url == "https://id.example.com/callback"
    assert first.scopes == frozenset(REQUEST["scope"].split())
    assert first.login_hint == "kilgore@example.com"
    assert first.derived("PKCE") != second.derived("PKCE") != second.derived("nonce")
    assert len(first.derived("PKCE")) == 43


def test_what_the_client_knows_of_the_login_is_not_what_the_provider_is_told() -> None:
    browser = Browser(world_of(Provider()))
    location = browser.authorize(connector_id="provider").headers["Location"]
    for secret in (REQUEST["state"], REQUEST["nonce"], "app.example.com"):
        assert secret not in location


def test_the_callback_opens_in_the_browser_that_was_sent_away_alone() -> None:
    provider = Provider()
    world = world_of(provider)
    came_back = away(Browser(world))
    victim = Browser(world)
    assert "cookies" in victim.get("/callback", came_back).text
    victim.authorize()
    answer = victim.get("/callback", came_back)
    assert (answer.status, provider.arrivals) == (400, [])
    assert "not begun in this browser" in answer.text


@pytest.mark.parametrize("state", [None, "", "x", "a" * 43, "a" * 400])
def test_a_state_that_we_never_sealed_is_refused(state: str | None) -> None:
    browser = Browser(world_of(Provider()))
    away(browser)
    assert browser.get("/callback", {"code": "a-code", "state": state}).status == 400


def test_a_sealed_request_of_another_step_is_no_state() -> None:
    browser = Browser(world_of(Provider()))
    req = browser.get("/auth", {**REQUEST, "connector_id": "local"}).answer["req"]
    assert browser.get("/callback", {"code": "a-code", "state": req}).status == 400


def test_a_login_that_took_longer_than_auth_requests_has_expired() -> None:
    world = world_of(Provider())
    browser = Browser(world)
    came_back = away(browser)
    world.now += 3600
    assert browser.get("/callback", came_back).status == 200
    world.now += 1
    answer = browser.get("/callback", came_back)
    assert (answer.status, "expired" in answer.text) == (400, True)


def test_a_parameter_that_stands_twice_is_refused() -> None:
    browser = Browser(world_of(Provider()))
    state = away(browser)["state"]
    assert browser.get("/callback", f"state={state}&code=a&code=b").status == 400


def test_an_answer_for_one_connector_does_not_pass_for_anothers() -> None:
    one, other = Provider("one"), Provider("other")
    browser = Browser(world_of(one, other))
    came_back = away(browser, "one")
    answer = browser.get("/callback/other", came_back)
    assert (answer.status, one.arrivals, other.arrivals) == (400, [], [])
    assert browser.get("/callback/one", came_back).status == 200


def test_a_connector_that_the_client_may_no_longer_use_is_refused() -> None:
    world = world_of(Provider())
    browser = Browser(world)
    came_back = away(browser)
    world.configure(CONFIG.replace("name: The App", "name: The App\n    allowedConnectors: [local]"))
    assert browser.get("/callback", came_back).status == 404


def test_a_password_connector_has_no_callback() -> None:
    world = world_of(Provider("local"))
    browser = Browser(world)
    came_back = away(browser, "local")
    world.more = ()
    world.configure(CONFIG)
    assert browser.get("/callback", came_back).status == 404


# What the provider, or the user there, refuses


def test_when_the_user_declines_the_client_is_told_access_denied() -> None:
    browser = Browser(world_of(Provider(answers=DeclinedError("access_denied"))))
    answer = browser.get("/callback", away(browser))
    assert (answer.status, answer.location) == (303, CALLBACK)
    assert (answer.answer["error"], answer.answer["state"]) == ("access_denied", REQUEST["state"])
    assert answer.answer["iss"] == "https://id.example.com"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (access_denied("Your account is not in any of the groups that may log in here."), 403),
        (upstream_failed("The Provider answered with something that cannot be believed.", detail="nonce"), 502),
        (temporarily_unavailable("The Provider can't be reached at the moment."), 503),
    ],
)
def test_what_the_client_can_do_nothing_about_is_told_to_the_user(error: OAuthError, status: int) -> None:
    world = world_of(Provider(answers=error))
    browser = Browser(world)
    answer = browser.get("/callback", away(browser))
    assert answer.status == status
    assert error.description in answer.text
    assert "Location" not in answer.headers
    assert world.families.calls == []


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (unbelievable("The Provider", "neither a code nor an error came back"), ["ProviderErrors"]),
        (unreachable("The Provider", "the authorization endpoint answered server_error"), ["ProviderErrors"]),
        (temporarily_unavailable("The table can't be reached at the moment."), ["ServerErrors"]),
    ],
)
def test_no_release_is_undone_by_what_anybody_can_come_back_with(
    error: OAuthError, counted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    browser = Browser(world_of(Provider(answers=error)))
    came_back = away(browser)
    capsys.readouterr()
    assert browser.get("/callback", came_back).status >= 500
    assert [one.name for one in metrics_of(capsys.readouterr().out)] == counted


# A login that the provider had already


def test_the_family_knows_when_the_user_logged_in_at_the_provider() -> None:
    world = world_of(Provider(answers=Identity(KILGORE, authenticated_at=LOGIN_AT - 1000)))
    browser = Browser(world)
    browser.approve(browser.get("/callback", away(browser)))
    (family,) = world.families.families.values()
    assert (family.auth_time, family.created_at) == (LOGIN_AT - 1000, LOGIN_AT)


@pytest.mark.parametrize(
    ("asked", "before", "goes_on"),
    [
        ({}, 10_000, True),
        ({"max_age": "100"}, 160, True),
        ({"max_age": "100"}, 161, False),
        ({"prompt": "login"}, 60, True),
        ({"prompt": "login"}, 61, False),
        ({"prompt": "login", "max_age": "100"}, 61, False),
    ],
)
def test_a_provider_that_does_not_ask_again_is_not_taken_at_its_word(
    asked: dict[str, str], before: int, goes_on: bool
) -> None:
    provider = Provider(answers=Identity(KILGORE, authenticated_at=LOGIN_AT - before))
    browser = Browser(world_of(provider))
    answer = browser.get("/callback", away(browser, **asked))
    assert provider.attempts[0].max_age == (0 if "prompt" in asked else 100 if asked else None)
    if goes_on:
        assert "Kilgore" in answer.text
    else:
        assert (answer.location, answer.answer["error"]) == (CALLBACK, "login_required")


# Refresh tokens


def test_a_connector_that_cannot_refresh_is_not_asked_to_keep_anybody_logged_in() -> None:
    world = world_of(Provider())
    browser = Browser(world)
    consent = browser.get("/callback", away(browser))
    assert "while you are away" not in consent.text
    browser.approve(consent)
    (family,) = world.families.families.values()
    assert "offline_access" not in family.scopes


def test_a_provider_that_gave_nothing_to_ask_again_with_yields_no_refresh_token() -> None:
    browser = Browser(world_of(RefreshingProvider(answers=Identity(KILGORE))))
    assert "while you are away" not in browser.get("/callback", away(browser)).text


def test_what_is_needed_to_ask_again_is_kept_encrypted_and_once_the_user_has_agreed() -> None:
    world = world_of(RefreshingProvider())
    browser = Browser(world)
    consent = browser.get("/callback", away(browser))
    assert UPSTREAM not in consent.body
    assert world.envelopes.calls == []
    browser.approve(consent)
    (family,) = world.families.families.values()
    assert "offline_access" in family.scopes
    assert world.envelopes.text_of(family.family_id, family.upstream) == UPSTREAM
    assert UPSTREAM not in repr(family)
    assert world.envelopes.calls == ["seal"]


def test_nothing_is_kept_of_who_is_not_to_be_kept_logged_in() -> None:
    world = world_of(RefreshingProvider())
    browser = Browser(world)
    browser.approve(browser.get("/callback", away(browser, scope="openid")))
    (family,) = world.families.families.values()
    assert (family.upstream, world.envelopes.calls) == (None, [])


def test_when_kms_cannot_be_reached_the_consent_may_be_given_again() -> None:
    world = world_of(RefreshingProvider())
    browser = Browser(world)
    consent = browser.get("/callback", away(browser))
    world.envelopes.broken = True
    page = browser.approve(consent)
    assert (page.status, world.families.calls) == (503, [])
    world.envelopes.broken = False
    assert browser.approve(page).location == CALLBACK


def test_dexs_mock_connector_goes_straight_to_the_callback() -> None:
    browser = Browser(BrowserWorld(more=(MockCallback("mock", "Example", None),)))
    answer = browser.authorize(connector_id="mock")
    assert answer.location == "https://id.example.com/callback"
    consent = browser.get("/callback", answer.answer)
    assert "Kilgore Trout" in consent.text
    assert "while you are away" in consent.text
