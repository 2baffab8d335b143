"""The authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2), as a client's developer sees it."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from sundial.config.model import Client
from tests.support.browser import CALLBACK, CHALLENGE, CONFIG, REQUEST, Answer, Browser, BrowserWorld, query_of

STATE = REQUEST["state"]


@pytest.fixture
def world() -> BrowserWorld:
    return BrowserWorld()


@pytest.fixture
def browser(world: BrowserWorld) -> Browser:
    return Browser(world)


class Fake:
    """A second connector, to choose from."""

    id, name, prompt = "fake", "Fake & Co", "Username"

    def log_in(self, username: str, password: str) -> None:
        return None


def assert_redirected(answer: Answer, error: str, *, state: str | None = STATE) -> str:
    """Check that the client is told `error` as RFC 6749 §4.1.2.1 and RFC 9207 say; return the description."""
    assert answer.status == 303
    assert answer.location == CALLBACK
    told = answer.answer
    assert told["error"] == error
    assert told.get("state") == state
    assert told["iss"] == "https://id.example.com"
    assert told.keys() <= {"error", "error_description", "state", "iss"}
    description = told["error_description"]
    assert all(" " <= character <= "~" and character not in '"\\' for character in description)
    return description


def assert_page(answer: Answer, status: int = 400) -> str:
    """Check that the user is told, and nobody is redirected; return what they read."""
    assert answer.status == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Location" not in answer.headers
    assert "form-action 'none'" in answer.headers["Content-Security-Policy"]
    return answer.text


# What only the user can be told


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": ""},
        {"client_id": "nobody"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example.com/callback"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?a=b"},
        {"redirect_uri": CALLBACK.upper()},
        {"redirect_uri": CALLBACK.replace("https", "http")},
        {"redirect_uri": "http://127.0.0.1:5555/"},
        {"redirect_uri": "https://app.example.com/other"},
    ],
)
def test_while_the_way_back_cannot_be_trusted_the_user_is_told(
    browser: Browser, changes: dict[str, str | None]
) -> None:
    text = assert_page(browser.get("/auth", {**REQUEST, **changes}))
    assert "application" in text
    assert "evil" not in text


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_or_redirect_uri_is_told_to_the_user(browser: Browser, name: str) -> None:
    query = f"{urlencode(REQUEST)}&{urlencode({name: REQUEST[name]})}"
    assert_page(browser.get("/auth", query))


def test_a_request_that_cannot_be_read_is_told_to_the_user(browser: Browser) -> None:
    assert_page(browser.get("/auth", "client_id=%FF"))
    assert_page(browser.post("/auth", (), body="{}", headers={"Content-Type": "application/json"}))


def test_an_address_of_ours_that_is_none_is_a_page_too(browser: Browser) -> None:
    assert_page(browser.get("/auth/local/nothing"), 404)


# Public clients on loopback (RFC 8252 §7.3)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1:51004/callback",
        "http://127.0.0.1/",
        "http://127.0.0.1",
        "http://127.9.9.9:1/x?a=b&c=%20",
        "http://[::1]:51004/callback",
        "http://localhost:8000/oauth2/callback",
        "http://localhost",
    ],
)
def test_a_public_client_that_registered_no_address_may_use_any_loopback_port(
    browser: Browser, redirect_uri: str
) -> None:
    page = browser.authorize(client_id="cli", redirect_uri=redirect_uri)
    answer = browser.approve(browser.log_in(page))
    assert answer.headers["Location"].startswith(redirect_uri)
    assert "code" in query_of(answer.headers["Location"])


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://127.0.0.1/callback",
        "http://127.0.0.1.evil.example.com/",
        "http://localhost.evil.example.com/",
        "http://evil.example.com/",
        "http://evil.example.com\\@127.0.0.1/",
        "http://127.0.0.1@evil.example.com/",
        "http://127.0.0.1\\@evil.example.com/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1:5555/#fragment",
        "http://127.0.0.1:5555/\r\nX: y",
        "http://127.0.0.1:5555/ /",
        "http://[::1]evil.example.com/",
        "http://[::2]/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://192.168.0.1/",
        "//127.0.0.1/",
        "javascript:alert(1)",
        "urn:ietf:wg:oauth:2.0:oob",
    ],
)
def test_nothing_that_only_looks_like_loopback_will_do(browser: Browser, redirect_uri: str) -> None:
    assert_page(browser.authorize(client_id="cli", redirect_uri=redirect_uri))


def test_a_public_client_that_registered_addresses_is_held_to_them(world: BrowserWorld) -> None:
    world.configure(
        CONFIG.replace("    public: true\n", "    public: true\n    redirectURIs: [https://cli.example.com/cb]\n")
    )
    assert_page(Browser(world).authorize(client_id="cli", redirect_uri="http://127.0.0.1:5555/"))


# What the client is told


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "code code"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "email"}, "invalid_scope"),
        ({"scope": "openid write:everything"}, "invalid_scope"),
        ({"scope": 'openid "quoted"\\'}, "invalid_scope"),
        ({"scope": "openid audience:server:client_id:other"}, "invalid_scope"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example.com/request.jwt"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "x" * 129, "code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"login_hint": "l" * 513}, "invalid_request"),
        ({"connector_id": "github"}, "invalid_request"),
    ],
)
def test_a_mistake_in_the_request_is_told_to_the_client(
    browser: Browser, world: BrowserWorld, changes: dict[str, str | None], error: str
) -> None:
    assert_redirected(browser.get("/auth", {**REQUEST, **changes}), error)
    assert not browser.cookies
    assert not world.families.calls


def test_the_client_is_told_which_scope_is_unknown_and_which_there_are(browser: Browser) -> None:
    description = assert_redirected(browser.authorize(scope="openid write:everything"), "invalid_scope")
    assert "write:everything" in description
    assert "offline_access" in description


PEERS = CONFIG.replace(
    "expiry:\n",
    """\
  - {id: kube, public: true, trustedPeers: [app]}
  - {id: vault, public: true, trustedPeers: [app]}
  - {id: bank, public: true, trustedPeers: [cli]}
expiry:
""",
)


def test_a_client_may_ask_for_tokens_for_those_that_trust_it(browser: Browser, world: BrowserWorld) -> None:
    world.configure(PEERS)
    scope = "openid audience:server:client_id:vault audience:server:client_id:kube audience:server:client_id:app"
    answer = browser.approve(browser.log_in(browser.authorize(scope=scope)))
    assert "code" in query_of(answer.headers["Location"])
    (family,) = world.families.families.values()
    assert family.audience == ("vault", "kube")
    assert family.scopes == frozenset(scope.split())


@pytest.mark.parametrize("peer", ["bank", "nobody", ""])
def test_and_not_for_others(browser: Browser, world: BrowserWorld, peer: str) -> None:
    world.configure(PEERS)
    scope = f"openid audience:server:client_id:kube audience:server:client_id:{peer}"
    description = assert_redirected(browser.authorize(scope=scope), "invalid_scope")
    assert f"audience:server:client_id:{peer}" in description
    assert "kube" not in description


# Resource indicators (RFC 8707 §2.1)

RESOURCES = CONFIG.replace(
    "name: The App\n",
    """\
name: The App
    resources: [https://api.example.com, https://files.example.com/v1]
""",
)


def test_the_resources_that_a_client_names_are_kept_with_the_login(browser: Browser, world: BrowserWorld) -> None:
    world.configure(RESOURCES)
    query = f"{urlencode(REQUEST)}&resource=https://api.example.com&resource=https://files.example.com/v1"
    browser.approve(browser.log_in(browser.follow(browser.get("/auth", query))))
    (family,) = world.families.families.values()
    assert family.resources == ("https://api.example.com", "https://files.example.com/v1")


@pytest.mark.parametrize("resource", ["https://other.example.com", "https://api.example.com/", "api", "https://api#x"])
def test_a_resource_that_is_not_the_clients_is_an_invalid_target(
    browser: Browser, world: BrowserWorld, resource: str
) -> None:
    world.configure(RESOURCES)
    assert_redirected(browser.authorize(resource=resource), "invalid_target")


@pytest.mark.parametrize("name", sorted(REQUEST.keys() - {"client_id", "redirect_uri", "state"}))
def test_a_repeated_parameter_is_told_to_the_client(browser: Browser, name: str) -> None:
    query = f"{urlencode(REQUEST)}&{urlencode({name: REQUEST[name]})}"
    assert_redirected(browser.get("/auth", query), "invalid_request")


def test_a_repeated_state_is_told_without_either_of_them(browser: Browser) -> None:
    answer = browser.get("/auth", f"{urlencode(REQUEST)}&state=other")
    assert_redirected(answer, "invalid_request", state=None)


@pytest.mark.parametrize(
    "extra",
    [
        {"utm_source": "newsletter"},
        {"display": "popup"},
        {"ui_locales": "fr-CA fr en"},
        {"claims_locales": "de"},
        {"acr_values": "urn:mace:incommon:iap:silver"},
        {"claims": '{"id_token": {"email": null}}'},
        {"dpop_jkt": "x"},
    ],
)
def test_an_unknown_parameter_is_ignored(browser: Browser, extra: dict[str, str]) -> None:
    answer = browser.approve(browser.log_in(browser.authorize(**extra)))
    assert answer.answer.keys() == {"code", "state", "iss"}


def test_no_site_may_read_what_the_authorization_endpoint_answers(world: BrowserWorld) -> None:
    world.configure(CONFIG + "web: {allowedOrigins: ['*']}\n")
    browser = Browser(world)
    login = browser.authorize()
    origin = {"Origin": "https://app.example.com"}
    answers = [
        browser.get("/auth", REQUEST, headers=origin),
        browser.get("/auth/local", REQUEST, headers=origin),
        browser.post("/auth", REQUEST, headers=origin),
        browser.post("/auth/local/login", login.forms[0].fields, headers=origin),
        browser.get("/logout", headers=origin),
    ]
    for answer in answers:
        assert [name for name in answer.headers if name.startswith("Access-Control-")] == []


def test_without_a_state_the_answer_has_none(browser: Browser) -> None:
    assert_redirected(browser.authorize(state=None, response_type="token"), "unsupported_response_type", state=None)
    answer = browser.approve(browser.log_in(browser.authorize(state=None)))
    assert answer.answer.keys() == {"code", "iss"}


def test_the_answer_is_added_to_the_query_that_the_address_has_already(browser: Browser) -> None:
    answer = browser.authorize(redirect_uri="https://app.example.com/other?tenant=1", prompt="none")
    assert answer.headers["Location"].startswith("https://app.example.com/other?tenant=1&error=login_required&")
    assert answer.answer["tenant"] == "1"


@pytest.mark.parametrize("state", ["x" * 4096, "ünï ☃ \U0001f31e", "a=b&c=d#e?f/g+h%20i", "\r\nSet-Cookie: a=b"])
def test_a_state_comes_back_exactly_as_it_was(browser: Browser, state: str) -> None:
    answer = browser.approve(browser.log_in(browser.authorize(state=state)))
    assert answer.answer["state"] == state
    assert "\n" not in answer.headers["Location"]
    assert answer.headers["Location"].isascii()


def test_a_state_that_could_not_be_carried_is_refused_before_anybody_logs_in(browser: Browser) -> None:
    for state in ("x" * 4097, "\u263c" * 1366, '"' * 2049, "\0" * 700):
        assert_redirected(browser.authorize(state=state), "invalid_request", state=state)


def test_the_longest_request_still_fits_what_api_gateway_takes(browser: Browser) -> None:
    redirect_uri = "http://127.0.0.1:5555/".ljust(512, "x")
    longest = {"state": '"' * 2048, "nonce": "n" * 512, "login_hint": "l" * 512, "redirect_uri": redirect_uri}
    location = browser.get("/auth", {**REQUEST, **longest, "client_id": "cli"}).headers["Location"]
    assert len(location) < 9000
    assert browser.get(location).status == 200


# PKCE (RFC 7636), as the configuration has it


def configured(text: str) -> Browser:
    return Browser(BrowserWorld(f"{CONFIG}oauth2:\n  {text}\n"))


def test_pkce_is_required_where_it_is_enforced() -> None:
    browser = configured("pkce: {enforce: true}")
    answer = browser.authorize(code_challenge=None, code_challenge_method=None)
    assert "code challenge required" in assert_redirected(answer, "invalid_request")
    assert browser.authorize().status == 200


def test_pkce_is_not_required_where_it_is_not_enforced(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize(code_challenge=None, code_challenge_method=None)
    browser.approve(browser.log_in(page))
    [family] = world.families.families.values()
    assert family.code is not None
    assert family.code.challenge is None


def test_a_method_that_is_turned_off_is_refused() -> None:
    browser = configured("pkce: {codeChallengeMethodsSupported: [S256]}")
    for method in ("plain", None):
        assert_redirected(browser.authorize(code_challenge_method=method), "invalid_request")
    assert browser.authorize().status == 200


def test_a_challenge_without_a_method_is_plain(browser: Browser, world: BrowserWorld) -> None:
    browser.approve(browser.log_in(browser.authorize(code_challenge="p" * 43, code_challenge_method=None)))
    [family] = world.families.families.values()
    assert family.code is not None
    assert family.code.challenge == "plain:" + "p" * 43


def test_without_the_code_grant_nobody_gets_a_code() -> None:
    browser = configured("grantTypes: [refresh_token]")
    assert_redirected(browser.authorize(), "unauthorized_client")


# From the request to a connector


def test_a_request_costs_no_write_and_sets_one_cookie(browser: Browser, world: BrowserWorld) -> None:
    answer = browser.get("/auth", REQUEST)
    assert answer.status == 303
    assert answer.location == "/auth/local/login"
    assert answer.headers["Cache-Control"] == "no-store"
    [cookie] = answer.cookies
    assert cookie.startswith("__Host-sundial=")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert "Max-Age" not in cookie
    assert not world.families.calls
    assert world.directory.calls == 0


def test_nothing_of_the_request_can_be_read_in_the_address_that_follows(browser: Browser) -> None:
    location = browser.get("/auth", REQUEST | {"login_hint": "jane@example.com"}).headers["Location"]
    assert query_of(location).keys() == {"req"}
    assert b"jane" not in urlsafe_b64decode(query_of(location)["req"][0] + "==")


def test_a_post_is_answered_like_a_get(browser: Browser) -> None:
    answer = browser.post("/auth", REQUEST)
    assert answer.status == 303
    assert query_of(answer.headers["Location"]).keys() == {"posted"}
    done = browser.approve(browser.log_in(browser.follow(answer)))
    assert done.answer["state"] == STATE
    assert "code" in done.answer


def test_a_post_sets_no_cookie_since_it_comes_without_one_and_would_end_the_other_tabs(browser: Browser) -> None:
    first = browser.authorize()
    kept, browser.cookies = browser.cookies, {}
    answer = browser.post("/auth", REQUEST)
    assert answer.cookies == ()
    browser.cookies = kept
    assert browser.follow(answer).status == 200
    assert browser.cookies == kept
    assert browser.log_in(first).status == 200


def test_a_post_with_a_mistake_is_told_to_the_client_or_the_user_too(browser: Browser) -> None:
    assert_redirected(browser.post("/auth", REQUEST | {"prompt": "none"}), "login_required")
    assert_page(browser.post("/auth", REQUEST | {"redirect_uri": "https://evil.example.com/"}))


def test_a_posted_request_expires_like_any_other(browser: Browser, world: BrowserWorld) -> None:
    answer = browser.post("/auth", REQUEST)
    world.now += 3601
    assert "too long" in assert_page(browser.follow(answer))
    assert_page(browser.get("/auth", {"posted": "made-up"}))


def test_a_client_may_begin_at_a_connector_as_with_dex(browser: Browser) -> None:
    assert browser.get("/auth/local", REQUEST).location == "/auth/local/login"
    assert browser.get("/auth", REQUEST | {"connector_id": "local"}).location == "/auth/local/login"
    assert_redirected(browser.get("/auth/github", REQUEST), "invalid_request")
    assert_page(browser.get("/auth/local", REQUEST | {"client_id": "nobody"}))


def test_under_an_issuer_with_a_path_everything_lives_there() -> None:
    world = BrowserWorld(CONFIG.replace("https://id.example.com", "https://id.example.com/dex"))
    browser = Browser(world)
    answer = browser.get("/dex/auth", REQUEST)
    assert answer.location == "/dex/auth/local/login"
    page = browser.follow(answer)
    assert page.forms[0].action == "/dex/auth/local/login"
    consent = browser.log_in(page)
    assert consent.forms[0].action == "/dex/approval"
    assert browser.approve(consent).answer["iss"] == "https://id.example.com/dex"


# The chooser


def test_with_several_connectors_the_user_chooses() -> None:
    world = BrowserWorld(more=(Fake(),))
    browser = Browser(world)
    page = browser.get("/auth", REQUEST)
    assert page.status == 200
    assert "Log in with Email" in page.text
    assert "Log in with Fake & Co" in page.text
    assert [link.partition("?")[0] for link in page.links] == ["/auth/local", "/auth/fake"]
    login = browser.follow(browser.get(page.links[0]))
    assert login.url.endswith("/auth/local/login")
    assert browser.log_in(login).status == 200
    assert "Username" in browser.follow(browser.get(page.links[1])).text


def test_a_connector_that_serves_other_grants_alone_is_not_offered() -> None:
    world = BrowserWorld(more=(Fake(),))
    local, fake = world.config.connectors
    world.use(replace(world.config, connectors=(local, replace(fake, grant_types=("password", "implicit")))))
    browser = Browser(world)
    assert browser.authorize().url.endswith("/auth/local/login")
    assert_redirected(browser.get("/auth", {**REQUEST, "connector_id": "fake"}), "invalid_request")
    world.use(replace(world.config, connectors=(replace(fake, grant_types=("password",)),)))
    assert_redirected(browser.get("/auth", REQUEST), "server_error")


def test_the_login_page_leads_back_to_the_chooser() -> None:
    browser = Browser(BrowserWorld(more=(Fake(),)))
    login = browser.follow(browser.get(browser.get("/auth", REQUEST).links[0]))
    [back] = login.links
    assert [link.partition("?")[0] for link in browser.get(back).links] == ["/auth/local", "/auth/fake"]


def test_with_one_connector_there_is_nothing_to_choose(browser: Browser) -> None:
    assert browser.authorize().links == []


@pytest.mark.parametrize("prompt", ["select_account", "login select_account"])
def test_prompt_select_account_shows_the_chooser(browser: Browser, prompt: str) -> None:
    assert "Log in with Email" in browser.authorize(prompt=prompt).text


def test_always_show_login_screen_shows_the_chooser() -> None:
    assert "Log in with Email" in configured("alwaysShowLoginScreen: true").authorize().text


def test_a_connector_that_the_client_chose_is_not_asked_for_again() -> None:
    browser = Browser(BrowserWorld(more=(Fake(),)))
    assert "Username" in browser.authorize(connector_id="fake").text


def test_a_client_is_held_to_its_allowed_connectors() -> None:
    world = BrowserWorld(more=(Fake(),))
    client: Client = replace(world.config.clients["app"], allowed_connectors=("local",))
    clients = {**world.config.clients, "app": client}
    world.use(replace(world.config, clients=clients))
    browser = Browser(world)
    page = browser.authorize()
    assert page.url.endswith("/auth/local/login")
    assert page.links == []
    assert_redirected(browser.authorize(connector_id="fake"), "invalid_request")
    sealed = page.forms[0].fields["req"]
    assert_page(browser.get("/auth/fake", {"req": sealed}), 404)
    assert_page(browser.get("/auth/fake/login", {"req": sealed}), 404)
    assert_page(browser.post("/auth/fake/login", {"req": sealed, "login": "a", "password": "b"}), 404)
    world.use(replace(world.config, clients=clients | {"app": replace(client, allowed_connectors=("gone",))}))
    assert_redirected(browser.authorize(), "server_error")


# A dependency that is down


def test_without_keys_the_user_is_told_to_come_back_and_the_client_is_not_bothered(
    browser: Browser, world: BrowserWorld
) -> None:
    world.ring.broken = True
    answer = browser.get("/auth", REQUEST)
    assert_page(answer, 503)
    assert answer.headers["Retry-After"]
    world.ring.broken = False
    assert browser.authorize().status == 200
