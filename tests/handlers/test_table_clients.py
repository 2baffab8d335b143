"""Clients that an operator added while it runs, seen from outside: they log in, they refresh, and they end."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from tests.support.browser import CONFIG as BROWSER_CONFIG
from tests.support.browser import Browser, BrowserWorld
from tests.support.clients import CLIENT_SECRET, FORMER_SECRET, MemoryClients, a_client, digest
from tests.support.families import LOGIN_AT, REDIRECT_URI
from tests.support.token_world import CONFIG, SECRET, TokenWorld, claims_of

CALLBACK = "https://table.example.com/callback"
APP = {"client_id": "table-app", "client_secret": CLIENT_SECRET}


@pytest.fixture
def table() -> MemoryClients:
    return MemoryClients(a_client(name="The Table's App", redirectURIs=[REDIRECT_URI, CALLBACK]))


@pytest.fixture
def world(table: MemoryClients) -> TokenWorld:
    return TokenWorld(clients=table)


@pytest.fixture
def browser(table: MemoryClients) -> Browser:
    return Browser(BrowserWorld(clients=table))


def test_a_user_logs_in_to_a_client_of_the_table(browser: Browser) -> None:
    login = browser.authorize(client_id="table-app", redirect_uri=CALLBACK)
    assert "The Table's App" in login.text
    answer = browser.approve(browser.log_in(login))
    assert (answer.location, "code" in answer.answer) == (CALLBACK, True)


def test_its_code_is_redeemed_and_its_tokens_are_refreshed(world: TokenWorld) -> None:
    tokens = world.redeem(world.log_in(client_id="table-app"), **APP).body
    assert claims_of(tokens["id_token"])["aud"] == "table-app"
    world.now += 3600
    refreshed = world.refresh(tokens["refresh_token"], **APP)
    assert refreshed.status == 200
    assert refreshed.body["refresh_token"] != tokens["refresh_token"]


def test_its_own_settings_hold(world: TokenWorld, table: MemoryClients) -> None:
    expiry = {"idTokens": "10m", "refreshTokens": {"validIfNotUsedFor": "1h"}}
    table.put(a_client(idTokenSignedResponseAlg="ES256", expiry=expiry))
    world.configure(CONFIG.rstrip() + " {validIfNotUsedFor: 2h}\n")
    tokens = world.redeem(world.log_in(client_id="table-app"), **APP).body
    claims = claims_of(tokens["id_token"])
    assert claims["exp"] - claims["iat"] == 600
    world.now += 3600
    tokens = world.refresh(tokens["refresh_token"], **APP).body
    world.now += 3601
    assert world.refresh(tokens["refresh_token"], **APP).error == (400, "invalid_grant")


def test_a_public_client_of_the_table_needs_no_secret_and_may_use_any_loopback_port(
    world: TokenWorld, browser: Browser, table: MemoryClients
) -> None:
    table.put(a_client("table-cli", public=True, secretHash=None, redirectURIs=None))
    loopback = "http://127.0.0.1:31999/callback"
    login = browser.authorize(client_id="table-cli", redirect_uri=loopback)
    assert browser.approve(browser.log_in(login)).location == loopback
    assert world.redeem(world.log_in(client_id="table-cli"), client_id="table-cli", client_secret="").status == 200


@pytest.mark.parametrize("secret", ["", "wrong", SECRET, FORMER_SECRET, CLIENT_SECRET + " "])
def test_a_wrong_secret_is_refused_and_the_code_is_still_good(world: TokenWorld, secret: str) -> None:
    code = world.log_in(client_id="table-app")
    assert world.redeem(code, client_id="table-app", client_secret=secret).error == (401, "invalid_client")
    assert world.redeem(code, **APP).status == 200


def test_both_secrets_work_up_to_the_last_second_of_the_overlap_and_then_the_new_one_alone(
    world: TokenWorld, table: MemoryClients
) -> None:
    until = LOGIN_AT + 86400
    table.put(a_client(former_until=until))
    for now, former_works in ((LOGIN_AT, True), (until - 1, True), (until, True), (until + 1, False)):
        world.now = now
        for secret, works in ((CLIENT_SECRET, True), (FORMER_SECRET, former_works)):
            answer = world.redeem(world.log_in(client_id="table-app"), client_id="table-app", client_secret=secret)
            assert answer.status == (200 if works else 401), (now, secret)


def test_a_new_secret_works_a_minute_after_the_rotation_at_the_latest(world: TokenWorld, table: MemoryClients) -> None:
    token = world.redeem(world.log_in(client_id="table-app"), **APP).body["refresh_token"]
    table.put(a_client(secretHash=digest("the-newest-secret-of-all").hex(), former_until=LOGIN_AT + 86400))
    world.now += 60
    for secret, status in (("the-newest-secret-of-all", 200), (FORMER_SECRET, 200), (CLIENT_SECRET, 401)):
        answer = world.redeem(world.log_in(client_id="table-app"), client_id="table-app", client_secret=secret)
        assert answer.status == status
    assert world.refresh(token, client_id="table-app", client_secret="the-newest-secret-of-all").status == 200


def test_a_deleted_client_is_refused_within_a_minute_whatever_it_asks(
    world: TokenWorld, browser: Browser, table: MemoryClients
) -> None:
    token = world.redeem(world.log_in(client_id="table-app"), **APP).body["refresh_token"]
    code = world.log_in(client_id="table-app")
    login = browser.authorize(client_id="table-app", redirect_uri=CALLBACK)
    table.delete("table-app")
    world.now += 60
    browser.world.now += 60
    assert world.refresh(token, **APP).error == (401, "invalid_client")
    assert world.redeem(code, **APP).error == (401, "invalid_client")
    assert browser.log_in(login).status == 400
    assert browser.authorize(client_id="table-app", redirect_uri=CALLBACK).status == 400


def test_a_client_of_the_file_hides_one_of_the_table(world: TokenWorld, browser: Browser, table: MemoryClients) -> None:
    table.put(a_client("example-app"))
    table.put(a_client("app", name="Impostor", redirectURIs=["https://impostor.example/callback"]))
    code = world.log_in()
    assert world.redeem(code, client_secret=CLIENT_SECRET).error == (401, "invalid_client")
    assert world.redeem(code).status == 200
    assert browser.authorize(redirect_uri="https://impostor.example/callback").status == 400
    assert "Impostor" not in browser.authorize().text
    assert table.calls == []


def test_clients_of_the_file_and_of_the_table_trust_each_other_alike(browser: Browser, table: MemoryClients) -> None:
    text = BROWSER_CONFIG.replace("  - id: cli\n", "  - id: cli\n    trustedPeers: [table-app]\n")
    browser.world.configure(text)
    table.put(a_client(redirectURIs=[CALLBACK], trustedPeers=["app"]))
    scope = "openid audience:server:client_id:{}"
    assert browser.authorize(client_id="app", scope=scope.format("table-app")).status == 200
    assert browser.authorize(client_id="table-app", redirect_uri=CALLBACK, scope=scope.format("cli")).status == 200
    refused = browser.authorize(client_id="table-app", redirect_uri=CALLBACK, scope=scope.format("app"))
    assert refused.answer["error"] == "invalid_scope"


def test_a_refresh_costs_no_further_call_while_the_client_is_known(world: TokenWorld, table: MemoryClients) -> None:
    token = world.redeem(world.log_in(client_id="table-app"), **APP).body["refresh_token"]
    table.calls.clear()
    world.now += 59
    assert world.refresh(token, **APP).status == 200
    assert table.calls == []


def test_guessing_client_ids_costs_one_read_a_minute(world: TokenWorld, browser: Browser, table: MemoryClients) -> None:
    for guess in range(200):
        assert world.redeem("code", client_id=f"guess-{guess}").error == (401, "invalid_client")
        assert browser.authorize(client_id=f"guess-{guess}").status == 400
    assert table.calls == ["ids", "ids"]  # of the two functions


def test_an_unreachable_table_is_a_503_that_costs_the_client_nothing(world: TokenWorld, table: MemoryClients) -> None:
    code = world.log_in(client_id="table-app")
    table.broken = True
    answer = world.redeem(code, **APP)
    assert answer.error == (503, "temporarily_unavailable")
    assert "Retry-After" in answer.headers
    table.broken = False
    world.now += int(answer.headers["Retry-After"])
    assert world.redeem(code, **APP).status == 200


def test_an_unreachable_table_in_mid_login_is_a_page_that_says_so(browser: Browser, table: MemoryClients) -> None:
    login = browser.authorize(client_id="table-app", redirect_uri=CALLBACK)
    table.broken = True
    browser.world.now += 60
    page = browser.log_in(login)
    assert page.status == 503
    table.broken = False
    browser.world.now += int(page.headers["Retry-After"])
    assert browser.log_in(login).status == 200


def test_a_client_whose_connectors_are_all_gone_is_told_so_and_offers_no_other(
    browser: Browser, table: MemoryClients
) -> None:
    table.put(a_client(redirectURIs=[CALLBACK], allowedConnectors=["removed-since"]))
    answer = browser.authorize(client_id="table-app", redirect_uri=CALLBACK)
    assert (answer.location, answer.answer["error"]) == (CALLBACK, "server_error")


def test_a_client_id_with_odd_characters_is_found_by_http_basic(world: TokenWorld, table: MemoryClients) -> None:
    odd = "urn:app:100%+one"
    table.put(a_client(odd))
    code = world.log_in(client_id=odd)
    header = _basic(odd, CLIENT_SECRET)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    assert world.post({"Authorization": header}, **form).status == 200


def _basic(client_id: str, secret: str) -> str:
    return "Basic " + b64encode(f"{quote(client_id, safe='')}:{quote(secret)}".encode()).decode()
