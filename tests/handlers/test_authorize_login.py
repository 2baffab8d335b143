"""The login page and the consent page, as a person with a browser meets them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import pytest

from sundial.errors import server_error
from sundial.expiry.family import Claims, PendingCode
from sundial.store.directory import LocalUser
from sundial.tokens.opaque import Kind, read
from tests.support.browser import (
    CALLBACK,
    CHALLENGE,
    CONFIG,
    EMAIL,
    HASH,
    PASSWORD,
    REQUEST,
    USER_ID,
    Answer,
    Browser,
    BrowserWorld,
)
from tests.support.families import LOGIN_AT

JANE = LocalUser("Jane@example.com", "u-jane", HASH.encode("ascii"), username="jane", name="Jane <Doe>")


@pytest.fixture
def world() -> BrowserWorld:
    return BrowserWorld()


@pytest.fixture
def browser(world: BrowserWorld) -> Browser:
    return Browser(world)


def skipping() -> BrowserWorld:
    """A world in which nobody is asked for consent."""
    return BrowserWorld(f"{CONFIG}oauth2:\n  skipApprovalScreen: true\n")


def family_of(world: BrowserWorld) -> object:
    [family] = world.families.families.values()
    return family


# From the password to the code


def test_a_login_with_consent_ends_at_the_client_with_a_code(browser: Browser, world: BrowserWorld) -> None:
    answer = browser.approve(browser.log_in(browser.authorize()))
    assert answer.status == 303
    assert answer.location == CALLBACK
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.answer.keys() == {"code", "state", "iss"}
    assert answer.answer["state"] == REQUEST["state"]
    assert answer.answer["iss"] == "https://id.example.com"
    presented = read(Kind.AUTHORIZATION_CODE, answer.answer["code"], "app", world.ring.mac_by_id)
    assert presented is not None
    assert presented.family_id in world.families.families
    assert presented.generation == 1


def test_the_login_is_one_write_that_holds_all_that_the_tokens_need(browser: Browser, world: BrowserWorld) -> None:
    page = browser.authorize()
    world.now += 5
    consent = browser.log_in(page)
    assert world.families.calls == []
    world.now += 20
    browser.approve(consent)
    assert world.families.calls == ["begin"]
    [family] = world.families.families.values()
    assert family.client_id == "app"
    assert family.connector_id == "local"
    assert family.claims == Claims(USER_ID, "admin", "", EMAIL, True, ("ops",))
    assert family.scopes == {"openid", "email", "profile", "offline_access"}
    assert family.nonce == REQUEST["nonce"]
    assert family.auth_time == LOGIN_AT + 5
    assert family.created_at == LOGIN_AT + 5
    assert family.code == PendingCode(LOGIN_AT + 25 + 60, CALLBACK, f"S256:{CHALLENGE}")
    assert family.redeemed_at is None
    assert family.generation == 0


def test_without_offline_access_the_code_makes_no_refresh_token(browser: Browser, world: BrowserWorld) -> None:
    answer = browser.approve(browser.log_in(browser.authorize(scope="openid")))
    presented = read(Kind.AUTHORIZATION_CODE, answer.answer["code"], "app", world.ring.mac_by_id)
    assert presented is not None
    assert presented.generation == 0


def test_a_user_of_the_table_logs_in_and_their_name_is_escaped(browser: Browser, world: BrowserWorld) -> None:
    world.directory.users.append(JANE)
    consent = browser.log_in(browser.authorize(), "jane@EXAMPLE.com")
    assert "Jane <Doe> (Jane@example.com)" in consent.text
    assert "<Doe>" not in consent.body
    assert browser.approve(consent).status == 303


class CannotRefresh:
    """A connector without a way to look a user up again."""

    id, name, prompt = "once", "Once", "Username"

    def log_in(self, username: str, password: str) -> Claims:
        return Claims(username)


def test_through_a_connector_that_cannot_refresh_offline_access_is_neither_asked_nor_granted() -> None:
    world = BrowserWorld(more=(CannotRefresh(),))
    browser = Browser(world)
    consent = browser.log_in(browser.authorize(connector_id="once"), "jane", "any")
    assert "while you are away" not in consent.text
    assert "logged in as jane ." in consent.text
    answer = browser.approve(consent)
    [family] = world.families.families.values()
    assert "offline_access" not in family.scopes
    presented = read(Kind.AUTHORIZATION_CODE, answer.answer["code"], "app", world.ring.mac_by_id)
    assert presented is not None
    assert presented.generation == 0


def test_where_refreshing_is_turned_off_offline_access_is_not_granted() -> None:
    world = BrowserWorld(f"{CONFIG}oauth2:\n  grantTypes: [authorization_code]\n")
    browser = Browser(world)
    browser.approve(browser.log_in(browser.authorize()))
    [family] = world.families.families.values()
    assert "offline_access" not in family.scopes


# The login page


def test_the_login_page_names_the_client_and_helps_password_managers(browser: Browser) -> None:
    page = browser.authorize()
    assert page.status == 200
    assert page.title == "Log in · Sundial"
    assert "to continue to The App" in page.text
    assert page.inputs["login"]["autocomplete"] == "username"
    assert page.inputs["password"]["autocomplete"] == "current-password"
    assert page.inputs["password"]["type"] == "password"
    assert page.forms[0].method == "post"
    assert '<html lang="en">' in page.body
    for field in ("login", "password"):
        assert f'<label for="{field}">' in page.body


def test_a_login_hint_is_filled_in_and_may_be_changed(browser: Browser) -> None:
    page = browser.authorize(login_hint='jane"><script>@example.com')
    assert page.forms[0].fields["login"] == 'jane"><script>@example.com'
    assert "<script" not in page.body
    assert browser.log_in(page).status == 200


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD), ("nobody@example.com", "wrong")]
)
def test_a_wrong_password_and_an_unknown_user_get_the_same_page(browser: Browser, email: str, password: str) -> None:
    page = browser.authorize()
    answer = browser.log_in(page, email, password)
    assert answer.status == 403
    assert answer.title == "Error: Log in · Sundial"
    assert 'role="alert">The email address or the password is wrong.<' in answer.body
    reference = browser.log_in(page, EMAIL, "another wrong one")
    assert answer.body.replace(email, EMAIL) == reference.body
    assert answer.headers == reference.headers


def test_after_a_wrong_password_the_email_is_kept_and_the_password_is_not(browser: Browser) -> None:
    answer = browser.log_in(browser.authorize(), "jane@example.com", "Tr0ub4dor&3")
    assert answer.forms[0].fields["login"] == "jane@example.com"
    assert answer.forms[0].fields["password"] == ""
    assert "Tr0ub4dor" not in answer.body
    assert answer.inputs["login"]["aria-invalid"] == "true"
    assert answer.inputs["login"]["aria-describedby"] == "problem"
    assert browser.log_in(answer).status == 200


@pytest.mark.parametrize(
    "fields", [{"login": "", "password": ""}, {"login": EMAIL, "password": ""}, {"login": "", "password": PASSWORD}]
)
def test_an_empty_field_is_asked_for_again(browser: Browser, fields: Mapping[str, str]) -> None:
    answer = browser.submit(browser.authorize(), **fields)
    assert answer.status == 400
    assert "Enter your email address and your password." in answer.text
    assert PASSWORD not in answer.forms[0].fields.values()
    assert browser.log_in(answer).status == 200


def test_a_directory_that_cannot_be_reached_loses_nothing(browser: Browser, world: BrowserWorld) -> None:
    world.directory.users.append(JANE)
    world.directory.broken = True
    answer = browser.log_in(browser.authorize(), "jane@example.com")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert "Nothing is lost" in answer.text
    assert answer.forms[0].fields["login"] == "jane@example.com"
    world.directory.broken = False
    assert browser.log_in(answer, "jane@example.com").status == 200


def test_neither_a_password_nor_what_was_typed_as_a_user_name_is_ever_logged(
    browser: Browser, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    browser.log_in(browser.authorize(), "Tr0ub4dor&3", "correct horse battery staple")
    answer = browser.approve(browser.log_in(browser.authorize()))
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records) + "".join(capsys.readouterr())
    assert "login_failed" in logged
    for secret in ("Tr0ub4dor", "correct horse", answer.answer["code"], browser.cookies["__Host-sundial"]):
        assert secret not in logged


# The consent page


def test_consent_names_the_client_the_user_the_scopes_and_where_it_leads(browser: Browser) -> None:
    consent = browser.log_in(browser.authorize(scope="openid email profile groups federated:id offline_access"))
    assert consent.status == 200
    assert consent.title == "Allow The App? · Sundial"
    assert "You are logged in as admin (admin@example.com)" in consent.text
    for words in (
        "Know who you are",
        "See your name",
        "See your email address",
        "See which groups you belong to",
        "See which account you logged in with",
        "Keep you logged in while you are away",
    ):
        assert words in consent.text
    assert "you continue to app.example.com" in consent.text


def test_consent_names_the_other_applications_and_the_apis_that_the_tokens_are_for(world: BrowserWorld) -> None:
    world.configure(
        CONFIG.replace("name: The App\n", "name: The App\n    resources: [https://api.example.com/v1]\n").replace(
            "expiry:\n",
            """\
  - {id: kube, name: Kubernetes <prod>, public: true, trustedPeers: [app]}
  - {id: vault, public: true, trustedPeers: [app]}
  - {id: bank, name: The Bank, public: true, trustedPeers: [app]}
expiry:
""",
        )
    )
    browser = Browser(world)
    scope = "openid audience:server:client_id:kube audience:server:client_id:vault"
    consent = browser.log_in(browser.authorize(scope=scope, resource="https://api.example.com/v1"))
    for name in ("Kubernetes <prod>", "vault", "api.example.com/v1"):
        assert f"Act for you at {name}" in consent.text
    assert "The Bank" not in consent.text
    assert "<prod>" not in consent.body


def test_consent_names_only_what_was_asked_for(browser: Browser) -> None:
    consent = browser.log_in(browser.authorize(scope="openid"))
    assert "Know who you are" in consent.text
    assert "email address" not in consent.text


def test_the_identity_travels_in_the_form_and_never_in_an_address(browser: Browser) -> None:
    consent = browser.log_in(browser.authorize())
    assert consent.forms[0].action == "/approval"
    assert len(consent.forms[0].fields["req"]) > 300
    assert consent.forms[0].fields["req"] not in "".join(consent.links)


def test_consent_shows_the_clients_logo_and_allows_that_picture(world: BrowserWorld) -> None:
    client = replace(world.config.clients["app"], logo_url="https://cdn.example.com/logo.svg")
    world.use(replace(world.config, clients={"app": client}))
    browser = Browser(world)
    consent = browser.log_in(browser.authorize())
    assert 'src="https://cdn.example.com/logo.svg"' in consent.body
    assert "img-src data: https://cdn.example.com/logo.svg;" in consent.headers["Content-Security-Policy"]


def test_a_client_without_a_name_is_shown_by_its_id(browser: Browser) -> None:
    consent = browser.log_in(browser.authorize(client_id="cli", redirect_uri="http://127.0.0.1:5555/cb"))
    assert "Allow cli?" in consent.text
    assert "you continue to 127.0.0.1:5555" in consent.text


def test_a_client_on_an_address_without_a_host_is_named_as_an_app(world: BrowserWorld) -> None:
    client = replace(world.config.clients["app"], redirect_uris=("com.example.app:/callback",))
    world.use(replace(world.config, clients={"app": client}))
    browser = Browser(world)
    consent = browser.log_in(browser.authorize(redirect_uri="com.example.app:/callback"))
    assert "you continue to the app The App" in consent.text
    assert browser.approve(consent).headers["Location"].startswith("com.example.app:/callback?code=")


def test_a_no_is_told_to_the_client_and_costs_no_write(browser: Browser, world: BrowserWorld) -> None:
    answer = browser.submit(browser.log_in(browser.authorize()), approval="deny")
    assert answer.status == 303
    assert answer.location == CALLBACK
    assert answer.answer["error"] == "access_denied"
    assert answer.answer["state"] == REQUEST["state"]
    assert answer.answer["iss"] == "https://id.example.com"
    assert world.families.calls == []


@pytest.mark.parametrize("choice", ["", "maybe"])
def test_neither_yes_nor_no_is_asked_again(browser: Browser, world: BrowserWorld, choice: str) -> None:
    answer = browser.submit(browser.log_in(browser.authorize()), approval=choice)
    assert answer.status == 400
    assert world.families.calls == []
    assert browser.approve(answer).status == 303


def test_somebody_else_may_log_in_from_the_consent_page(browser: Browser, world: BrowserWorld) -> None:
    world.directory.users.append(JANE)
    consent = browser.log_in(browser.authorize())
    [link] = consent.links
    page = browser.follow(browser.get(link))
    answer = browser.approve(browser.log_in(page, "jane@example.com"))
    assert answer.answer["state"] == REQUEST["state"]
    [family] = world.families.families.values()
    assert family.claims.user_id == "u-jane"


def test_consent_is_not_asked_where_the_approval_screen_is_skipped() -> None:
    world = skipping()
    browser = Browser(world)
    page = browser.authorize()
    assert "form-action 'self' https:;" in page.headers["Content-Security-Policy"]
    answer = browser.log_in(page)
    assert answer.location == CALLBACK
    assert "code" in answer.answer
    assert world.families.calls == ["begin"]


@pytest.mark.parametrize("changes", [{"prompt": "consent"}, {"prompt": "login consent"}, {"approval_prompt": "force"}])
def test_consent_is_asked_all_the_same_where_the_client_wants_it(changes: Mapping[str, str]) -> None:
    browser = Browser(skipping())
    page = browser.authorize(**changes)
    assert "form-action 'self';" in page.headers["Content-Security-Policy"]
    assert "Allow The App?" in browser.log_in(page).text


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "3600"}, {"prompt": ""}])
def test_every_login_is_a_fresh_one_so_prompt_login_and_max_age_are_met(
    browser: Browser, world: BrowserWorld, changes: Mapping[str, str]
) -> None:
    browser.approve(browser.log_in(browser.authorize()))
    page = browser.authorize(**changes)
    assert page.title == "Log in · Sundial"
    world.now += 7
    browser.approve(browser.log_in(page))
    assert {family.auth_time for family in world.families.families.values()} == {LOGIN_AT, LOGIN_AT + 7}


def test_a_table_that_cannot_be_reached_loses_nothing(browser: Browser, world: BrowserWorld) -> None:
    consent = browser.log_in(browser.authorize())
    world.families.broken = True
    answer = browser.approve(consent)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert "Nothing is lost" in answer.text
    world.families.broken = False
    assert browser.approve(answer).location == CALLBACK


def test_a_table_that_cannot_be_reached_without_a_consent_page_loses_nothing_either() -> None:
    world = skipping()
    browser = Browser(world)
    world.families.broken = True
    answer = browser.log_in(browser.authorize())
    assert answer.status == 503
    assert "Nothing is lost" in answer.text
    world.families.broken = False
    assert browser.approve(answer).location == CALLBACK


def assert_every_page_is_locked_down(*pages: Answer) -> None:
    for page in pages:
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "<script" not in page.body


def test_every_page_is_locked_down(browser: Browser) -> None:
    login = browser.authorize()
    assert_every_page_is_locked_down(
        login,
        browser.log_in(login, password="wrong"),
        browser.log_in(login),
        browser.authorize(prompt="select_account"),
        browser.authorize(client_id="nobody"),
        browser.get("/approval"),
    )


class Broken(CannotRefresh):
    """A connector whose users can't be read, for a reason that does not pass by itself."""

    id, name = "broken", "Broken"

    def log_in(self, username: str, password: str) -> Claims:
        raise server_error("the directory answers nonsense", detail="unbind")


class WithoutLogin:
    """A connector of a kind that nobody can log in through here."""

    id, name = "none", "None"


def test_a_connector_that_fails_for_good_is_a_fault_of_ours() -> None:
    browser = Browser(BrowserWorld(more=(Broken(),)))
    answer = browser.log_in(browser.authorize(connector_id="broken"), "jane", "any")
    assert answer.status == 500
    assert "The fault is ours" in answer.text
    assert "nonsense" not in answer.text


def test_a_connector_without_a_login_is_a_fault_of_ours_and_has_no_page() -> None:
    browser = Browser(BrowserWorld(more=(WithoutLogin(),)))
    assert browser.authorize(connector_id="none").status == 500
    sealed = browser.authorize(connector_id="local").forms[0].fields["req"]
    assert browser.get("/auth/none/login", {"req": sealed}).status == 404
