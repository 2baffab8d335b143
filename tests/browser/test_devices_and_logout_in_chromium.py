"""A device is connected, and a person logs out, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sundial.expiry.family import Family
from sundial.tokens.claims import Principal, id_token_claims
from sundial.tokens.jwt import sign
from tests.support.browser import CONFIG
from tests.support.device_world import Device
from tests.support.families import LOGIN_AT, a_family
from tests.support.looks import assert_looks_right, fill_in
from tests.support.signers import signers
from tests.support.site import Site


@pytest.fixture
def device(site: Site) -> Device:
    device = Device(site.world)
    device.ask()
    return device


def allow(page: Page) -> None:
    page.get_by_role("button", name="Allow", exact=True).click()


def test_a_person_types_the_code_of_their_device_and_allows_it(page: Page, site: Site, device: Device) -> None:
    page.goto(device.codes["verification_uri"])
    expect(page).to_have_title("Connect a device · Sundial")
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type(device.codes["user_code"].lower())
    page.keyboard.press("Enter")
    fill_in(page)
    expect(page.get_by_text(device.codes["user_code"])).to_be_visible()
    allow(page)
    expect(page.get_by_role("heading", name="Your device is connected")).to_be_visible()
    assert device.poll().status == 200
    page.reload()
    expect(page.get_by_role("heading", name="Your device is connected")).to_be_visible()


def test_by_the_complete_address_there_is_one_button_to_press(page: Page, site: Site, device: Device) -> None:
    page.goto(device.codes["verification_uri_complete"])
    expect(page.get_by_label("Code")).to_have_value(device.codes["user_code"])
    page.get_by_role("button", name="Continue").press("Enter")
    fill_in(page)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", name="The device was denied")).to_be_visible()
    assert device.poll().error == (400, "access_denied")


def test_a_wrong_code_is_said_and_can_be_put_right(page: Page, site: Site, device: Device) -> None:
    page.goto(device.codes["verification_uri"])
    page.get_by_label("Code").fill("BCDF-GHJK")
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("Error: Connect a device · Sundial")
    expect(page.get_by_role("alert")).to_contain_text("No device waits for this code.")
    field = page.get_by_label("Code")
    expect(field).to_be_focused()
    assert field.get_attribute("aria-describedby") == "problem advice"
    field.fill(device.codes["user_code"])
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password")).to_be_visible()


def test_nothing_of_the_device_shows_in_an_address_but_its_code(page: Page, site: Site, device: Device) -> None:
    page.goto(device.codes["verification_uri_complete"])
    page.get_by_role("button", name="Continue").click()
    fill_in(page)
    allow(page)
    asked = [(method, path) for method, path, _ in site.requests]
    assert asked == [
        ("GET", "/device"),
        ("POST", "/device/auth/verify_code"),
        ("GET", "/auth"),
        ("GET", "/auth/local/login"),
        ("POST", "/auth/local/login"),
        ("POST", "/approval"),
    ]
    queries = " ".join(query for _, _, query in site.requests[1:])
    assert device.codes["user_code"].replace("-", "") not in queries
    assert device.codes["device_code"] not in queries


def test_a_logout_without_an_id_token_is_asked_about(page: Page, context: BrowserContext, site: Site) -> None:
    afterwards = f"{site.client.origin}/bye"
    site.configure(CONFIG.replace("  - id: cli\n", f"    postLogoutRedirectURIs: [{afterwards}]\n  - id: cli\n"))
    page.goto(f"{site.issuer}/logout?{urlencode({'client_id': 'app', 'post_logout_redirect_uri': afterwards})}")
    expect(page.get_by_role("heading", name="Log out?")).to_be_visible()
    expect(page.get_by_role("button", name="Log out")).to_be_focused()
    [before] = context.cookies()
    assert (before["httpOnly"], before["sameSite"]) == (True, "Lax")
    page.keyboard.press("Enter")
    expect(page).to_have_title("Back at the client")
    assert page.url == afterwards
    assert context.cookies()[0]["value"] != before["value"]


def test_a_logout_from_another_site_with_an_id_token_is_done_at_once(page: Page, site: Site) -> None:
    family = a_family(client_id="app")
    site.world.families.families[family.family_id] = family
    query = urlencode({"to": f"{site.issuer}/logout", "id_token_hint": hint(site, family)})
    page.goto(f"{site.other.origin_by_name}/start?{query}")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    assert family.family_id in site.world.families.revoked


def hint(site: Site, family: Family) -> str:
    principal = Principal.of_login(family)
    claims = id_token_claims(principal, "app", ("app",), family.scopes, site.issuer, timedelta(hours=1), LOGIN_AT)
    return sign(signers()["RS256"], claims)


@pytest.fixture
def scripted(chromium: Browser) -> Iterator[Page]:
    """A browser that runs scripts, as most do."""
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_an_answer_that_is_posted_goes_by_itself_where_scripts_run(scripted: Page, site: Site) -> None:
    problems: list[str] = []
    scripted.on("console", lambda message: problems.append(message.text))
    scripted.goto(site.url(response_mode="form_post"))
    fill_in(scripted)
    allow(scripted)
    expect(scripted).to_have_title("Back at the client")
    [answer] = site.client.answers
    assert {"code", "state", "iss"} <= answer.keys()
    assert problems == []


def test_an_answer_that_is_posted_needs_one_key_where_no_script_runs(page: Page, site: Site) -> None:
    page.goto(site.url(response_mode="form_post"))
    fill_in(page)
    allow(page)
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_title("Back at the client")
    assert "code" in site.client.answers[0]


def test_the_pages_fit_every_screen_and_can_be_read(page: Page, site: Site, device: Device) -> None:
    look = partial(assert_looks_right, page)
    page.goto(device.codes["verification_uri"])
    look("Connect a device", "device-entry")
    page.get_by_label("Code").fill("BCDF-GHJK")
    page.keyboard.press("Enter")
    look("Error: Connect a device", "device-wrong-code")
    page.goto(device.codes["verification_uri_complete"])
    look("Connect a device", "device-filled-in")
    page.get_by_role("button", name="Continue").click()
    fill_in(page)
    look("Allow cli?", "device-consent")
    allow(page)
    look("Device connected", "device-done")
    device.ask()
    page.goto(device.codes["verification_uri_complete"])
    page.get_by_role("button", name="Continue").click()
    fill_in(page)
    page.get_by_role("button", name="Deny").click()
    look("Device denied", "device-denied")
    page.goto(f"{site.issuer}/logout?client_id=app")
    look("Log out?", "logout-confirm")
    page.get_by_role("button", name="Log out").click()
    look("Logged out", "logged-out")
    page.goto(f"{site.issuer}/logout?client_id=app&post_logout_redirect_uri=https://evil.example.com")
    look("You could not be logged out", "logout-refused")
    page.goto(site.url(response_mode="form_post"))
    fill_in(page)
    allow(page)
    look(f"Continue to {site.client.origin.removeprefix('http://')}", "form-post")
