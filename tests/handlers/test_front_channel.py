"""Implicit and hybrid flows, and response modes (OpenID Connect Core §3.2 and §3.3), as a developer sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sundial.expiry.family import Ending
from sundial.tokens.claims import Principal, id_token_claims
from sundial.tokens.jwt import half_hash, sign
from sundial.tokens.subject import subject
from tests.support.browser import CALLBACK, CONFIG, REQUEST, USER_ID, Answer, Browser, BrowserWorld
from tests.support.device_world import DeviceWorld
from tests.support.families import LOGIN_AT, a_family
from tests.support.signers import signers
from tests.support.token_world import claims_of

EVERY_TYPE = f"{CONFIG}oauth2:\n  responseTypes: [code, token, id_token]\n"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, Appendix B
WITHOUT_CODE = {"code_challenge": None, "code_challenge_method": None}
TOKENS = {
    "code": {"code"},
    "id_token": {"id_token"},
    "token": {"access_token"},
    "id_token token": {"id_token", "access_token"},
    "code id_token": {"code", "id_token"},
    "code token": {"code", "access_token"},
    "code id_token token": {"code", "id_token", "access_token"},
}
WITH_TOKENS = [one for one in TOKENS if one != "code"]


@pytest.fixture
def world() -> BrowserWorld:
    return BrowserWorld(EVERY_TYPE)


@pytest.fixture
def browser(world: BrowserWorld) -> Browser:
    return Browser(world)


def log_in(browser: Browser, **changes: str | None) -> Answer:
    return browser.approve(browser.log_in(browser.authorize(**changes)))


@pytest.mark.parametrize("response_type", TOKENS)
def test_a_response_type_brings_what_it_says_where_it_may_stand(
    browser: Browser, world: BrowserWorld, response_type: str
) -> None:
    answer = log_in(browser, response_type=response_type)
    assert answer.location == CALLBACK
    told = answer.answer
    assert {"code", "id_token", "access_token"} & told.keys() == TOKENS[response_type]
    assert told["state"] == REQUEST["state"]
    assert told["iss"] == "https://id.example.com"
    assert ("#" in answer.headers["Location"]) == (response_type != "code")
    assert "?" not in answer.headers["Location"] or response_type == "code"
    assert ("token_type" in told) == ("access_token" in told)
    assert world.families.calls == ["begin"]


@pytest.mark.parametrize("response_type", ["token id_token code", "id_token code token", "token code id_token"])
def test_the_order_of_a_response_type_means_nothing(browser: Browser, response_type: str) -> None:
    assert {"code", "id_token", "access_token"} <= log_in(browser, response_type=response_type).answer.keys()


@pytest.mark.parametrize("response_type", [one for one in TOKENS if "id_token" in one])
def test_an_id_token_is_bound_to_the_request_and_to_what_comes_with_it(browser: Browser, response_type: str) -> None:
    told = log_in(browser, response_type=response_type).answer
    claims = claims_of(told["id_token"])
    assert claims["iss"] == "https://id.example.com"
    assert claims["aud"] == "app"
    assert claims["nonce"] == REQUEST["nonce"]
    assert claims["sub"] == subject(USER_ID, "local")
    assert claims["email"] == "admin@example.com"
    assert claims.get("at_hash") == (half_hash(told["access_token"], "RS256") if "access_token" in told else None)
    assert claims.get("c_hash") == (half_hash(told["code"], "RS256") if "code" in told else None)


def test_an_access_token_says_whose_it_is_and_for_how_long(browser: Browser, world: BrowserWorld) -> None:
    told = log_in(browser, response_type="token").answer
    assert told["token_type"] == "bearer"
    assert told["expires_in"] == str(24 * 3600)
    claims = claims_of(told["access_token"])
    [family] = world.families.families.values()
    assert claims["sid"] == family.family_id
    assert claims["scope"] == told["scope"] == "email openid profile"
    assert claims["exp"] == world.now + 24 * 3600


def test_without_a_code_there_is_no_refresh_token_and_nobody_is_asked_for_one(
    browser: Browser, world: BrowserWorld
) -> None:
    consent = browser.log_in(browser.authorize(response_type="id_token token"))
    assert "while you are away" not in consent.text
    browser.approve(consent)
    [family] = world.families.families.values()
    assert "offline_access" not in family.scopes
    assert family.code is None
    assert family.redeemed_at == world.now


def test_with_a_code_the_login_goes_on_at_the_token_endpoint(browser: Browser, world: BrowserWorld) -> None:
    log_in(browser, response_type="code id_token token")
    [family] = world.families.families.values()
    assert family.code is not None
    assert "offline_access" in family.scopes


@pytest.mark.parametrize("response_type", ["code id_token", "code id_token token"])
def test_the_id_tokens_of_both_endpoints_are_of_one_issuer_and_one_user(response_type: str) -> None:
    world = DeviceWorld(EVERY_TYPE)
    told = log_in(Browser(world), response_type=response_type).answer
    form = {"grant_type": "authorization_code", "code": told["code"], "redirect_uri": CALLBACK}
    client = {"client_id": "app", "client_secret": "a-secret-of-a-test", "code_verifier": VERIFIER}
    tokens = world.post("/token", form | client)
    assert tokens.status == 200
    first, second = claims_of(told["id_token"]), claims_of(tokens.body["id_token"])
    for claim in ("iss", "sub", "aud", "nonce", "auth_time", "sid", "email"):
        assert first[claim] == second[claim]


@pytest.mark.parametrize("response_type", TOKENS)
def test_a_login_that_has_been_ended_brings_nothing_more(
    browser: Browser, world: BrowserWorld, response_type: str
) -> None:
    consent = browser.log_in(browser.authorize(response_type=response_type))
    assert browser.approve(consent).status == 303
    (family,) = world.families.families.values()
    assert world.families.revoke(family.family_id, world.now, Ending.BY_OPERATOR)
    assert browser.approve(consent).status == 400


def test_a_double_click_is_one_login(browser: Browser, world: BrowserWorld) -> None:
    consent = browser.log_in(browser.authorize(response_type="code id_token"))
    first, second = browser.approve(consent).answer, browser.approve(consent).answer
    assert first["code"] == second["code"]
    assert len(world.families.families) == 1


# A nonce, PKCE


@pytest.mark.parametrize("response_type", [one for one in TOKENS if "id_token" in one or "code" not in one])
def test_where_the_browser_brings_the_token_a_nonce_is_required(browser: Browser, response_type: str) -> None:
    told = browser.authorize(response_type=response_type, nonce=None).answer
    assert (told["error"], told["state"]) == ("invalid_request", REQUEST["state"])
    assert "nonce" in told["error_description"]


@pytest.mark.parametrize("response_type", ["code", "code token"])
def test_elsewhere_it_is_not(browser: Browser, response_type: str) -> None:
    assert browser.authorize(response_type=response_type, nonce=None).status == 200


def test_pkce_is_enforced_where_there_is_a_code_and_only_there() -> None:
    browser = Browser(BrowserWorld(f"{EVERY_TYPE}  pkce: {{enforce: true}}\n"))
    assert browser.authorize(response_type="id_token", **WITHOUT_CODE).status == 200
    told = browser.authorize(response_type="code id_token", **WITHOUT_CODE).answer
    assert "code challenge required" in told["error_description"]


# What is configured


@pytest.mark.parametrize(
    ("configured", "refused"), [("[code]", WITH_TOKENS), ("[code id_token]", ["code", "id_token"])]
)
def test_what_is_not_configured_is_refused(configured: str, refused: list[str]) -> None:
    browser = Browser(BrowserWorld(f"{CONFIG}oauth2:\n  responseTypes: {configured}\n"))
    for response_type in refused:
        assert browser.authorize(response_type=response_type).answer["error"] == "unsupported_response_type"


def test_without_the_code_grant_there_are_still_tokens() -> None:
    browser = Browser(BrowserWorld(f"{EVERY_TYPE}  grantTypes: [refresh_token]\n"))
    assert browser.authorize(response_type="id_token").status == 200
    assert browser.authorize(response_type="code id_token").answer["error"] == "unauthorized_client"


# Response modes


@pytest.mark.parametrize("response_type", WITH_TOKENS)
def test_no_token_ever_stands_in_a_query(browser: Browser, response_type: str) -> None:
    answer = browser.authorize(response_type=response_type, response_mode="query")
    assert answer.answer["error"] == "invalid_request"
    assert "?" not in answer.headers["Location"]


def test_a_code_may_stand_in_the_fragment(browser: Browser) -> None:
    answer = log_in(browser, response_mode="fragment")
    assert answer.headers["Location"].startswith(f"{CALLBACK}#code=")


@pytest.mark.parametrize("response_type", TOKENS)
def test_any_answer_may_be_posted(browser: Browser, response_type: str) -> None:
    page = log_in(browser, response_type=response_type, response_mode="form_post")
    assert page.status == 200
    assert "Location" not in page.headers
    assert page.headers["Cache-Control"] == "no-store"
    [form] = page.forms
    assert (form.method, form.action) == ("post", CALLBACK)
    assert TOKENS[response_type] | {"state", "iss"} <= form.fields.keys()
    assert form.fields["state"] == REQUEST["state"]
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'sha256-" in policy
    assert "unsafe-inline" not in policy


def test_no_other_page_allows_a_script(browser: Browser) -> None:
    page = browser.authorize()
    consent = browser.log_in(page)
    for one in (page, consent, browser.get("/auth", {})):
        assert "script-src" not in one.headers["Content-Security-Policy"]
        assert "<script" not in one.body


@pytest.mark.parametrize("state", ['"><script>alert(1)</script>', "a&b=c\r\n", "☃"])
def test_what_is_posted_is_exactly_what_was_sent(browser: Browser, state: str) -> None:
    page = log_in(browser, response_mode="form_post", state=state)
    assert page.forms[0].fields["state"] == state
    assert page.body.count("<script") == 1


@pytest.mark.parametrize(("mode", "response_type"), [("form_post", "code"), ("fragment", "code"), (None, "id_token")])
def test_an_error_travels_as_the_answer_would(browser: Browser, mode: str | None, response_type: str) -> None:
    answer = browser.authorize(response_mode=mode, response_type=response_type, prompt="none")
    if mode == "form_post":
        assert answer.forms[0].fields["error"] == "login_required"
        return
    assert answer.headers["Location"].startswith(f"{CALLBACK}#error=login_required&")


def test_a_no_travels_as_the_answer_would(browser: Browser) -> None:
    consent = browser.log_in(browser.authorize(response_type="id_token"))
    answer = browser.submit(consent, approval="deny")
    assert answer.headers["Location"].startswith(f"{CALLBACK}#error=access_denied&")


# The user that the client expects (id_token_hint)


def hint(user_id: str = USER_ID, **changes: Any) -> str:
    """Return an ID token that was given to the client for a user."""
    family = a_family(client_id="app")
    family = replace(family, claims=replace(family.claims, user_id=user_id))
    claims = id_token_claims(
        Principal.of_login(family), "app", ("app",), family.scopes, "https://id.example.com", timedelta(1), LOGIN_AT
    )
    return sign(signers()["ES256"], claims | changes)


def test_the_user_of_the_hint_may_log_in_and_nobody_else(browser: Browser, world: BrowserWorld) -> None:
    assert "code" in log_in(browser, id_token_hint=hint()).answer
    told = browser.log_in(browser.authorize(id_token_hint=hint("somebody else"))).answer
    assert (told["error"], told["state"]) == ("login_required", REQUEST["state"])
    assert world.families.calls == ["begin"]


def test_a_hint_that_has_expired_is_as_good(browser: Browser, world: BrowserWorld) -> None:
    world.now += 400 * 86400
    assert "code" in log_in(browser, id_token_hint=hint()).answer


def test_a_hint_does_not_make_prompt_none_possible(browser: Browser) -> None:
    assert browser.authorize(id_token_hint=hint(), prompt="none").answer["error"] == "login_required"


@pytest.mark.parametrize("issuer", ["https://evil.example.com", ""])
def test_a_hint_of_somebody_else_is_refused(browser: Browser, issuer: str) -> None:
    assert browser.authorize(id_token_hint=hint(iss=issuer)).answer["error"] == "invalid_request"


# A dependency that is down


def test_a_table_that_cannot_be_reached_gives_nothing_out(browser: Browser, world: BrowserWorld) -> None:
    consent = browser.log_in(browser.authorize(response_type="code id_token token"))
    world.families.broken = True
    page = browser.approve(consent)
    assert page.status == 503
    assert "id_token" not in page.body
    world.families.broken = False
    assert "id_token" in browser.approve(page).answer
