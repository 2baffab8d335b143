"""A login belongs to one browser and one hour: what happens in another one, later, twice, or with forged forms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.browser import CALLBACK, CONFIG, REQUEST, Answer, Browser, BrowserWorld, query_of


@pytest.fixture
def world() -> BrowserWorld:
    return BrowserWorld()


@pytest.fixture
def browser(world: BrowserWorld) -> Browser:
    return Browser(world)


def assert_start_again(answer: Answer, reason: str) -> None:
    """Check that the user is told why it can't go on, and that they may start again from the application."""
    assert answer.status == 400
    assert "Location" not in answer.headers
    assert reason in answer.text
    assert "application" in answer.text
    assert not answer.forms


# Another browser


def test_the_address_of_a_login_page_is_of_no_use_in_another_browser(browser: Browser, world: BrowserWorld) -> None:
    location = browser.get("/auth", REQUEST).headers["Location"]
    victim = Browser(world)
    assert_start_again(victim.get(location), "cookies")
    victim.authorize()
    assert_start_again(victim.get(location), "not begun in this browser")


def test_a_login_form_made_elsewhere_is_refused_with_the_right_password_in_it(
    browser: Browser, world: BrowserWorld
) -> None:
    page = browser.authorize()
    victim = Browser(world)
    victim.authorize()
    assert_start_again(victim.log_in(page), "not begun in this browser")
    assert world.families.calls == []


def test_a_consent_form_made_elsewhere_is_refused(browser: Browser, world: BrowserWorld) -> None:
    consent = browser.log_in(browser.authorize())
    victim = Browser(world)
    assert_start_again(victim.approve(consent), "cookies")
    victim.authorize()
    assert_start_again(victim.approve(consent), "not begun in this browser")
    assert_start_again(victim.submit(consent, approval="deny"), "not begun in this browser")
    assert world.families.calls == []


def test_a_form_without_the_sealed_request_is_refused(browser: Browser, world: BrowserWorld) -> None:
    consent = browser.log_in(browser.authorize())
    assert_start_again(browser.post("/auth/local/login", {"login": "a", "password": "b"}), "damaged")
    assert_start_again(browser.post("/approval", {"approval": "approve"}), "damaged")
    assert_start_again(browser.get("/auth/local/login"), "damaged")
    assert consent.status == 200
    assert world.families.calls == []


@pytest.mark.parametrize("req", ["x", "AQDA_-4", "a" * 400, "é", "../../etc/passwd"])
def test_a_sealed_request_that_we_never_made_is_refused(browser: Browser, req: str) -> None:
    browser.authorize()
    assert_start_again(browser.get("/auth/local/login", {"req": req}), "damaged")
    assert_start_again(browser.get("/auth/local", {"req": req}), "damaged")
    assert_start_again(browser.get("/auth", {"req": req}), "damaged")
    assert_start_again(browser.post("/auth/local/login", {"req": req, "login": "a", "password": "b"}), "damaged")


def test_a_request_that_is_sealed_is_no_login(browser: Browser, world: BrowserWorld) -> None:
    sealed = browser.authorize().forms[0].fields["req"]
    assert_start_again(browser.post("/approval", {"req": sealed, "approval": "approve"}), "damaged")
    assert world.families.calls == []


def test_a_posted_request_is_no_request_of_this_browser_yet(browser: Browser) -> None:
    browser.authorize()
    posted = query_of(browser.post("/auth", REQUEST).headers["Location"])["posted"][0]
    assert_start_again(browser.get("/auth/local/login", {"req": posted}), "damaged")


def test_a_browser_that_keeps_no_cookies_is_told_so_before_anybody_types_a_password(browser: Browser) -> None:
    location = browser.get("/auth", REQUEST).headers["Location"]
    browser.cookies.clear()
    assert_start_again(browser.get(location), "Allow cookies")


def test_a_cookie_that_we_never_made_is_replaced(browser: Browser) -> None:
    browser.cookies = {"__Host-sundial": "planted"}
    assert browser.authorize().status == 200
    assert browser.cookies["__Host-sundial"] != "planted"


def test_the_consent_page_cannot_be_opened_by_itself(browser: Browser) -> None:
    assert_start_again(browser.get("/approval"), "follows a login")


# Several tabs, back, twice


def test_several_tabs_log_in_side_by_side(browser: Browser, world: BrowserWorld) -> None:
    tabs = [browser.authorize(state=state) for state in "abc"]
    assert len({cookie for tab in tabs for cookie in tab.cookies}) == 0
    consents = [browser.log_in(tab) for tab in reversed(tabs)]
    states = [browser.approve(consent).answer["state"] for consent in consents]
    assert states == ["c", "b", "a"]
    assert len(world.families.families) == 3


def test_the_cookie_is_set_once(browser: Browser) -> None:
    assert browser.get("/auth", REQUEST).cookies
    assert not browser.get("/auth", REQUEST).cookies


def test_back_from_consent_to_the_login_form_works(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    browser.log_in(page)
    again = browser.log_in(page)
    assert browser.approve(again).status == 303
    assert len(world.families.families) == 1


def test_a_double_click_on_allow_is_one_login_and_one_code(browser: Browser, world: BrowserWorld) -> None:
    consent = browser.log_in(browser.authorize())
    first, world.now = browser.approve(consent), world.now + 1
    second = browser.approve(consent)
    assert second.answer == first.answer
    assert len(world.families.families) == 1


def test_allow_after_the_client_has_its_tokens_is_a_page_and_leaves_them_alone(
    browser: Browser, world: BrowserWorld
) -> None:
    consent = browser.log_in(browser.authorize())
    browser.approve(consent)
    [family] = world.families.families.values()
    redeemed = replace(family, redeemed_at=world.now, generation=1, change_id="of the redemption")
    world.families.families[family.family_id] = redeemed
    assert_start_again(browser.approve(consent), "finished this login before")
    assert world.families.families == {family.family_id: redeemed}


def test_a_double_click_on_log_in_without_consent_gives_two_codes_that_both_work() -> None:
    world = BrowserWorld(f"{CONFIG}oauth2:\n  skipApprovalScreen: true\n")
    browser = Browser(world)
    page = browser.authorize()
    assert {browser.log_in(page).location, browser.log_in(page).location} == {CALLBACK}
    assert len(world.families.families) == 2


# Too late


def test_a_request_lives_for_as_long_as_configured_and_not_a_second_longer(
    browser: Browser, world: BrowserWorld
) -> None:
    page = browser.authorize()
    world.now += 3600
    assert browser.get(page.url.partition("/auth")[1] + "/local/login", page.forms[0].fields).status == 200
    consent = browser.log_in(page)
    assert consent.status == 200
    world.now += 1
    assert_start_again(browser.log_in(page), "took too long")
    assert_start_again(browser.approve(consent), "took too long")
    assert_start_again(browser.submit(consent, approval="deny"), "took too long")
    assert_start_again(browser.get("/auth", page.forms[0].fields), "took too long")
    assert world.families.calls == []


def test_a_consent_page_left_open_is_no_open_door(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    consent = browser.log_in(page)
    world.now += 600
    assert browser.approve(consent).status == 303
    world.now += 1
    assert_start_again(browser.approve(consent), "took too long")
    assert browser.approve(browser.log_in(page)).status == 303


def test_a_link_to_log_in_as_somebody_else_does_not_prolong_the_request(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    world.now += 3000
    [link] = browser.log_in(page).links
    world.now += 600
    again = browser.follow(browser.get(link))
    assert again.status == 200
    world.now += 1
    assert_start_again(browser.log_in(again), "took too long")


def test_a_request_from_before_the_watermark_is_too_old(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    world.ring.not_before = world.now + 1
    assert_start_again(browser.log_in(page), "took too long")


def test_a_login_survives_the_rotation_of_the_keys(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    world.ring.rotate_mac_key()
    consent = browser.log_in(page)
    assert browser.approve(consent).status == 303


# A configuration that changes in between


def test_a_client_that_is_removed_meanwhile_gets_nobody(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    consent = browser.log_in(page)
    world.use(replace(world.config, clients={}))
    assert_start_again(browser.log_in(page), "changed")
    assert_start_again(browser.approve(consent), "changed")


def test_an_address_that_is_removed_meanwhile_gets_nobody(browser: Browser, world: BrowserWorld) -> None:
    consent = browser.log_in(browser.authorize())
    client = replace(world.config.clients["app"], redirect_uris=("https://app.example.com/new",))
    world.use(replace(world.config, clients={"app": client}))
    assert_start_again(browser.approve(consent), "changed")


def test_a_connector_that_is_removed_meanwhile_gets_nobody(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    consent = browser.log_in(page)
    client = replace(world.config.clients["app"], allowed_connectors=("another",))
    world.use(replace(world.config, clients={"app": client}))
    for answer in (browser.log_in(page), browser.approve(consent), browser.get("/auth/local", page.forms[0].fields)):
        assert answer.status == 404
        assert "not offered" in answer.text
    assert world.families.calls == []
