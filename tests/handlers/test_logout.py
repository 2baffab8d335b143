"""Logging out (OpenID Connect RP-Initiated Logout 1.0), as a client's developer and its user see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import jwt
import pytest

from sundial.expiry.family import Ending, Family
from sundial.tokens.claims import Principal, access_token_claims, id_token_claims
from sundial.tokens.jwt import ACCESS_TOKEN_TYPE, sign
from tests.support.browser import CONFIG, Answer, Browser, BrowserWorld, query_of
from tests.support.families import LOGIN_AT, a_family
from tests.support.signers import signers

ISSUER = "https://id.example.com"
LIFETIME = timedelta(hours=1)
AFTERWARDS = "https://app.example.com/bye"
WITH_LOGOUT = CONFIG.replace(
    "  - id: cli\n", f'    postLogoutRedirectURIs: [{AFTERWARDS}, "{AFTERWARDS}?from=here"]\n  - id: cli\n'
)


@pytest.fixture
def world() -> BrowserWorld:
    return BrowserWorld(WITH_LOGOUT)


@pytest.fixture
def browser(world: BrowserWorld) -> Browser:
    return Browser(world)


def a_login_of(world: BrowserWorld, client_id: str = "app") -> Family:
    family = a_family(client_id=client_id)
    world.families.families[family.family_id] = family
    return family


def hint(family: Family, alg: str = "RS256", *, issuer: str = ISSUER, now: int = LOGIN_AT) -> str:
    """Return an ID token of a login, as /token gave it out."""
    principal = Principal.of_login(family)
    claims = id_token_claims(principal, family.client_id, (family.client_id,), family.scopes, issuer, LIFETIME, now)
    return sign(signers()[alg], claims)


def is_alive(world: BrowserWorld, family: Family) -> bool:
    return world.families.families[family.family_id].revoked_at is None


def assert_page(answer: Answer, status: int = 400) -> str:
    assert answer.status == status
    assert "Location" not in answer.headers
    return answer.text


# With the client's ID token


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_logout_with_an_id_token_ends_that_login_and_goes_back_to_the_client(
    browser: Browser, world: BrowserWorld, alg: str
) -> None:
    family, other = a_login_of(world), a_login_of(world)
    query = {"id_token_hint": hint(family, alg), "post_logout_redirect_uri": AFTERWARDS, "state": "a b&c"}
    answer = browser.get("/logout", query)
    assert answer.status == 303
    assert answer.location == AFTERWARDS
    assert answer.answer == {"state": "a b&c"}
    assert not is_alive(world, family)
    assert is_alive(world, other)
    assert world.families.revoked == {family.family_id: Ending.LOGGED_OUT}


def test_a_post_is_answered_like_a_get(browser: Browser, world: BrowserWorld) -> None:
    family = a_login_of(world)
    form = {"id_token_hint": hint(family), "post_logout_redirect_uri": AFTERWARDS, "client_id": "app"}
    answer = browser.post("/logout", form)
    assert answer.headers["Location"] == AFTERWARDS
    assert not is_alive(world, family)


def test_an_id_token_that_has_expired_is_as_good(browser: Browser, world: BrowserWorld) -> None:
    family = a_login_of(world)
    world.now += 400 * 86400
    assert "You are logged out" in assert_page(browser.get("/logout", {"id_token_hint": hint(family)}), 200)
    assert not is_alive(world, family)


def test_the_answer_is_added_to_the_query_that_the_address_has_already(browser: Browser, world: BrowserWorld) -> None:
    query = {"id_token_hint": hint(a_login_of(world)), "post_logout_redirect_uri": f"{AFTERWARDS}?from=here"}
    answer = browser.get("/logout", query | {"state": "s"})
    assert answer.headers["Location"] == f"{AFTERWARDS}?from=here&state=s"


def test_a_second_logout_is_no_error(browser: Browser, world: BrowserWorld) -> None:
    family = a_login_of(world)
    for _ in range(2):
        assert browser.get("/logout", {"id_token_hint": hint(family)}).status == 200
    assert not is_alive(world, family)


def test_what_this_browser_had_begun_does_not_go_on_after_a_logout(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    browser.get("/logout", {"id_token_hint": hint(a_login_of(world))})
    assert browser.log_in(page).status == 400
    assert browser.log_in(browser.authorize()).status == 200


def test_a_logout_is_told_in_the_log_with_why(
    browser: Browser, world: BrowserWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    browser.get("/logout", {"id_token_hint": hint(a_login_of(world))})
    assert '"FamiliesRevoked"' in capsys.readouterr().out


# Without one


def made_up_hints(world: BrowserWorld) -> dict[str, str]:
    family = a_login_of(world)
    principal = Principal.of_login(family)
    access = access_token_claims(principal, "app", ("app",), family.scopes, ISSUER, LIFETIME, LOGIN_AT, "jti")
    token = hint(family)
    return {
        "absent": "",
        "no JWT": "x",
        "altered": token[:-6] + "AAAAAA",
        "of another issuer": hint(family, issuer="https://evil.example.com"),
        "an access token": sign(signers()["RS256"], access, typ=ACCESS_TOKEN_TYPE),
        "unsigned": jwt.encode({"sid": family.family_id, "iss": ISSUER}, "", algorithm="none", headers={"kid": "x"}),
        "of an unknown key": jwt.encode({"sid": family.family_id}, "k" * 32, headers={"kid": "unknown"}),
    }


@pytest.mark.parametrize("kind", sorted(made_up_hints(BrowserWorld(WITH_LOGOUT))))
def test_without_a_good_id_token_the_user_is_asked_and_no_login_ends(
    browser: Browser, world: BrowserWorld, kind: str
) -> None:
    query = {"id_token_hint": made_up_hints(world)[kind], "client_id": "app", "post_logout_redirect_uri": AFTERWARDS}
    page = browser.get("/logout", query | {"state": "s"})
    assert "The App asks to log you out" in assert_page(page, 200)
    assert world.families.revoked == {}
    answer = browser.submit(page)
    assert answer.headers["Location"] == f"{AFTERWARDS}?state=s"
    assert world.families.revoked == {}


def test_who_opens_the_page_by_hand_is_asked_and_told(browser: Browser) -> None:
    page = browser.get("/logout")
    assert "Log out?" in assert_page(page, 200)
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    done = browser.submit(page)
    assert "You are logged out" in assert_page(done, 200)


def test_a_yes_is_of_one_browser_and_ten_minutes(browser: Browser, world: BrowserWorld) -> None:
    page = browser.get("/logout", {"client_id": "app"})
    victim = Browser(world)
    assert_page(victim.submit(page))
    victim.authorize()
    assert_page(victim.submit(page))
    world.now += 600
    assert browser.submit(page).status == 200
    page = browser.get("/logout", {"client_id": "app"})
    world.now += 601
    assert_page(browser.submit(page))
    assert_page(browser.post("/logout", {"req": "made-up"}))


# Where it may lead


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.com/",
        AFTERWARDS + "/",
        AFTERWARDS + "?a=b",
        AFTERWARDS.upper(),
        AFTERWARDS.replace("https", "http"),
        "https://app.example.com/callback",
        "javascript:alert(1)",
        "//app.example.com/bye",
    ],
)
def test_an_address_that_is_not_registered_is_refused_and_nothing_ends(
    browser: Browser, world: BrowserWorld, uri: str
) -> None:
    family = a_login_of(world)
    for query in ({"id_token_hint": hint(family)}, {"client_id": "app"}):
        text = assert_page(browser.get("/logout", query | {"post_logout_redirect_uri": uri}))
        assert "not registered" in text
    assert is_alive(world, family)


def test_an_address_is_the_clients_own(browser: Browser, world: BrowserWorld) -> None:
    family = a_login_of(world, "cli")
    query = {"id_token_hint": hint(family), "post_logout_redirect_uri": AFTERWARDS}
    assert "not registered" in assert_page(browser.get("/logout", query))
    assert is_alive(world, family)


def test_another_clients_id_beside_an_id_token_is_refused(browser: Browser, world: BrowserWorld) -> None:
    family = a_login_of(world)
    text = assert_page(browser.get("/logout", {"id_token_hint": hint(family), "client_id": "cli"}))
    assert "another application" in text
    assert is_alive(world, family)


def test_an_address_without_a_client_is_refused(browser: Browser) -> None:
    assert "which application" in assert_page(browser.get("/logout", {"post_logout_redirect_uri": AFTERWARDS}))
    assert "not known" in assert_page(browser.get("/logout", {"client_id": "nobody"}))


@pytest.mark.parametrize("name", ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"])
def test_a_repeated_parameter_is_refused(browser: Browser, world: BrowserWorld, name: str) -> None:
    family = a_login_of(world)
    query = {"id_token_hint": hint(family), "client_id": "app", "post_logout_redirect_uri": AFTERWARDS, "state": "s"}
    assert_page(browser.get("/logout", f"{urlencode(query)}&{urlencode({name: query[name]})}"))
    assert is_alive(world, family)


def test_a_state_that_could_not_be_carried_is_refused(browser: Browser, world: BrowserWorld) -> None:
    family = a_login_of(world)
    query = {"id_token_hint": hint(family), "post_logout_redirect_uri": AFTERWARDS, "state": "x" * 2049}
    assert_page(browser.get("/logout", query))
    assert is_alive(world, family)


def test_a_client_that_is_gone_can_still_have_its_login_ended(browser: Browser, world: BrowserWorld) -> None:
    family = a_login_of(world)
    world.use(replace(world.config, clients={}))
    assert browser.get("/logout", {"id_token_hint": hint(family)}).status == 200
    assert not is_alive(world, family)


# At another provider as well


class Elsewhere:
    """A connector whose provider can be logged out of."""

    id, name, url = "elsewhere", "Elsewhere", "https://elsewhere.example.com/logout"

    def logout_url(self, return_to: str, now: int) -> str:
        return f"{self.url}?return_to={return_to}" if self.url else ""


def test_the_users_provider_logs_them_out_too_and_then_they_go_on() -> None:
    world = BrowserWorld(WITH_LOGOUT, more=(Elsewhere(),))
    browser = Browser(world)
    family = a_family(client_id="app", connector_id="elsewhere")
    query = {"id_token_hint": hint(family), "post_logout_redirect_uri": AFTERWARDS, "state": "s"}
    answer = browser.get("/logout", query)
    assert answer.location == Elsewhere.url
    assert query_of(answer.headers["Location"]) == {"return_to": [f"{ISSUER}/logout"]}
    assert family.family_id in world.families.revoked
    [luggage] = [one for one in answer.cookies if one.startswith("sundial-logout=")]
    assert luggage.endswith("; Path=/logout; HttpOnly; SameSite=Lax; Secure")
    back = browser.get("/logout")
    assert back.headers["Location"] == f"{AFTERWARDS}?state=s"
    assert any("Max-Age=0" in cookie for cookie in back.cookies)


def test_a_provider_that_has_no_logout_holds_nobody_up() -> None:
    connector = Elsewhere()
    connector.url = ""
    browser = Browser(BrowserWorld(WITH_LOGOUT, more=(connector,)))
    family = a_family(client_id="app", connector_id="elsewhere")
    query = {"id_token_hint": hint(family), "post_logout_redirect_uri": AFTERWARDS}
    assert browser.get("/logout", query).headers["Location"] == AFTERWARDS


# A dependency that is down


def test_a_table_that_cannot_be_reached_is_a_503_and_the_same_request_works_later(
    browser: Browser, world: BrowserWorld
) -> None:
    family = a_login_of(world)
    world.ring.broken = True
    assert_page(browser.get("/logout", {"id_token_hint": hint(family)}), 503)
    world.ring.broken = False
    assert browser.get("/logout", {"id_token_hint": hint(family)}).status == 200
