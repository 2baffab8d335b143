"""POST /token/introspect, as a client and as a resource server see it (RFC 7662)."""

from __future__ import annotations

import jwt
import pytest

from sundial.errors import temporarily_unavailable
from sundial.tokens.subject import subject
from tests.support.families import LOGIN_AT
from tests.support.grants_world import ACCESS_TOKEN, API, GRANTS, ID_TOKEN, GrantsWorld, basic
from tests.support.signers import signers
from tests.support.token_world import SECRET, USER_ID, Answer, claims_of

INACTIVE = {"active": False}


@pytest.fixture
def world() -> GrantsWorld:
    return GrantsWorld()


def assert_inactive(answer: Answer) -> None:
    assert (answer.status, answer.body) == (200, INACTIVE)


# Access tokens


def test_an_access_token_is_told_of_in_one_network_call(world: GrantsWorld) -> None:
    token = world.tokens("email", "profile", "groups")["access_token"]
    world.calls.clear()
    answer = world.introspect(token)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.calls == ["standing"]
    assert answer.body == {
        "active": True,
        "token_type": "Bearer",
        "token_use": "access_token",
        "iss": "https://id.example.com",
        "sub": subject(USER_ID, "local"),
        "aud": "example-app",
        "client_id": "example-app",
        "scope": "email groups openid profile",
        "iat": LOGIN_AT,
        "nbf": LOGIN_AT,
        "exp": LOGIN_AT + 3600,
        "auth_time": LOGIN_AT,
        "jti": claims_of(token)["jti"],
        "sid": claims_of(token)["sid"],
        "username": "admin",
        "ext": {
            "email": "admin@example.com",
            "email_verified": True,
            "name": "admin",
            "groups": ["ops"],
        },
    }


def test_no_more_is_told_of_the_user_than_the_scopes_allow(world: GrantsWorld) -> None:
    assert not world.introspect(world.tokens()["access_token"]).body.keys() & {"username", "ext"}


def test_federated_id_says_which_account_it_was_wherever_the_user_is_told_of(world: GrantsWorld) -> None:
    account = {"connector_id": "local", "user_id": USER_ID}
    tokens = world.tokens("federated:id", "offline_access")
    refreshed = world.refresh(tokens["refresh_token"]).body
    for told in (
        claims_of(tokens["id_token"]),
        claims_of(refreshed["id_token"]),
        world.userinfo(refreshed["access_token"]).body,
        world.introspect(refreshed["access_token"]).body["ext"],
    ):
        assert told["federated_claims"] == account
    assert "federated_claims" not in claims_of(world.tokens("profile")["id_token"])
    exchanged = world.exchange(refreshed["id_token"], subject_token_type=ID_TOKEN).body
    assert exchanged["scope"] == "federated:id openid"


def test_a_clients_own_token_is_told_of_without_a_user(world: GrantsWorld) -> None:
    answer = world.introspect(world.client_token(scope="openid profile"))
    assert answer.body["active"]
    assert answer.body["sub"] == "example-app"
    assert not answer.body.keys() & {"username", "ext", "sid"}
    assert world.calls == ["standing"]


def test_a_client_may_ask_about_tokens_that_are_for_it(world: GrantsWorld) -> None:
    token = world.exchange(world.tokens()["access_token"], audience="builds").body["access_token"]
    assert world.introspect(token, client_id="builds").body["active"]
    assert world.introspect(token).body["active"]
    assert_inactive(world.introspect(token, client_id="another-app"))


def test_the_server_of_an_api_may_ask_about_tokens_for_it_and_is_not_told_of_the_user(world: GrantsWorld) -> None:
    token = world.exchange(world.tokens("email")["access_token"], resource=API).body["access_token"]
    answer = world.introspect(token, client_id=API)
    assert answer.body["active"]
    assert answer.body["aud"] == API
    assert "ext" not in answer.body
    assert world.userinfo(token).error == (401, "invalid_token"), "it is not for userinfo either"


def test_another_clients_token_is_inactive_and_costs_nothing(world: GrantsWorld) -> None:
    token = world.tokens()["access_token"]
    world.calls.clear()
    assert_inactive(world.introspect(token, client_id="another-app"))
    assert world.calls == []


def test_who_acts_is_told(world: GrantsWorld) -> None:
    actor = {"actor_token": world.client_token(), "actor_token_type": ACCESS_TOKEN}
    token = world.exchange(world.tokens()["access_token"], **actor).body["access_token"]
    assert world.introspect(token).body["act"] == {"sub": "example-app"}


def test_a_forged_token_costs_no_network_call(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    header, payload, _ = tokens["access_token"].split(".")
    claims = claims_of(tokens["access_token"])
    world.calls.clear()
    for forged in (
        f"{header}.{payload}.AAAA",
        jwt.encode(claims, signers()["ES256"].key, "ES256", {"kid": "rsa-key", "typ": "at+jwt"}),
        jwt.encode(claims, "", "none", {"kid": "rsa-key", "typ": "at+jwt"}),
        jwt.encode(
            claims | {"iss": "https://evil"}, signers()["RS256"].key, "RS256", {"kid": "rsa-key", "typ": "at+jwt"}
        ),
        tokens["refresh_token"][:-2] + "AA",
        "sundial_rt_",
        "not a token",
        "x" * 60_000,
        "é",
    ):
        assert_inactive(world.introspect(forged))
    assert world.calls == []


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_every_algorithm_of_the_ring_is_read(alg: str) -> None:
    world = GrantsWorld()
    order = {"RS256": "[RS256, ES256]", "ES256": "[ES256, RS256]"}[alg]
    world.configure(GRANTS.replace("[RS256, ES256]", order) + "    reuseInterval: 0s\n")
    token = world.tokens()["access_token"]
    assert jwt.get_unverified_header(token)["alg"] == alg
    assert world.introspect(token).body["active"]


def test_an_id_token_is_not_an_access_token(world: GrantsWorld) -> None:
    assert_inactive(world.introspect(world.tokens()["id_token"]))


def test_a_token_is_inactive_from_the_second_it_expires(world: GrantsWorld) -> None:
    token = world.tokens()["access_token"]
    world.now += 3599
    assert world.introspect(token).body["active"]
    world.now += 1
    assert_inactive(world.introspect(token))


def test_a_revoked_token_a_revoked_login_and_a_revoked_key_make_it_inactive_at_once(world: GrantsWorld) -> None:
    revoked = world.tokens()["access_token"]
    world.revoke(revoked)
    assert_inactive(world.introspect(revoked))
    ended = world.tokens("offline_access")
    world.revoke(ended["refresh_token"])
    assert_inactive(world.introspect(ended["access_token"]))
    signed = world.tokens()["access_token"]
    assert world.introspect(signed).body["active"]
    world.bearers.withdraw("rsa-key")
    assert_inactive(world.introspect(signed))


def test_what_is_older_than_the_watermark_is_inactive(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    world.bearers.raise_watermark(LOGIN_AT + 1)
    world.ring.not_before = LOGIN_AT + 1
    assert_inactive(world.introspect(tokens["access_token"]))
    assert_inactive(world.introspect(tokens["refresh_token"]))


def test_the_tokens_of_a_client_that_is_gone_are_inactive(world: GrantsWorld) -> None:
    token = world.exchange(world.tokens()["access_token"], audience="builds").body["access_token"]
    world.configure(GRANTS.replace("- id: example-app\n", "- id: renamed-app\n") + "    reuseInterval: 0s\n")
    assert_inactive(world.introspect(token, client_id="builds"))


def test_a_login_whose_item_is_gone_is_over(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    world.memory.families.clear()
    assert_inactive(world.introspect(tokens["access_token"]))
    assert_inactive(world.introspect(tokens["refresh_token"]))


# Refresh tokens


def test_a_refresh_token_is_told_of_in_one_network_call_and_asking_is_no_use_of_it(world: GrantsWorld) -> None:
    world.configure(GRANTS + "    absoluteLifetime: 100h\n    validIfNotUsedFor: 10h\n")
    token = world.tokens("email", "offline_access")["refresh_token"]
    before = world.only_family
    world.calls.clear()
    world.now += 50
    answer = world.introspect(token)
    assert world.calls == ["get"]
    assert answer.body == {
        "active": True,
        "token_use": "refresh_token",
        "iss": "https://id.example.com",
        "sub": subject(USER_ID, "local"),
        "aud": "example-app",
        "client_id": "example-app",
        "iat": LOGIN_AT,
        "nbf": LOGIN_AT,
        "sid": before.family_id,
        "scope": "email offline_access openid",
        "exp": LOGIN_AT + 36001,
        "ext": {"email": "admin@example.com", "email_verified": True},
    }
    assert world.only_family == before
    assert world.refresh(token).status == 200


def test_a_refresh_token_is_inactive_at_its_exp_and_active_a_second_before(world: GrantsWorld) -> None:
    world.configure(GRANTS + "    validIfNotUsedFor: 10h\n")
    token = world.tokens("offline_access")["refresh_token"]
    expires_at = world.introspect(token).body["exp"]
    world.now = expires_at - 1
    assert world.introspect(token).body["active"]
    world.now = expires_at
    assert_inactive(world.introspect(token))


def test_a_refresh_token_without_limits_has_no_exp(world: GrantsWorld) -> None:
    assert "exp" not in world.introspect(world.tokens("offline_access")["refresh_token"]).body


def test_a_superseded_refresh_token_is_active_for_as_long_as_it_answers(world: GrantsWorld) -> None:
    world.configure(GRANTS + "    reuseInterval: 30s\n")
    first = world.tokens("offline_access")["refresh_token"]
    world.now += 31
    second = world.refresh(first).body["refresh_token"]
    world.now += 30
    assert world.introspect(first).body["active"]
    world.now += 1
    assert_inactive(world.introspect(first))
    assert world.introspect(second).body["active"], "asking about a superseded token is no replay of it"


def test_another_clients_refresh_token_is_inactive_and_costs_nothing(world: GrantsWorld) -> None:
    token = world.tokens("offline_access")["refresh_token"]
    world.calls.clear()
    assert_inactive(world.introspect(token, client_id="another-app"))
    assert world.calls == []


def test_the_refresh_token_of_a_connector_that_is_gone_is_inactive(world: GrantsWorld) -> None:
    world.memory.families.clear()
    token = world.tokens("offline_access", connector_id="upstream")["refresh_token"]
    world.more_connectors = ()
    world.use(world.config)
    assert_inactive(world.introspect(token))


# The request


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "magic"])
def test_a_hint_is_only_a_hint(world: GrantsWorld, hint: str) -> None:
    tokens = world.tokens("offline_access")
    for name in ("access_token", "refresh_token"):
        assert world.introspect(tokens[name], token_type_hint=hint).body["active"]


@pytest.mark.parametrize(
    "header",
    [basic("example-app", "wrong"), basic("nobody"), {"Authorization": "Bearer x"}, {"Authorization": "Basic"}],
)
def test_without_authentication_nothing_is_told(world: GrantsWorld, header: dict[str, str]) -> None:
    answer = world.post_to("/token/introspect", header, {"token": world.tokens()["access_token"]})
    assert answer.error == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_client_may_authenticate_in_the_body(world: GrantsWorld) -> None:
    form = {"token": world.tokens()["access_token"], "client_id": "example-app", "client_secret": SECRET}
    assert world.post_to("/token/introspect", {}, form).body["active"]


def test_a_public_client_cannot_authenticate_and_is_told_nothing(world: GrantsWorld) -> None:
    token = world.tokens(client_id="example-app")["access_token"]
    answer = world.post_to("/token/introspect", {}, {"token": token, "client_id": "example-cli"})
    assert answer.error == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "form",
    [
        [],
        [("token", "")],
        [("token_type_hint", "access_token")],
        [("token", "x"), ("token", "x")],
        [("token", "x"), ("token_type_hint", "a"), ("token_type_hint", "a")],
    ],
)
def test_a_token_that_is_missing_empty_or_repeated_is_an_invalid_request(
    world: GrantsWorld, form: list[tuple[str, str]]
) -> None:
    assert world.post_pairs("/token/introspect", form).error == (400, "invalid_request")


def test_when_nobody_can_tell_it_is_a_503_and_not_inactive(world: GrantsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = world.tokens("offline_access")

    def unreachable(*_: object) -> None:
        raise temporarily_unavailable("the token store can't be reached")

    monkeypatch.setattr(world.bearers, "standing", unreachable)
    monkeypatch.setattr(world.memory, "get", unreachable)
    assert world.introspect(tokens["access_token"]).error == (503, "temporarily_unavailable")
    assert world.introspect(tokens["refresh_token"]).error == (503, "temporarily_unavailable")
