"""The resource owner password grant, as a client sees it (RFC 6749 §4.3; Dex: oauth2.passwordConnector)."""

from __future__ import annotations

import pytest

from sundial.errors import temporarily_unavailable
from sundial.tokens.subject import subject
from tests.support.families import LOGIN_AT
from tests.support.grants_world import API, EMAIL, FILES, GRANTS, PASSWORD, GrantsWorld
from tests.support.token_world import USER_ID, claims_of

PEER = "audience:server:client_id:builds"


@pytest.fixture
def world() -> GrantsWorld:
    return GrantsWorld()


def test_a_password_gives_the_tokens_of_a_login(world: GrantsWorld) -> None:
    answer = world.log_in_by_password(scope="openid email offline_access", nonce="n-0S6")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.calls == ["begin"]
    claims = claims_of(answer.body["id_token"])
    assert (claims["sub"], claims["aud"]) == (subject(USER_ID, "local"), "example-app")
    assert (claims["auth_time"], claims["nonce"], claims["email"]) == (LOGIN_AT, "n-0S6", EMAIL)
    assert world.userinfo(answer.body["access_token"]).body["email"] == EMAIL


def test_its_refresh_token_is_a_refresh_token_like_any_other(world: GrantsWorld) -> None:
    first = world.log_in_by_password(scope="openid offline_access").body
    world.now += 100
    second = world.refresh(first["refresh_token"])
    assert second.status == 200
    assert second.body["scope"] == "offline_access openid"
    assert world.refresh(first["refresh_token"]).error == (400, "invalid_grant")
    assert world.userinfo(second.body["access_token"]).error == (401, "invalid_token")


def test_a_login_is_kept_for_as_long_as_it_can_be_of_use(world: GrantsWorld) -> None:
    world.configure(GRANTS + "    absoluteLifetime: 100h\n")
    world.log_in_by_password(scope="openid")
    world.log_in_by_password(scope="openid offline_access")
    assert list(world.memory.alive_until.values())[-2:] == [LOGIN_AT + 3600, LOGIN_AT + 360000]


@pytest.mark.parametrize("scope", ["openid email", ""])
def test_without_offline_access_there_is_no_refresh_token(world: GrantsWorld, scope: str) -> None:
    body = world.log_in_by_password(scope=scope).body
    assert "refresh_token" not in body
    assert ("id_token" in body) == ("openid" in scope)
    assert world.userinfo(body["access_token"]).status == 200


def test_where_nothing_is_ever_refreshed_offline_access_is_left_out_and_the_scope_says_so(world: GrantsWorld) -> None:
    world.configure(
        GRANTS.replace("passwordConnector: local", "passwordConnector: local\n  grantTypes: [password]")
        + "    reuseInterval: 0s\n"
    )
    body = world.log_in_by_password(scope="openid offline_access").body
    assert "refresh_token" not in body
    assert body["scope"] == "openid"


@pytest.mark.parametrize("form", [{"password": "wrong"}, {"username": "nobody@example.com"}])
def test_a_wrong_password_and_an_unknown_user_read_the_same(world: GrantsWorld, form: dict[str, str]) -> None:
    answer = world.log_in_by_password(**form)
    assert answer.error == (400, "invalid_grant")
    assert answer.body["error_description"] == "the user name or the password is wrong"
    assert world.calls == []


@pytest.mark.parametrize("form", [{"client_secret": "wrong"}, {"client_id": "builds", "client_secret": ""}])
def test_a_client_that_is_not_who_it_says_gets_nothing(world: GrantsWorld, form: dict[str, str]) -> None:
    assert world.log_in_by_password(**form).error == (401, "invalid_client")
    assert world.calls == []


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"username": ""}, "invalid_request"),
        ({"password": ""}, "invalid_request"),
        ({"username": "u" * 321}, "invalid_request"),
        ({"password": "p" * 1025}, "invalid_request"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"scope": "openid write"}, "invalid_scope"),
        ({"scope": "openid audience:server:client_id:nobody"}, "invalid_scope"),
        ({"resource": "https://other.example.com"}, "invalid_target"),
    ],
)
def test_a_mistake_is_named_before_the_password_is_looked_at(
    world: GrantsWorld, form: dict[str, str], error: str
) -> None:
    assert world.log_in_by_password(**form).error == (400, error)
    assert world.calls == []


@pytest.mark.parametrize("name", ["username", "password", "scope"])
def test_a_repeated_parameter_is_an_invalid_request(world: GrantsWorld, name: str) -> None:
    pairs = [("grant_type", "password"), ("username", EMAIL), ("password", PASSWORD), ("scope", "openid"), (name, "x")]
    assert world.post_pairs("/token", pairs).error == (400, "invalid_request")


def test_audiences_and_apis_are_kept_with_the_login(world: GrantsWorld) -> None:
    body = world.log_in_by_password(scope=f"openid offline_access {PEER}", resource=f"{API} {FILES}").body
    assert claims_of(body["access_token"])["aud"] == [API, FILES]
    assert claims_of(body["id_token"])["aud"] == ["builds", "example-app"]
    narrowed = world.refresh(body["refresh_token"], resource=FILES).body
    assert claims_of(narrowed["access_token"])["aud"] == FILES


def test_the_connector_must_be_one_of_the_clients(world: GrantsWorld) -> None:
    world.configure(
        GRANTS.replace("allowedConnectors: [local]", "allowedConnectors: [mock]").replace(
            "enablePasswordDB: true", "enablePasswordDB: true\nconnectors: [{type: mockCallback, id: mock, name: Mock}]"
        )
        + "    reuseInterval: 0s\n"
    )
    assert world.log_in_by_password(client_id="local-only").error == (400, "unauthorized_client")


def test_a_connector_that_is_not_for_refreshing_yields_no_refresh_token_and_takes_none_back(world: GrantsWorld) -> None:
    token = world.log_in_by_password(scope="openid offline_access").body["refresh_token"]
    world.hold("local", "password")
    body = world.log_in_by_password(scope="openid offline_access").body
    assert (body["scope"], "refresh_token" in body) == ("openid", False)
    assert world.refresh(token).error == (400, "invalid_grant")
    world.hold("local", "password", "refresh_token")
    assert world.refresh(token).status == 200


def test_without_a_connector_for_it_the_grant_is_not_served(world: GrantsWorld) -> None:
    world.configure(GRANTS.replace("oauth2:\n  passwordConnector: local\n", "") + "    reuseInterval: 0s\n")
    assert world.log_in_by_password().error == (400, "unsupported_grant_type")


def test_when_the_table_cannot_be_reached_nothing_is_consumed(
    world: GrantsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> bool:
        raise temporarily_unavailable("the token store can't be reached")

    monkeypatch.setattr(world.memory, "begin", unreachable)
    answer = world.log_in_by_password()
    assert answer.error == (503, "temporarily_unavailable")
    assert "Retry-After" in answer.headers
    monkeypatch.undo()
    assert world.log_in_by_password().status == 200
