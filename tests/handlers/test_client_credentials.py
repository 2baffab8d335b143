"""The client credentials grant, as a client sees it (RFC 6749 §4.4)."""

from __future__ import annotations

import jwt
import pytest

from sundial.tokens.jwt import half_hash
from tests.support.families import LOGIN_AT
from tests.support.grants_world import API, FILES, GRANTS, GrantsWorld
from tests.support.token_world import SECRET, claims_of

GRANT = "client_credentials"
PEER = "audience:server:client_id:builds"


@pytest.fixture
def world() -> GrantsWorld:
    return GrantsWorld()


def test_a_client_gets_an_access_token_for_itself_without_a_network_call(world: GrantsWorld) -> None:
    answer = world.ask(GRANT)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body.keys() == {"access_token", "token_type", "expires_in"}
    assert world.calls == []
    token = answer.body["access_token"]
    claims = claims_of(token)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert claims.pop("jti")
    assert claims == {
        "iss": "https://id.example.com",
        "sub": "example-app",
        "aud": "example-app",
        "client_id": "example-app",
        "iat": LOGIN_AT,
        "exp": LOGIN_AT + 3600,
    }


def test_with_openid_there_is_an_id_token_that_says_what_the_scopes_allow_as_in_dex(world: GrantsWorld) -> None:
    answer = world.ask(GRANT, scope="openid profile groups email", nonce="n-0S6")
    assert answer.body["scope"] == "email groups openid profile"
    assert claims_of(answer.body["id_token"]) == {
        "iss": "https://id.example.com",
        "sub": "example-app",
        "aud": "example-app",
        "iat": LOGIN_AT,
        "exp": LOGIN_AT + 3600,
        "nonce": "n-0S6",
        "at_hash": half_hash(answer.body["access_token"], "RS256"),
        "name": "Example App",
        "preferred_username": "Example App",
        "groups": ["robots"],
    }
    assert "refresh_token" not in answer.body


def test_no_token_of_a_client_has_a_login_behind_it(world: GrantsWorld) -> None:
    body = world.ask(GRANT, scope="openid").body
    for token in (body["access_token"], body["id_token"]):
        assert not claims_of(token).keys() & {"sid", "auth_time"}
    assert world.userinfo(body["access_token"]).error == (401, "invalid_token")


def test_a_public_client_has_no_credentials(world: GrantsWorld) -> None:
    assert world.post(grant_type=GRANT, client_id="example-cli").error == (400, "unauthorized_client")


@pytest.mark.parametrize("form", [{"client_secret": "wrong"}, {"client_secret": ""}, {"client_id": "nobody"}])
def test_a_client_that_is_not_who_it_says_gets_nothing(world: GrantsWorld, form: dict[str, str]) -> None:
    assert world.ask(GRANT, **form).error == (401, "invalid_client")


@pytest.mark.parametrize("scope", ["offline_access", "openid federated:id", "openid write", "openid " + PEER + "x"])
def test_a_scope_that_a_client_cannot_have_for_itself_is_invalid(world: GrantsWorld, scope: str) -> None:
    assert world.ask(GRANT, scope=scope).error == (400, "invalid_scope")


def test_more_scopes_than_anybody_needs_are_refused(world: GrantsWorld) -> None:
    assert world.ask(GRANT, scope=" ".join(f"s{n}" for n in range(65))).error == (400, "invalid_scope")


def test_a_token_may_be_for_a_peer_that_trusts_the_client(world: GrantsWorld) -> None:
    body = world.ask(GRANT, scope=f"openid {PEER}").body
    assert claims_of(body["access_token"])["aud"] == ["builds", "example-app"]
    id_token = claims_of(body["id_token"])
    assert (id_token["aud"], id_token["azp"]) == (["builds", "example-app"], "example-app")
    assert world.ask(GRANT, client_id="another-app", scope=PEER).error == (400, "invalid_scope")


def test_a_token_may_be_for_the_apis_of_the_client(world: GrantsWorld) -> None:
    assert claims_of(world.client_token(resource=API))["aud"] == API
    pairs = [("grant_type", GRANT), ("resource", FILES), ("resource", API), ("resource", API)]
    assert claims_of(world.post_pairs("/token", pairs).body["access_token"])["aud"] == [FILES, API]


@pytest.mark.parametrize("resource", ["https://other.example.com", API + "/", "api", API + "#x", "https://[", "é:x"])
def test_an_api_that_is_not_the_clients_is_an_invalid_target(world: GrantsWorld, resource: str) -> None:
    assert world.ask(GRANT, resource=resource).error == (400, "invalid_target")


def test_more_apis_than_one_token_is_for_are_refused(world: GrantsWorld) -> None:
    resource = " ".join(f"https://api{n}.example.com" for n in range(17))
    assert world.ask(GRANT, resource=resource).error == (400, "invalid_target")


def test_a_nonce_has_its_limit(world: GrantsWorld) -> None:
    assert world.ask(GRANT, scope="openid", nonce="n" * 513).error == (400, "invalid_request")


def test_a_client_may_have_a_lifetime_of_its_own() -> None:
    world = GrantsWorld()
    own = f"secret: {SECRET}\n    expiry: {{idTokens: 5m}}"
    world.configure(GRANTS.replace(f"secret: {SECRET}", own, 1) + "    reuseInterval: 0s\n")
    answer = world.ask(GRANT)
    assert answer.body["expires_in"] == 300
    assert claims_of(answer.body["access_token"])["exp"] == LOGIN_AT + 300


def test_the_grant_can_be_turned_off(world: GrantsWorld) -> None:
    off = GRANTS.replace("oauth2:\n  passwordConnector: local\n", "oauth2: {grantTypes: [authorization_code]}\n")
    world.configure(off + "    reuseInterval: 0s\n")
    assert world.ask(GRANT).error == (400, "unsupported_grant_type")


def test_without_a_key_that_may_sign_it_is_a_503(world: GrantsWorld) -> None:
    world.ring.broken = True
    assert world.ask(GRANT).error == (503, "temporarily_unavailable")
