"""Whatever is wrong with any one parameter that a browser sends, the client or the user is told, and nothing done."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from sundial.tokens.claims import Principal, id_token_claims
from sundial.tokens.jwt import sign
from tests.support.browser import CALLBACK, CONFIG, EMAIL, PASSWORD, REQUEST, Browser, assert_page
from tests.support.device_world import DeviceWorld
from tests.support.families import LOGIN_AT, a_family
from tests.support.mistakes import ABSENT, MISTAKES, REPEATED, spoilt
from tests.support.signers import signers

LIFETIME = timedelta(hours=1)
API, AFTERWARDS = "https://api.example.com", "https://app.example.com/bye"
CONFIGURATION = CONFIG.replace(
    "name: The App\n", f"name: The App\n    resources: [{API}]\n    postLogoutRedirectURIs: [{AFTERWARDS}]\n"
)
USER, GOES_ON = "the user is told", "it goes on"


@pytest.fixture(scope="module")
def only_world() -> DeviceWorld:
    return DeviceWorld(CONFIGURATION)


@pytest.fixture
def world(only_world: DeviceWorld) -> DeviceWorld:
    """The one world of this file, with nothing in it."""
    only_world.forget()
    return only_world


@pytest.fixture
def browser(world: DeviceWorld) -> Browser:
    return Browser(world)


# The authorization request


class Rule(NamedTuple):
    """What becomes of a parameter that is absent or holds something else: an error code, USER or GOES_ON."""

    absent: str
    wrong: str
    oversized: str | None = None
    repeated: str = "invalid_request"


EVERYTHING = {
    **REQUEST,
    "response_mode": "query",
    "prompt": "login",
    "max_age": "3600",
    "login_hint": EMAIL,
    "connector_id": "local",
    "resource": API,
}
"""An authorization request with every parameter that there is, but id_token_hint."""

RULES = {
    "client_id": Rule(USER, USER, repeated=USER),
    "redirect_uri": Rule(USER, USER, repeated=USER),
    "response_type": Rule("invalid_request", "unsupported_response_type"),
    "scope": Rule("invalid_scope", "invalid_scope"),
    "state": Rule(GOES_ON, GOES_ON, "invalid_request"),
    "nonce": Rule(GOES_ON, GOES_ON, "invalid_request"),
    "code_challenge": Rule("invalid_request", "invalid_request"),
    "code_challenge_method": Rule(GOES_ON, "invalid_request"),
    "response_mode": Rule(GOES_ON, "invalid_request"),
    "prompt": Rule(GOES_ON, "invalid_request"),
    "max_age": Rule(GOES_ON, "invalid_request"),
    "login_hint": Rule(GOES_ON, GOES_ON, "invalid_request"),
    "connector_id": Rule(GOES_ON, "invalid_request"),
    "resource": Rule(GOES_ON, "invalid_target", repeated=GOES_ON),
    "id_token_hint": Rule(GOES_ON, "invalid_request"),
}


def outcome(rule: Rule, mistake: str) -> str:
    if mistake in ABSENT:
        return rule.absent
    if mistake in REPEATED:
        return rule.repeated
    return rule.oversized or rule.wrong if mistake == "oversized" else rule.wrong


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", RULES)
def test_one_bad_parameter_of_an_authorization_request(
    browser: Browser, world: DeviceWorld, name: str, mistake: str, method: str
) -> None:
    pairs = spoilt({**EVERYTHING, "id_token_hint": hint(world)}.items(), name, mistake)
    answer = browser.get("/auth", urlencode(pairs)) if method == "GET" else browser.post("/auth", pairs)
    expected = outcome(RULES[name], mistake)
    if expected == USER:
        assert_page(answer, 400)
    elif expected == GOES_ON:
        assert browser.follow(answer).title == "Log in · Sundial"
    else:
        assert answer.location == CALLBACK
        assert answer.answer["error"] == expected
        assert answer.answer["iss"] == "https://id.example.com"
        assert "\n" not in answer.headers["Location"]
    assert (answer.cookies == ()) == (expected != GOES_ON or method == "POST")
    assert world.families.families == {}


def hint(world: DeviceWorld) -> str:
    family = a_family(client_id="app")
    claims = id_token_claims(
        Principal.of_login(family), "app", ("app",), family.scopes, world.config.issuer, LIFETIME, LOGIN_AT
    )
    return sign(signers()["RS256"], claims)


UNREADABLE = ["client_id=%FF", "x=%FF&" + urlencode(REQUEST), "&".join(f"p{n}=1" for n in range(101)), "%", "&&=&="]


@pytest.mark.parametrize("query", UNREADABLE)
@pytest.mark.parametrize("path", ["/auth", "/auth/local", "/auth/local/login", "/logout", "/callback", "/device"])
def test_an_address_that_cannot_be_read_is_a_page(browser: Browser, path: str, query: str) -> None:
    assert_page(browser.get(path, query), 200 if path in ("/logout", "/device") else 400, 400)


ODD_NAMES = ["nobody", "..", "%2e%2e", "a%2Fb", "é", "<script>", "local ", "LOCAL", "x" * 3000, "\0"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_connector_that_there_is_not_is_told_to_the_client_or_the_user(browser: Browser, name: str) -> None:
    answer = browser.get(f"/auth/{name}", REQUEST)
    assert (answer.location, answer.answer["error"]) == (CALLBACK, "invalid_request")
    sealed = browser.authorize().forms[0].fields["req"]
    assert_page(browser.get(f"/auth/{name}", {"req": sealed}), 404)
    assert_page(browser.get(f"/auth/{name}/login", {"req": sealed}), 404)
    assert_page(browser.post(f"/auth/{name}/login", {"req": sealed, "login": EMAIL, "password": PASSWORD}), 404)
    assert_page(browser.get(f"/callback/{name}", {"code": "x", "state": "x"}), 400, 404)


# Where anybody might be sent


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.com/callback",
        "https://app.example.com@evil.example.com/callback",
        "https://app.example.com.evil.example.com/callback",
        "https://app.example.com:443/callback",
        "https://app.example.com:8443/callback",
        "https://app.example.com/callback/../evil",
        "https://app.example.com/callback%2F..%2Fevil",
        "https://app.example.com/callback\\..\\evil",
        "https://app.example.com/callback#https://evil.example.com",
        "https://app.example.com/callback;a=b",
        "https://app.example.com./callback",
        "https://APP.example.com/callback",
        "https:app.example.com/callback",
        "https:///app.example.com/callback",
        "https://аpp.example.com/callback",  # noqa: RUF001
        "https://app.example.com/callback\u200b",
        " https://app.example.com/callback",
        "https://app.example.com/callback ",
        "https://app.example.com/callback\t",
        "https://app.example.com/callback\0",
        "//app.example.com/callback",
        "/callback",
        "callback",
        "javascript:alert(1)//https://app.example.com/callback",
        "data:text/html,https://app.example.com/callback",
        "http://127.0.0.1/callback",
    ],
)
@pytest.mark.parametrize("way", ["a login", "a refused login", "a posted login", "a logout"])
def test_nobody_is_sent_to_an_address_that_only_resembles_a_registered_one(
    browser: Browser, world: DeviceWorld, way: str, uri: str
) -> None:
    if way == "a logout":
        uri = uri.replace("callback", "bye")
        query = {"id_token_hint": hint(world), "post_logout_redirect_uri": uri}
        assert_page(browser.get("/logout", query), 400)
        return
    asked = {**REQUEST, "redirect_uri": uri} | ({"prompt": "none"} if way == "a refused login" else {})
    assert_page(browser.post("/auth", asked) if way == "a posted login" else browser.get("/auth", asked), 400)


def test_our_own_redirects_name_no_host_whatever_the_request_says_of_it(browser: Browser) -> None:
    forged = {"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com", "Forwarded": "host=evil.example.com"}
    for answer in (
        browser.get("/auth", REQUEST, headers=forged),
        browser.post("/auth", REQUEST, headers=forged),
        browser.get("/auth/local", REQUEST, headers=forged),
    ):
        url = urlsplit(answer.headers["Location"])
        assert (answer.status, url.scheme, url.netloc) == (303, "", "")
        assert not url.path.startswith("//")
