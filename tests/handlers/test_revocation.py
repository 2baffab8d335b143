"""POST /token/revoke, as a client sees it (RFC 7009)."""

from __future__ import annotations

import pytest

from sundial.errors import temporarily_unavailable
from tests.support.events import http_event
from tests.support.families import LOGIN_AT
from tests.support.grants_world import EXCHANGE, GRANTS, GrantsWorld, basic
from tests.support.token_world import SECRET, claims_of


@pytest.fixture
def world() -> GrantsWorld:
    return GrantsWorld()


def test_a_refresh_token_ends_its_login_in_one_network_call(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    world.calls.clear()
    answer = world.revoke(tokens["refresh_token"])
    assert (answer.status, answer.body) == (200, {})
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.calls == ["revoke"]
    assert world.memory.revoked[world.only_family.family_id] == "revoked by its client"
    assert world.refresh(tokens["refresh_token"]).error == (400, "invalid_grant")
    assert world.userinfo(tokens["access_token"]).error == (401, "invalid_token")
    assert world.introspect(tokens["access_token"]).body == {"active": False}


def test_any_generation_of_its_refresh_tokens_will_do(world: GrantsWorld) -> None:
    first = world.tokens("offline_access")["refresh_token"]
    second = world.refresh(first).body["refresh_token"]
    assert world.revoke(first).status == 200
    assert world.refresh(second).error == (400, "invalid_grant")


def test_another_login_of_the_same_user_goes_on(world: GrantsWorld) -> None:
    one, other = world.tokens("offline_access"), world.tokens("offline_access")
    world.revoke(one["refresh_token"])
    assert world.refresh(other["refresh_token"]).status == 200
    assert world.userinfo(other["access_token"]).status == 200


def test_an_access_token_ends_alone_in_one_network_call(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    world.calls.clear()
    answer = world.revoke(tokens["access_token"])
    assert (answer.status, answer.body) == (200, {})
    assert world.calls == ["deny"]
    assert world.memory.denied == {claims_of(tokens["access_token"])["jti"]: LOGIN_AT + 3600}
    assert world.userinfo(tokens["access_token"]).error == (401, "invalid_token")
    assert world.introspect(tokens["access_token"]).body == {"active": False}
    assert world.exchange(tokens["access_token"]).error == (400, "invalid_request")
    successor = world.refresh(tokens["refresh_token"])
    assert successor.status == 200
    assert world.userinfo(successor.body["access_token"]).status == 200


def test_a_denied_token_costs_userinfo_no_second_network_call(world: GrantsWorld) -> None:
    token = world.tokens()["access_token"]
    world.revoke(token)
    world.calls.clear()
    world.userinfo(token)
    assert world.calls == ["standing"]


def test_a_clients_own_token_can_be_revoked_too(world: GrantsWorld) -> None:
    token = world.client_token()
    assert world.revoke(token).status == 200
    assert world.introspect(token).body == {"active": False}


def test_twice_is_as_good_as_once(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    for name in ("access_token", "refresh_token"):
        assert world.revoke(tokens[name]).status == 200
        assert world.revoke(tokens[name]).status == 200


def test_a_token_that_is_not_good_is_as_good_as_revoked_and_costs_nothing(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    world.calls.clear()
    header, payload, _ = tokens["access_token"].split(".")
    for token in (
        f"{header}.{payload}.AAAA",
        tokens["refresh_token"][:-2] + "AA",
        "sundial_rt_",
        "x",
        "é",
        "x" * 60_000,
    ):
        assert (world.revoke(token).status, world.revoke(token).body) == (200, {})
    world.now += 3600
    assert world.revoke(tokens["access_token"]).status == 200
    assert world.calls == []


def test_another_clients_access_token_is_refused_and_goes_on(world: GrantsWorld) -> None:
    token = world.tokens()["access_token"]
    world.calls.clear()
    assert world.revoke(token, client_id="another-app").error == (400, "unauthorized_client")
    assert world.calls == []
    assert world.userinfo(token).status == 200


def test_whom_a_token_is_for_may_not_revoke_it(world: GrantsWorld) -> None:
    token = world.exchange(world.tokens()["access_token"], audience="builds").body["access_token"]
    assert world.revoke(token, client_id="builds").error == (400, "unauthorized_client")
    assert world.introspect(token).body["active"]


def test_another_clients_refresh_token_looks_like_none_of_ours_and_goes_on(world: GrantsWorld) -> None:
    token = world.tokens("offline_access")["refresh_token"]
    world.calls.clear()
    assert world.revoke(token, client_id="another-app").status == 200
    assert world.calls == []
    assert world.refresh(token).status == 200


def test_an_id_token_cannot_be_revoked_and_the_client_hears_of_it(world: GrantsWorld) -> None:
    assert world.revoke(world.tokens()["id_token"]).error == (400, "unsupported_token_type")


def test_a_public_client_revokes_by_its_id(world: GrantsWorld) -> None:
    code = world.log_in(client_id="example-cli", scopes=frozenset(("openid", "offline_access")))
    tokens = world.redeem(code, client_id="example-cli", client_secret="").body
    for name in ("access_token", "refresh_token"):
        answer = world.post_to("/token/revoke", {}, {"token": tokens[name], "client_id": "example-cli"})
        assert answer.status == 200
    assert world.userinfo(tokens["access_token"]).error == (401, "invalid_token")


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "magic"])
def test_a_hint_is_only_a_hint(world: GrantsWorld, hint: str) -> None:
    tokens = world.tokens("offline_access")
    assert world.revoke(tokens["access_token"], token_type_hint=hint).status == 200
    assert world.userinfo(tokens["access_token"]).error == (401, "invalid_token")
    assert world.revoke(tokens["refresh_token"], token_type_hint=hint).status == 200
    assert world.refresh(tokens["refresh_token"]).error == (400, "invalid_grant")


@pytest.mark.parametrize("header", [basic("example-app", "wrong"), basic("nobody"), {"Authorization": "Bearer x"}])
def test_a_client_that_is_not_who_it_says_revokes_nothing(world: GrantsWorld, header: dict[str, str]) -> None:
    tokens = world.tokens("offline_access")
    for name in ("access_token", "refresh_token"):
        answer = world.post_to("/token/revoke", header, {"token": tokens[name]})
        assert answer.error == (401, "invalid_client")
    assert world.userinfo(tokens["access_token"]).status == 200
    assert world.refresh(tokens["refresh_token"]).status == 200


@pytest.mark.parametrize(
    "form", [[], [("token", "")], [("token_type_hint", "access_token")], [("token", "x"), ("token", "x")]]
)
def test_a_token_that_is_missing_empty_or_repeated_is_an_invalid_request(
    world: GrantsWorld, form: list[tuple[str, str]]
) -> None:
    assert world.post_pairs("/token/revoke", form).error == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/token/revoke", "/token/introspect"])
def test_a_token_never_travels_in_the_url_or_as_json(world: GrantsWorld, path: str) -> None:
    event = http_event(f"POST {path}", query={"token": "x"}, form={"token": "x"}, headers=basic("example-app"))
    assert world.send(event).error == (400, "invalid_request")
    headers = basic("example-app") | {"content-type": "application/json"}
    assert world.send(http_event(f"POST {path}", body='{"token":"x"}', headers=headers)).error == (
        400,
        "invalid_request",
    )


def test_when_the_table_cannot_be_reached_it_is_a_503_that_may_be_sent_again(
    world: GrantsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = world.tokens("offline_access")

    def unreachable(*_: object) -> None:
        raise temporarily_unavailable("the token store can't be reached", retry_after=3)

    monkeypatch.setattr(world.memory, "deny", unreachable)
    monkeypatch.setattr(world.memory, "revoke", unreachable)
    for name in ("access_token", "refresh_token"):
        answer = world.revoke(tokens[name])
        assert (answer.error, answer.headers["Retry-After"]) == ((503, "temporarily_unavailable"), "3")


def test_it_is_there_whatever_grants_are_served(world: GrantsWorld) -> None:
    off = GRANTS.replace("oauth2:\n  passwordConnector: local\n", "oauth2: {grantTypes: [client_credentials]}\n")
    world.configure(off + "    reuseInterval: 0s\n")
    token = world.client_token()
    assert world.post(grant_type=EXCHANGE, client_id="example-app", client_secret=SECRET).status == 400
    assert world.revoke(token).status == 200
    assert world.introspect(token).body == {"active": False}
