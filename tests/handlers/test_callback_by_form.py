"""What comes back from a provider by POST, and what is too long for an address."""

from __future__ import annotations

import pytest

from sundial.authorize.callback import LONGEST_STATE
from tests.support.browser import CALLBACK, Browser
from tests.support.redirect_provider import PROVIDER, Provider, away, query_of, world_of

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
