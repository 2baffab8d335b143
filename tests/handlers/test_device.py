"""The device flow (RFC 8628), as a device's developer and the person in front of it see it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from sundial.config.model import DEVICE_GRANT
from sundial.expiry.family import Ending
from sundial.store.directory import LocalUser
from sundial.tokens.device_codes import LETTERS, PREFIX
from tests.support.browser import CONFIG, EMAIL, HASH, Answer, Browser, query_of
from tests.support.device_world import Device, DeviceWorld, log_in, open_page, type_code
from tests.support.events import FORM, http_event
from tests.support.token_world import claims_of

SECRET = "a-secret-of-a-test"


@pytest.fixture
def world() -> DeviceWorld:
    return DeviceWorld()


@pytest.fixture
def device(world: DeviceWorld) -> Device:
    return Device(world)


@pytest.fixture
def browser(world: DeviceWorld) -> Browser:
    return Browser(world)


def assert_page(answer: Answer, status: int = 400) -> str:
    assert answer.status == status
    assert "Location" not in answer.headers
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.text


# From the device's question to its tokens


def test_a_device_gets_its_tokens_once_its_person_has_allowed_it(
    world: DeviceWorld, device: Device, browser: Browser
) -> None:
    answer = device.ask()
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert device.poll().error == (400, "authorization_pending")
    consent = log_in(browser, device.codes["user_code"])
    assert device.codes["user_code"] in consent.text
    world.now += 5
    assert device.poll().error == (400, "authorization_pending")
    done = browser.approve(consent)
    assert "Your device is connected" in assert_page(done, 200)
    world.now += 5
    tokens = device.poll()
    assert tokens.status == 200
    assert tokens.headers["Cache-Control"] == "no-store"
    assert tokens.body["scope"] == "email offline_access openid"
    claims = claims_of(tokens.body["id_token"])
    assert (claims["aud"], claims["email"]) == ("cli", EMAIL)
    [family] = world.families.families.values()
    assert claims["sid"] == family.family_id
    refreshed = world.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": tokens.body["refresh_token"], "client_id": "cli"}
    )
    assert refreshed.status == 200


def test_the_answer_to_a_device_is_that_of_the_rfc(device: Device) -> None:
    body = device.ask().body
    assert body.keys() == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert body["device_code"].startswith(PREFIX)
    first, dash, second = body["user_code"][:4], body["user_code"][4], body["user_code"][5:]
    assert dash == "-"
    assert len(first) == len(second) == 4
    assert set(first + second) <= set(LETTERS)
    assert body["verification_uri"] == "https://id.example.com/device"
    assert body["verification_uri_complete"] == f"https://id.example.com/device?user_code={body['user_code']}"
    assert (body["expires_in"], body["interval"]) == (300, 5)


def test_under_an_issuer_with_a_path_everything_lives_there() -> None:
    world = DeviceWorld(CONFIG.replace("https://id.example.com", "https://id.example.com/dex"))
    device, browser = Device(world), Browser(world)
    assert device.ask().body["verification_uri"] == "https://id.example.com/dex/device"
    page = browser.get("/dex/device")
    assert page.forms[0].action == "/dex/device/auth/verify_code"
    going_on = browser.submit(page, user_code=device.codes["user_code"])
    assert going_on.location == "/dex/auth"
    browser.approve(browser.log_in(browser.follow(going_on)))
    assert device.poll().status == 200


def test_a_confidential_client_proves_itself_as_at_the_token_endpoint(world: DeviceWorld, browser: Browser) -> None:
    device = Device(world, "app", SECRET)
    assert device.ask().status == 200
    assert Device(world, "app", "wrong").ask().error == (401, "invalid_client")
    assert Device(world, "app").ask().error == (401, "invalid_client")
    assert Device(world, "nobody").ask().error == (401, "invalid_client")
    browser.approve(log_in(browser, device.codes["user_code"]))
    assert device.poll(client_secret="wrong").error == (401, "invalid_client")
    assert device.poll().status == 200


def test_without_offline_access_there_is_no_refresh_token(device: Device, browser: Browser) -> None:
    device.ask("openid")
    browser.approve(log_in(browser, device.codes["user_code"]))
    assert "refresh_token" not in device.poll().body


def test_without_a_scope_it_is_openid(device: Device, browser: Browser) -> None:
    device.ask(None)
    browser.approve(log_in(browser, device.codes["user_code"]))
    assert device.poll().body["scope"] == "openid"


# What a device may not ask


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "email"}, "invalid_scope"),
        ({"scope": "openid write:everything"}, "invalid_scope"),
        ({"scope": "openid " + " ".join(f"s{n}" for n in range(65))}, "invalid_scope"),
        ({"scope": "openid audience:server:client_id:app"}, "invalid_scope"),
        ({"resource": "https://api.example.com"}, "invalid_target"),
        ({"resource": "no uri"}, "invalid_target"),
    ],
)
def test_a_mistake_in_the_request_is_told_as_the_rfc_says_and_nothing_is_kept(
    world: DeviceWorld, device: Device, changes: dict[str, str], error: str
) -> None:
    assert device.ask(**changes).error == (400, error)
    assert world.devices.calls == []


@pytest.mark.parametrize("name", ["client_id", "scope"])
def test_a_repeated_parameter_is_refused(world: DeviceWorld, name: str) -> None:
    form = [("client_id", "cli"), ("scope", "openid"), (name, "cli" if name == "client_id" else "openid")]
    assert world.post("/device/code", form).error == (400, "invalid_request")


def test_a_body_that_is_no_form_and_parameters_in_the_url_are_refused(world: DeviceWorld) -> None:
    for event in (
        http_event("POST /device/code", body="{}", headers={"Content-Type": "application/json"}),
        http_event("POST /device/code", query={"client_id": "cli"}, form={"client_id": "cli"}),
        http_event("POST /device/code", body="client_id=%FF", headers={"Content-Type": FORM}),
    ):
        answer = world.edge(event)
        assert answer["statusCode"] == 400
        assert answer["headers"]["Content-Type"] == "application/json"


def test_where_the_grant_is_turned_off_nothing_of_it_is_served() -> None:
    world = DeviceWorld(f"{CONFIG}oauth2:\n  grantTypes: [authorization_code]\n")
    assert Device(world).ask().error == (404, "not_found")
    assert Device(world).poll().error == (400, "unsupported_grant_type")
    browser = Browser(world)
    assert_page(browser.get("/device"), 404)
    assert_page(browser.post("/device/auth/verify_code", {"user_code": "BCDF-GHJK"}), 404)


# Polling


def test_a_device_that_asks_too_often_is_slowed_down_and_each_time_by_five_seconds_more(
    world: DeviceWorld, device: Device
) -> None:
    device.ask()
    heard = []
    for pause in (0, 4, 9, 14, 20, 20):
        world.now += pause
        heard.append(device.poll().body["error"])
    assert heard == [
        "authorization_pending",
        "slow_down",  # 4 of 5
        "slow_down",  # 9 of 10
        "slow_down",  # 14 of 15
        "authorization_pending",  # 20
        "authorization_pending",
    ]


def test_a_device_that_keeps_the_interval_is_never_slowed_down(world: DeviceWorld, device: Device) -> None:
    device.ask()
    for _ in range(20):
        world.now += 5
        assert device.poll().error == (400, "authorization_pending")


def test_a_device_that_is_too_fast_gets_its_tokens_all_the_same(device: Device, browser: Browser) -> None:
    device.ask()
    device.poll()
    assert device.poll().error == (400, "slow_down")
    browser.approve(log_in(browser, device.codes["user_code"]))
    assert device.poll().status == 200


def test_a_code_lives_for_as_long_as_configured_and_not_a_second_longer() -> None:
    world = DeviceWorld(CONFIG.replace("expiry:\n", "expiry:\n  deviceRequests: 10m\n"))
    device, browser = Device(world), Browser(world)
    assert device.ask().body["expires_in"] == 600
    page = open_page(browser)
    world.now += 600
    assert device.poll().error == (400, "authorization_pending")
    login = browser.submit(page, user_code=device.codes["user_code"])
    assert login.status == 303
    world.now += 1
    assert device.poll().error == (400, "expired_token")
    assert "No device waits for this code" in assert_page(browser.submit(page, user_code=device.codes["user_code"]))
    assert "expired" in assert_page(browser.follow(login))


def test_tokens_that_were_allowed_and_not_fetched_in_time_are_not_given_out(
    world: DeviceWorld, device: Device, browser: Browser
) -> None:
    device.ask()
    browser.approve(log_in(browser, device.codes["user_code"]))
    world.now += 301
    assert device.poll().error == (400, "expired_token")


def test_the_tokens_are_given_out_once(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    browser.approve(log_in(browser, device.codes["user_code"]))
    tokens = device.poll().body
    again = device.poll()
    assert again.error == (400, "invalid_grant")
    assert "access_token" not in again.body
    [family] = world.families.families.values()
    assert family.revoked_at is None, "a device that asks twice keeps what it has"
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "cli"}
    assert world.post("/token", form).status == 200


def test_a_device_code_is_of_use_to_its_own_client_alone(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    browser.approve(log_in(browser, device.codes["user_code"]))
    world.devices.calls.clear()
    thief = Device(world, "app", SECRET)
    assert thief.poll(device_code=device.codes["device_code"]).error == (400, "invalid_grant")
    assert world.devices.calls == [], "no network call"
    assert device.poll().status == 200


def test_a_poll_is_one_network_call_and_a_forged_one_none(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    code = device.codes["device_code"]
    raw = bytearray(urlsafe_b64decode(code.removeprefix(PREFIX) + "=="))
    raw[-1] ^= 1
    altered = PREFIX + urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    world.devices.calls.clear()
    for forged in (altered, code + "x", code[:-1], code.removeprefix(PREFIX), "x" * 500, "é", PREFIX):
        assert device.poll(device_code=forged).error == (400, "invalid_grant")
    assert world.devices.calls == []
    device.poll()
    assert world.devices.calls == ["poll"]
    browser.approve(log_in(browser, device.codes["user_code"]))
    world.devices.calls.clear()
    assert device.poll().status == 200
    assert world.devices.calls == ["poll"]


def test_a_poll_without_a_device_code_is_a_mistake(world: DeviceWorld) -> None:
    for form in ({}, {"device_code": ""}):
        answer = world.post("/token", {"client_id": "cli", "grant_type": DEVICE_GRANT, **form})
        assert answer.error == (400, "invalid_request")


def test_other_tokens_are_no_device_code(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    browser.approve(log_in(browser, device.codes["user_code"]))
    tokens = device.poll().body
    for token in (tokens["refresh_token"], tokens["access_token"], device.codes["user_code"]):
        assert device.poll(device_code=token).error == (400, "invalid_grant")


def test_a_code_from_before_the_watermark_is_refused_on_both_sides(
    world: DeviceWorld, device: Device, browser: Browser
) -> None:
    device.ask()
    page = open_page(browser)
    world.ring.not_before = world.now + 1
    assert device.poll().error == (400, "invalid_grant")
    assert_page(browser.submit(page, user_code=device.codes["user_code"]))


def test_a_code_survives_the_rotation_of_the_keys(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    consent = log_in(browser, device.codes["user_code"])
    world.ring.rotate_mac_key()
    browser.approve(consent)
    assert device.poll().status == 200


def test_a_resource_beyond_those_of_the_start_costs_nothing(
    device: Device, world: DeviceWorld, browser: Browser
) -> None:
    client = replace(world.config.clients["cli"], resources=("https://a.example", "https://b.example"))
    world.use(replace(world.config, clients={**world.config.clients, "cli": client}))
    device.ask(resource="https://a.example")
    consent = log_in(browser, device.codes["user_code"])
    assert "Act for you at a.example" in consent.text
    browser.approve(consent)
    assert device.poll(resource="https://b.example").error == (400, "invalid_target")
    assert device.poll(resource="https://c.example").error == (400, "invalid_target")
    assert claims_of(device.poll().body["access_token"])["aud"] == "https://a.example"


# The page where the code is typed


@pytest.mark.parametrize(
    "typed", ["{}", "{lower}", "{bare}", "{spaced}", " {} ", "{lower_bare}", "{dotted}"], ids=lambda one: one.strip()
)
def test_a_code_may_be_typed_as_people_type(device: Device, browser: Browser, typed: str) -> None:
    code = device.ask().body["user_code"]
    bare = code.replace("-", "")
    text = typed.format(
        code,
        lower=code.lower(),
        bare=bare,
        lower_bare=bare.lower(),
        spaced=" ".join(bare),
        dotted=code.replace("-", "\N{EN DASH}"),
    )
    assert type_code(browser, text).url.endswith("/auth/local/login")


@pytest.mark.parametrize("typed", ["", "BCDF", "BCDF-GHJ", "BCDF-GHJKL", "ABCD-EFGH", "x" * 65, "☃" * 8, "<script>"])
def test_what_is_no_code_is_said_without_asking_anybody(world: DeviceWorld, browser: Browser, typed: str) -> None:
    page = browser.submit(open_page(browser), user_code=typed)
    assert "not a code of a device" in assert_page(page)
    assert page.inputs["user_code"]["aria-invalid"] == "true"
    assert "<script" not in page.body
    assert world.devices.calls == []


def test_a_code_that_no_device_has_is_said_and_can_be_put_right(device: Device, browser: Browser) -> None:
    device.ask()
    page = browser.submit(open_page(browser), user_code="BCDF-GHJK")
    assert "No device waits for this code" in assert_page(page)
    assert page.title == "Error: Connect a device · Sundial"
    assert page.inputs["user_code"]["value"] == "BCDF-GHJK"
    assert browser.submit(page, user_code=device.codes["user_code"]).status == 303


def test_by_the_complete_address_the_code_is_filled_in_and_still_asked_about(device: Device, browser: Browser) -> None:
    device.ask()
    query = query_of(device.codes["verification_uri_complete"])
    page = browser.get("/device", {"user_code": query["user_code"][0]})
    assert page.inputs["user_code"]["value"] == device.codes["user_code"]
    assert "this very code" in page.text
    assert browser.submit(page).status == 303


@pytest.mark.parametrize("user_code", ['"><script>', "x" * 5000, "%FF", "☃"])
def test_an_address_with_nonsense_in_it_is_still_the_page(browser: Browser, user_code: str) -> None:
    page = browser.get("/device", urlencode({"user_code": user_code}))
    assert_page(page, 200)
    assert "<script" not in page.body
    assert len(page.inputs["user_code"]["value"] or "") <= 64


def test_the_page_may_be_opened_with_a_repeated_parameter(browser: Browser) -> None:
    assert_page(browser.get("/device", "user_code=BCDF-GHJK&user_code=BCDF-GHJK"), 200)


def test_a_form_of_another_site_or_browser_is_refused(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    code = device.codes["user_code"]
    page = open_page(browser)
    victim = Browser(world)
    assert "cookie" in assert_page(victim.submit(page, user_code=code))
    victim.authorize()
    assert "not opened in this browser" in assert_page(victim.submit(page, user_code=code))
    assert "not opened in this browser" in assert_page(browser.post("/device/auth/verify_code", {"user_code": code}))
    assert world.devices.calls == ["ask"]


def test_the_way_on_to_the_login_is_of_one_browser(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    going_on = browser.submit(open_page(browser), user_code=device.codes["user_code"])
    victim = Browser(world)
    victim.authorize()
    assert "not begun in this browser" in assert_page(victim.get(going_on.headers["Location"]))


def test_a_client_may_send_a_parameter_of_that_name_and_mean_its_own(browser: Browser) -> None:
    assert browser.authorize(device="phone").url.endswith("/auth/local/login")


def test_the_cookie_is_that_of_every_login(browser: Browser) -> None:
    [cookie] = open_page(browser).cookies
    assert cookie.startswith("__Host-sundial=")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert open_page(browser).cookies == ()


# Guessing


def test_an_address_has_twenty_tries_in_five_minutes(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    for _ in range(20):
        assert_page(browser.submit(open_page(browser), user_code="BCDF-GHJK"))
    world.devices.calls.clear()
    another = Browser(world)
    for one in (browser, another):
        refused = one.submit(open_page(one), user_code=device.codes["user_code"])
        assert "Wait five minutes" in assert_page(refused, 429)
        assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert world.devices.calls == ["may_try", "may_try"], "not even looked up"
    world.now += int(refused.headers["Retry-After"])
    assert browser.submit(refused, user_code="BCDF-GHJK").status == 400


def test_the_address_itself_is_not_kept(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    type_code(browser, device.codes["user_code"])
    [(source, _)] = world.devices.tries
    assert "203" not in source


# The consent


def test_consent_is_asked_even_where_no_other_client_asks(world: DeviceWorld, device: Device, browser: Browser) -> None:
    world.configure(f"{CONFIG}oauth2:\n  skipApprovalScreen: true\n")
    device.ask()
    consent = log_in(browser, device.codes["user_code"])
    assert "deny it" in assert_page(consent, 200)
    assert device.poll().error == (400, "authorization_pending")


def test_the_person_is_told_which_application_asks_and_for_what(
    world: DeviceWorld, device: Device, browser: Browser
) -> None:
    clients = world.config.clients
    named = replace(clients["cli"], name="Living Room TV", resources=("https://films.example",))
    world.use(replace(world.config, clients={**clients, "cli": named}))
    device.ask("openid email", resource="https://films.example")
    login = type_code(browser, device.codes["user_code"])
    assert "to continue to Living Room TV" in login.text
    consent = browser.log_in(login)
    for words in ("Allow Living Room TV?", device.codes["user_code"], "See your email address", "films.example"):
        assert words in consent.text
    assert "Living Room TV goes on there" in browser.approve(consent).text


def test_a_no_is_told_to_the_device(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    done = browser.submit(log_in(browser, device.codes["user_code"]), approval="deny")
    assert "The device was denied" in assert_page(done, 200)
    assert device.poll().error == (400, "access_denied")
    assert list(world.families.revoked.values()) == [Ending.DENIED]
    assert "No device waits" in assert_page(browser.submit(open_page(browser), user_code=device.codes["user_code"]))


def test_a_double_click_on_allow_is_one_login(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    consent = log_in(browser, device.codes["user_code"])
    for _ in range(2):
        assert "connected" in assert_page(browser.approve(consent), 200)
    assert device.poll().status == 200
    assert "connected" in assert_page(browser.approve(consent), 200)
    assert len(world.families.families) == 1


def test_of_two_people_who_type_one_code_the_first_answers(world: DeviceWorld, device: Device) -> None:
    device.ask()
    first, second = Browser(world), Browser(world)
    consents = [log_in(one, device.codes["user_code"]) for one in (first, second)]
    assert first.approve(consents[0]).status == 200
    assert "answered before" in assert_page(second.approve(consents[1]))
    assert device.poll().status == 200


def test_a_consent_page_is_as_short_lived_as_the_code(world: DeviceWorld, device: Device, browser: Browser) -> None:
    device.ask()
    consent = log_in(browser, device.codes["user_code"])
    world.now += 301
    assert "Ask it for a new one" in assert_page(browser.approve(consent))
    assert world.families.families == {}


def test_a_user_whose_account_has_changed_since_the_login_is_refused(
    world: DeviceWorld, device: Device, browser: Browser
) -> None:
    jane = LocalUser("jane@example.com", "u-jane", HASH.encode("ascii"), username="jane")
    world.directory.users.append(jane)
    device.ask()
    consent = browser.log_in(type_code(browser, device.codes["user_code"]), "jane@example.com")
    world.directory.users[:] = [replace(jane, disabled=True)]
    assert "has been ended" in assert_page(browser.approve(consent))
    assert device.poll().error == (400, "authorization_pending")


def test_a_login_that_is_ended_before_its_tokens_are_fetched_has_none(
    world: DeviceWorld, device: Device, browser: Browser
) -> None:
    device.ask()
    browser.approve(log_in(browser, device.codes["user_code"]))
    [family] = world.families.families
    world.families.revoke(family, world.now, "ended by an operator")
    assert device.poll().error == (400, "access_denied")


# A dependency that is down


def test_a_table_that_cannot_be_reached_loses_nothing(world: DeviceWorld, device: Device, browser: Browser) -> None:
    world.devices.broken = True
    assert device.ask().error == (503, "temporarily_unavailable")
    world.devices.broken = False
    device.ask()
    page = open_page(browser)
    world.devices.broken = True
    refused = browser.submit(page, user_code=device.codes["user_code"])
    assert "Try again" in assert_page(refused, 503)
    assert device.poll().error == (503, "temporarily_unavailable")
    world.devices.broken = False
    consent = browser.log_in(browser.follow(browser.submit(refused, user_code=device.codes["user_code"])))
    world.devices.broken = True
    refused = browser.approve(consent)
    assert "Nothing is lost" in assert_page(refused, 503)
    world.devices.broken = False
    assert "connected" in assert_page(browser.approve(refused), 200)
    assert device.poll().status == 200


def test_without_keys_a_device_is_told_in_json_and_a_person_by_a_page(
    world: DeviceWorld, device: Device, browser: Browser
) -> None:
    world.ring.broken = True
    assert device.ask().error == (503, "temporarily_unavailable")
    assert_page(browser.get("/device"), 503)
