"""Whatever is wrong with a field of a form of ours: its user is told, nothing is done, and it can be sent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from tests.support.browser import EMAIL, PASSWORD, Browser, assert_page
from tests.support.device_world import Device, DeviceWorld, log_in, open_page
from tests.support.events import FORM
from tests.support.mistakes import ABSENT, MISTAKES, spoilt


@pytest.fixture(scope="module")
def only_world() -> DeviceWorld:
    return DeviceWorld()


@pytest.fixture
def world(only_world: DeviceWorld) -> DeviceWorld:
    only_world.forget()
    return only_world


@pytest.fixture
def browser(world: DeviceWorld) -> Browser:
    return Browser(world)


class Sent(NamedTuple):
    """A form that would be taken: where it goes, its fields, and what is taken from a good one at the end."""

    path: str
    fields: Callable[[Browser, DeviceWorld], Mapping[str, str]]
    done: str


def login_form(browser: Browser, _: DeviceWorld) -> Mapping[str, str]:
    return {**browser.authorize().forms[0].fields, "login": EMAIL, "password": PASSWORD}


def consent_form(browser: Browser, _: DeviceWorld) -> Mapping[str, str]:
    return {**browser.log_in(browser.authorize()).forms[0].fields, "approval": "approve"}


def code_form(browser: Browser, world: DeviceWorld) -> Mapping[str, str]:
    device = Device(world)
    device.ask()
    return {**open_page(browser).forms[0].fields, "user_code": device.codes["user_code"]}


def device_consent_form(browser: Browser, world: DeviceWorld) -> Mapping[str, str]:
    device = Device(world)
    device.ask()
    return {**log_in(browser, device.codes["user_code"]).forms[0].fields, "approval": "approve"}


def logout_form(browser: Browser, _: DeviceWorld) -> Mapping[str, str]:
    return browser.get("/logout", {"client_id": "app"}).forms[0].fields


FORMS: Mapping[str, Sent] = {
    "login": Sent("/auth/local/login", login_form, "Allow The App?"),
    "consent": Sent("/approval", consent_form, ""),
    "code": Sent("/device/auth/verify_code", code_form, "Log in"),
    "consent of a device": Sent("/approval", device_consent_form, "Device connected"),
    "logout": Sent("/logout", logout_form, "Logged out"),
}


NO_MISTAKES = {("user_code", "as JSON")}
"""Whatever stands around the letters of a code counts for nothing (RFC 8628 §6.1)."""


@pytest.mark.parametrize("form", FORMS)
def test_one_bad_field_of_a_form_is_told_and_the_form_can_be_sent_again(
    browser: Browser, world: DeviceWorld, form: str
) -> None:
    sent = FORMS[form]
    fields = sent.fields(browser, world)
    cookies, families = dict(browser.cookies), dict(world.families.families)
    for name in fields:
        for mistake in MISTAKES:
            if (form == "logout" and mistake in ABSENT) or (name, mistake) in NO_MISTAKES:
                continue  # without its field it is a logout that somebody asks for
            world.devices.tries.clear()
            answer = browser.post(sent.path, spoilt(fields.items(), name, mistake))
            assert_page(answer, 400, 403)
            assert (world.families.families, world.families.revoked) == (families, {}), (name, mistake)
    browser.cookies = cookies
    assert browser.follow(browser.post(sent.path, fields)).title.partition(" · ")[0] == sent.done


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", "", f"{FORM}x"]
)
def test_a_form_of_another_type_is_refused(browser: Browser, world: DeviceWorld, form: str, content_type: str) -> None:
    """A page of another site can send some of these without asking (CORS' simple requests)."""
    sent = FORMS[form]
    fields = sent.fields(browser, world)
    before = dict(world.families.families)
    headers = {"Content-Type": content_type} if content_type else {}
    assert_page(browser.post(sent.path, (), body=urlencode(fields), headers=headers), 400)
    assert world.families.families == before


@pytest.mark.parametrize("form", FORMS)
def test_what_is_sealed_for_one_form_opens_no_other(browser: Browser, world: DeviceWorld, form: str) -> None:
    sealed = {name: sent.fields(browser, world)["req"] for name, sent in FORMS.items()}
    fields = FORMS[form].fields(browser, world)
    consents = {"consent", "consent of a device"}
    before = dict(world.families.families)
    for name, req in sealed.items():
        if name == form or {name, form} == consents:
            continue
        assert_page(browser.post(FORMS[form].path, {**fields, "req": req}), 400)
    assert (world.families.families, world.families.revoked) == (before, {})


COOKIES = ["", "x", "x" * 5000, "é", "AAAAAAAAAAAAAAAAAAAAAA", 'AAAA"; Path=/', "AAAAAAAAAAAAAAAAAAAAA\0"]


@pytest.mark.parametrize("value", COOKIES)
def test_a_cookie_that_is_not_the_browsers_own_opens_nothing(browser: Browser, world: DeviceWorld, value: str) -> None:
    consent = consent_form(browser, world)
    browser.cookies = {"__Host-sundial": value}
    assert_page(browser.post("/approval", consent), 400)
    assert_page(browser.post("/auth/local/login", {**consent, "login": EMAIL, "password": PASSWORD}), 400)
    assert world.families.families == {}
