"""Logging in at another provider: the browser goes there and comes back, and nobody else's browser does."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import pytest

from sundial.authorize.callback import LONGEST_STATE
from sundial.connectors.base import Arrival, Attempt, DeclinedError, Departure, Identity
from sundial.connectors.http import unbelievable, unreachable
from sundial.connectors.mock import MockCallback
from sundial.errors import OAuthError, access_denied, temporarily_unavailable, upstream_failed
from sundial.expiry.family import Claims
from tests.support.browser import CALLBACK, CONFIG, REQUEST, Answer, Browser, BrowserWorld
from tests.support.families import LOGIN_AT
from tests.support.leak_watch import LEAKS
from tests.support.told import metrics_of

PROVIDER = "https://provider.example.com/authorize"
KILGORE = Claims("kilgore", username="Kilgore Trout", email="kilgore@example.com", groups=("authors",))
UPSTREAM = "an-upstream-refresh-token"


@dataclass
class Provider:
    """A redirect login whose provider believes everybody; what it was asked is kept."""

    id: str = "provider"
    name: str = "The Provider"
    answers: Exception | Identity = field(default_factory=lambda: Identity(KILGORE, UPSTREAM))
    form: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    def begin(self, attempt: Attempt, state: str, now: int) -> Departure:
        self.attempts.append(attempt)
        if self.form:
            return Departure(PROVIDER, {"SAMLRequest": "a <request>", "RelayState": state})
        return Departure(f"{PROVIDER}?state={state}")

    def finish(self, attempt: Attempt, arrival: Arrival) -> Identity:
        assert attempt in self.attempts, "what comes back is an attempt that went"
        self.arrivals.append(arrival)
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


class RefreshingProvider(Provider):
    """One that can be asked again."""

    def refresh_upstream(self, identity: Identity, scopes: frozenset[str], now: int) -> Identity | None:
        raise AssertionError("nobody refreshes here")


def world_of(*connectors: Provider) -> BrowserWorld:
    LEAKS.secret("an upstream refresh token", UPSTREAM)
    return BrowserWorld(more=connectors)


def away(browser: Browser, connector: str = "provider", **changes: str | None) -> dict[str, str]:
    """Go to the provider, and return what it is to send back."""
    return query_of(browser.authorize(connector_id=connector, **changes))


def query_of(answer: Answer) -> dict[str, str]:
    assert answer.status == 303, answer.text
    assert answer.location == PROVIDER
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


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


# Posted callbacks


@pytest.mark.parametrize("path", ["/callback", "/callback/provider"])
@pytest.mark.parametrize("response", ["<signed/>", "<signed/>" * 4000])
def test_a_post_from_the_providers_site_is_sent_once_more_from_our_own_for_the_cookie_to_come_along(
    path: str, response: str
) -> None:
    provider = Provider()
    world = world_of(provider)
    browser = Browser(world)
    came_back = {"RelayState": away(browser)["state"], "SAMLResponse": response}
    page = Browser(world).post(path, came_back)  # SameSite=Lax: the cookie stays behind
    assert (page.status, page.cookies, provider.arrivals) == (200, (), [])
    (form,) = page.forms
    assert (form.method, form.action, came_back.items() <= form.fields.items()) == ("post", path, True)
    assert page.headers["Cache-Control"] == "no-store"
    assert "Kilgore" in browser.submit(page).text
    (arrival,) = provider.arrivals
    assert (arrival.parameters["SAMLResponse"], arrival.own_path) == (response, path != "/callback")


def test_what_a_provider_posts_never_gets_into_an_address() -> None:
    browser = Browser(world_of(Provider()))
    came_back = {**away(browser), "code": "a-code"}
    page = Browser(browser.world).post("/callback", came_back)
    for answer in (page, browser.submit(page)):
        assert "a-code" not in " ".join((answer.url, *answer.headers.values(), *(form.action for form in answer.forms)))


def test_a_browser_that_keeps_no_cookie_is_told_so_and_not_sent_in_a_circle() -> None:
    world = world_of(Provider())
    page = Browser(world).post("/callback", {**away(Browser(world)), "code": "a-code"})
    answer = Browser(world).submit(page)
    assert (answer.status, "cookies" in answer.text, answer.forms) == (400, True, [])


def test_a_posted_answer_may_end_at_a_client_whose_address_has_a_scheme_of_its_own() -> None:
    posted = Browser(world_of(Provider())).post("/callback", {"state": "a-state", "code": "a-code"})
    policy = posted.headers["Content-Security-Policy"]
    assert "form-action" not in policy
    assert "default-src 'none'" in policy


def test_a_post_that_brings_the_cookie_is_answered_at_once() -> None:
    browser = Browser(world_of(Provider()))
    assert "Kilgore" in browser.post("/callback", away(browser)).text


def test_a_post_that_is_no_form_is_refused() -> None:
    browser = Browser(world_of(Provider()))
    away(browser)
    assert browser._send("POST", "/callback", body="{}", headers={"content-type": "application/json"}).status == 400


def test_a_provider_may_be_gone_to_with_a_form() -> None:
    browser = Browser(world_of(Provider(form=True)))
    page = browser.authorize(connector_id="provider")
    (form,) = page.forms
    assert (form.action, form.fields["SAMLRequest"]) == (PROVIDER, "a <request>")
    assert "form-action 'self' https:;" in page.headers["Content-Security-Policy"]
    assert "Kilgore" in browser.post("/callback", {"RelayState": form.fields["RelayState"]}).text


# Long requests


def test_a_usual_request_fits_into_the_state() -> None:
    browser = Browser(world_of(Provider()))
    answer = browser.authorize(connector_id="provider")
    assert len(query_of(answer)["state"]) < LONGEST_STATE
    assert set(browser.cookies) == {"__Host-sundial"}


def test_a_long_request_waits_in_a_cookie_that_goes_to_the_callback_alone() -> None:
    browser = Browser(world_of(Provider()))
    answer = browser.authorize(connector_id="provider", state="s" * 2000)
    (cookie,) = (one for one in answer.cookies if one.startswith("sundial-request="))
    assert cookie.partition("; ")[2] == "Path=/callback; HttpOnly; SameSite=Lax; Secure"
    came_back = query_of(answer)
    assert len(came_back["state"]) == 43
    consent = browser.get("/callback", came_back)
    assert browser.cookies["sundial-request"] == ""
    assert browser.approve(consent).answer["state"] == "s" * 2000


def test_of_two_long_requests_the_later_one_goes_on_and_the_earlier_one_is_told_why_not() -> None:
    browser = Browser(world_of(Provider()))
    earlier, later = away(browser, state="a" * 2000), away(browser, state="b" * 2000)
    answer = browser.get("/callback", earlier)
    assert (answer.status, "another login" in answer.text.lower()) == (400, True)
    assert browser.get("/callback", later).status == 200


def test_a_short_request_beside_a_long_one_is_not_disturbed() -> None:
    browser = Browser(world_of(Provider()))
    short, long = away(browser), away(browser, state="b" * 2000)
    assert browser.get("/callback", short).status == 200
    assert browser.get("/callback", long).status == 200


def test_the_cookie_of_a_long_request_is_of_no_use_in_another_browser() -> None:
    world = world_of(Provider())
    browser, victim = Browser(world), Browser(world)
    came_back = away(browser, state="a" * 2000)
    victim.authorize()
    victim.cookies["sundial-request"] = browser.cookies["sundial-request"]
    assert victim.get("/callback", came_back).status == 400


def test_a_request_that_no_cookie_holds_is_the_clients_mistake() -> None:
    answer = Browser(world_of(Provider())).authorize(connector_id="provider", state="s" * 4000)
    assert (answer.location, answer.answer["error"]) == (CALLBACK, "invalid_request")
    assert "shorter state" in answer.answer["error_description"]


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
