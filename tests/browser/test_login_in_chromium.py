"""A person logs in, in a real browser, without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser import CONFIG, EMAIL, PASSWORD
from tests.support.looks import assert_looks_right, fill_in
from tests.support.site import Site

MUCH = (
    "openid profile email groups federated:id offline_access"
    " audience:server:client_id:kube audience:server:client_id:vault"
)
WITH_MUCH_TO_ASK = CONFIG.replace(
    "name: The App\n", "name: The App\n    resources: [https://api.example.com/v1]\n"
).replace(
    "expiry:\n",
    """\
  - {id: kube, name: Kubernetes, public: true, trustedPeers: [app]}
  - {id: vault, public: true, trustedPeers: [app]}
expiry:
""",
)


@dataclass
class Elsewhere:
    """A connector to choose."""

    id: str
    name: str
    prompt: str = "Username"

    def log_in(self, username: str, password: str) -> None:
        return None


def test_a_person_logs_in_and_comes_back_to_the_client(page: Page, site: Site) -> None:
    page.goto(site.url())
    expect(page).to_have_title("Log in · Sundial")
    expect(page.get_by_text("to continue to The App")).to_be_visible()
    fill_in(page)
    expect(page.get_by_role("heading", name="Allow The App?")).to_be_visible()
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page).to_have_title("Back at the client")
    [answer] = site.client.answers
    assert answer["iss"] == site.issuer
    assert "code" in answer
    assert len(site.world.families.families) == 1


def test_nothing_of_the_login_shows_in_an_address(page: Page, site: Site) -> None:
    page.goto(site.url())
    fill_in(page)
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page).to_have_title("Back at the client")
    methods = [(method, path) for method, path, _ in site.requests]
    assert methods == [
        ("GET", "/auth"),
        ("GET", "/auth/local/login"),
        ("POST", "/auth/local/login"),
        ("POST", "/approval"),
    ]
    queries = " ".join(query for _, _, query in site.requests[1:])
    for said in (PASSWORD, "admin", "example.com", "openid"):
        assert said not in queries


def test_the_cookie_is_the_browsers_own_and_no_scripts(page: Page, context: BrowserContext, site: Site) -> None:
    page.goto(site.url())
    [cookie] = context.cookies()
    assert cookie["name"] == "sundial"
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["expires"] == -1


@pytest.mark.parametrize("site", ["https"], indirect=True)
def test_over_https_the_cookie_is_secure_and_no_other_host_can_plant_one(
    page: Page, context: BrowserContext, site: Site
) -> None:
    page.goto(site.url())
    [cookie] = context.cookies()
    assert cookie["name"] == "__Host-sundial"
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    fill_in(page)
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page).to_have_title("Back at the client")
    assert site.client.answers[0]["iss"] == site.issuer


def test_a_wrong_password_is_said_and_can_be_put_right(page: Page, site: Site) -> None:
    page.goto(site.url())
    fill_in(page, "wrong")
    expect(page).to_have_title("Error: Log in · Sundial")
    expect(page.get_by_role("alert")).to_have_text("The email address or the password is wrong.")
    expect(page.get_by_label("Email address")).to_have_value(EMAIL)
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Allow The App?")).to_be_visible()


def test_it_all_works_with_the_keyboard_alone(page: Page, site: Site) -> None:
    page.goto(site.url())
    expect(page.get_by_label("Email address")).to_be_focused()
    page.keyboard.type(EMAIL)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Log in")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Allow The App?")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Allow", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Deny")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(page).to_have_title("Back at the client")


def test_a_no_goes_back_to_the_client_too(page: Page, site: Site) -> None:
    page.goto(site.url())
    fill_in(page)
    page.get_by_role("button", name="Deny").click()
    expect(page).to_have_title("Back at the client")
    [answer] = site.client.answers
    assert answer["error"] == "access_denied"
    assert site.world.families.calls == []


@pytest.mark.parametrize("skip", [False, True])
def test_a_client_may_send_the_browser_on_to_another_host(page: Page, site: Site, skip: bool) -> None:
    """Chromium holds `form-action` against the whole chain of redirects that follows a form."""
    site.configure(f"{CONFIG}oauth2:\n  skipApprovalScreen: {str(skip).lower()}\n")
    site.client.onward = site.other.origin + "/welcome"
    page.goto(site.url())
    fill_in(page)
    if not skip:
        page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(site.client.onward)
    assert "code" in site.client.answers[0]


def test_a_client_may_post_its_request_from_its_own_site(page: Page, context: BrowserContext, site: Site) -> None:
    page.goto(site.url())
    [before] = context.cookies()
    second = context.new_page()
    # Another host than the issuer's, so that the POST is cross-site and comes without the cookie.
    start = site.other.origin_by_name
    query = "&".join(f"{name}={value}" for name, value in site.parameters(state="posted").items())
    second.goto(f"{start}/start?to={site.issuer}/auth&{query}")
    second.get_by_role("button", name="Log in").click()
    expect(second.get_by_label("Password")).to_be_visible()
    assert context.cookies() == [before]
    fill_in(second)
    second.get_by_role("button", name="Allow", exact=True).click()
    expect(second).to_have_title("Back at the client")
    assert site.client.answers[0]["state"] == "posted"
    fill_in(page)
    expect(page.get_by_role("heading", name="Allow The App?")).to_be_visible()


def test_two_tabs_log_in_side_by_side(context: BrowserContext, site: Site) -> None:
    tabs = [context.new_page(), context.new_page()]
    for state, tab in zip("ab", tabs, strict=True):
        tab.goto(site.url(state=state))
    for tab in tabs:
        fill_in(tab)
        tab.get_by_role("button", name="Allow", exact=True).click()
        expect(tab).to_have_title("Back at the client")
    assert [answer["state"] for answer in site.client.answers] == ["a", "b"]


def test_back_and_again_works(page: Page, site: Site) -> None:
    page.goto(site.url())
    fill_in(page, "wrong")
    page.go_back()
    fill_in(page)
    expect(page.get_by_role("heading", name="Allow The App?")).to_be_visible()
    page.get_by_role("link", name="Log in as someone else").click()
    fill_in(page)
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page).to_have_title("Back at the client")
    assert len(site.client.answers) == 1


def test_a_request_that_expires_meanwhile_says_so(page: Page, site: Site) -> None:
    page.goto(site.url())
    site.world.now += 3601
    fill_in(page)
    expect(page.get_by_role("heading", name="This login cannot go on")).to_be_visible()
    expect(page.get_by_text("took too long")).to_be_visible()


def test_no_page_can_be_framed(page: Page, site: Site, context: BrowserContext) -> None:
    frame = f"<iframe src='{site.url()}'></iframe>"
    page.route("**/framing", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.goto(f"{site.client.origin}/framing")
    assert page.frames[1].url == "chrome-error://chromewebdata/"


def test_the_pages_fit_every_screen_and_can_be_read(page: Page, site: Site) -> None:
    look = partial(assert_looks_right, page)
    site.configure(WITH_MUCH_TO_ASK)
    page.goto(site.url(scope=MUCH, resource="https://api.example.com/v1"))
    look("Log in", "login")
    fill_in(page, "wrong")
    look("Error: Log in", "login-wrong-password")
    fill_in(page)
    look("Allow The App?", "consent")
    site.world.families.broken = True
    page.get_by_role("button", name="Allow", exact=True).click()
    look("Error: Allow The App?", "consent-interrupted")
    site.world.families.broken = False
    site.world.more = (
        Elsewhere("github", "GitHub"),
        Elsewhere("long", "The Ministry of Unusually Long Names, Dept. 7"),
    )
    site.configure(WITH_MUCH_TO_ASK)
    page.goto(site.url())
    look("Log in", "chooser")
    page.get_by_role("link", name="Log in with Email").click()
    look("Log in", "login-with-other-ways")
    sealed = page.locator("input[name=req]").input_value()
    page.goto(f"{site.issuer}/auth/nowhere/login?req={sealed}")
    look("There is nothing here", "error-nothing-here")
    site.world.ring.broken = True
    page.goto(site.url())
    look("We cannot answer at the moment", "error-unavailable")
    site.world.ring.broken = False
    page.goto(f"{site.issuer}/auth?client_id=nobody")
    look("This login cannot go on", "error-unknown-client")
    page.goto(f"{site.issuer}/auth/nowhere/login?req=x")
    look("This login cannot go on", "error-damaged-address")


@pytest.mark.parametrize("site", ["/dex"], indirect=True)
def test_under_an_issuer_with_a_path_the_cookie_stays_there(page: Page, context: BrowserContext, site: Site) -> None:
    page.goto(site.url())
    fill_in(page)
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page).to_have_title("Back at the client")
    assert site.client.answers[0]["iss"] == site.issuer
    assert {cookie["path"] for cookie in context.cookies()} == {"/dex"}
