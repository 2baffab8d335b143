"""A person logs in at a SAML provider on another site, in a real browser: forms go there and come back."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import partial

import pytest
from lxml import etree
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sundial.connectors.saml import SamlConnector, SamlSettings
from tests.support.browser import CONFIG
from tests.support.certificates import self_signed
from tests.support.looks import assert_looks_right
from tests.support.saml import NOW, PROVIDER, Parts, encode, sign
from tests.support.site import Site, posting_page

IDP = self_signed("The provider", by_rsa=True)
SKIPPED = f"{CONFIG}oauth2: {{skipApprovalScreen: true}}\n"


@pytest.fixture(autouse=True)
def provider(site: Site) -> None:
    """The client's second site is the provider: of another host than the issuer, so that cookies stay behind."""
    callback = f"{site.issuer}/callback"
    settings = SamlSettings(
        f"{site.other.origin_by_name}/sso",
        "name",
        "email",
        redirect_uri=callback,
        sso_issuer=PROVIDER,
        certificates=(IDP.pem,),
    )

    def answer(form: dict[str, str]) -> bytes:
        request = etree.fromstring(base64.b64decode(form["SAMLRequest"]))
        audience = f"<saml:AudienceRestriction><saml:Audience>{callback}</saml:Audience></saml:AudienceRestriction>"
        made = Parts(
            str(request.get("ID")), destination=f' Destination="{callback}"', recipient=callback, audiences=audience
        )
        response = encode(sign(made.xml(), IDP))
        return posting_page({"to": callback, "RelayState": form["RelayState"], "SAMLResponse": response})

    site.other.answer_form = answer
    site.world.now = NOW
    site.world.more = [SamlConnector("saml", "Company login", settings)]
    site.configure()


@pytest.fixture
def scripted(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that runs scripts, as most do."""
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    yield context
    context.close()


def assert_nothing_in_an_address(site: Site, visited: list[str]) -> None:
    """No address that the browser was at, and none that was asked for, has the provider's answer in it."""
    asked = [query for _, path, query in site.requests if path == "/callback"]
    assert asked == ["", ""], "a form from the provider's site, and once more from ours"
    assert [url for url in visited if "SAMLResponse" in url] == []


def test_by_themselves_the_forms_go_to_the_provider_and_back(scripted: BrowserContext, site: Site) -> None:
    page = scripted.new_page()
    problems: list[str] = []
    visited: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("framenavigated", lambda frame: visited.append(frame.url))
    page.goto(site.url(connector_id="saml"))
    page.get_by_role("button", name="Log in").click()  # the provider's
    expect(page.get_by_role("heading", name="Allow The App?")).to_be_visible()
    expect(page.get_by_text("Jane Doe")).to_be_visible()
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page).to_have_title("Back at the client")
    assert "code" in site.client.answers[0]
    assert_nothing_in_an_address(site, visited)
    assert problems == []


def test_the_form_may_end_at_a_client_over_http_and_on_from_there(scripted: BrowserContext, site: Site) -> None:
    site.configure(SKIPPED)
    site.client.onward = site.other.origin + "/welcome"
    page = scripted.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(site.url(connector_id="saml"))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(site.client.onward)
    assert "code" in site.client.answers[0]
    assert problems == []


def test_where_no_script_runs_each_form_needs_one_key(page: Page, site: Site) -> None:
    visited: list[str] = []
    page.on("framenavigated", lambda frame: visited.append(frame.url))
    page.goto(site.url(connector_id="saml"))
    expect(page.get_by_role("heading", name="Continue to Company login")).to_be_visible()
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Continue to Sundial")).to_be_visible()
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Jane Doe")).to_be_visible()
    assert_nothing_in_an_address(site, visited)


def test_a_browser_that_keeps_no_cookie_is_told_so(scripted: BrowserContext, site: Site) -> None:
    page = scripted.new_page()
    page.goto(site.url(connector_id="saml"))
    scripted.clear_cookies()
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="This login cannot go on")).to_be_visible()
    expect(page.get_by_text("Allow cookies")).to_be_visible()
    assert len([path for _, path, _ in site.requests if path == "/callback"]) == 2


def test_the_pages_fit_every_screen_and_can_be_read(page: Page, site: Site) -> None:
    look = partial(assert_looks_right, page)
    page.goto(site.url(connector_id="saml"))
    look("Continue to Company login", "forward-there")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log in").click()
    look("Continue to Sundial", "forward-back")
