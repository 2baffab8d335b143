"""/userinfo, as the bearer of an access token sees it (OpenID Connect Core §5.3, RFC 6750)."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest

from sundial.expiry.family import Claims
from sundial.keys.jwks import PublicKeys
from sundial.userinfo import UserInfo
from sundial.web.edge import Edge
from tests.support.events import http_event
from tests.support.families import LOGIN_AT
from tests.support.signers import signers
from tests.support.token_world import USER_ID, Answer, TokenWorld, claims_of


class World(TokenWorld):
    """The token endpoint, and userinfo beside it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        endpoint = UserInfo(self.bearers, self.config.issuer)
        routes = {"GET /userinfo": endpoint, "POST /userinfo": endpoint}
        self.userinfo_edge = Edge("userinfo", routes, self.config, clock=lambda: self.now)

    def access_token(self, *scopes: str) -> str:
        return str(self.redeem(self.log_in(scopes=frozenset(("openid", *scopes)))).body["access_token"])

    def userinfo(self, token: str | None, **event: Any) -> Answer:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        response = self.userinfo_edge(http_event(**{"route": "GET /userinfo", "headers": headers} | event))
        return Answer(response["statusCode"], response["headers"], json.loads(response["body"]))


@pytest.fixture
def world() -> World:
    return World()


def test_it_says_what_the_scopes_of_the_token_allow_and_no_more(world: World) -> None:
    assert set(world.userinfo(world.access_token()).body) == {"sub"}
    answer = world.userinfo(world.access_token("email", "groups", "profile"))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body.items() >= {"email": "admin@example.com", "email_verified": True, "name": "admin"}.items()
    assert answer.body["groups"] == ["ops"]


def test_what_is_not_known_of_the_user_is_left_out(world: World) -> None:
    scopes = frozenset(("openid", "email", "groups", "profile"))
    code = world.log_in(scopes=scopes, claims=Claims(USER_ID, username="jane"))
    assert world.userinfo(world.redeem(code).body["access_token"]).body.keys() == {"sub", "name"}


def test_the_sub_is_the_id_tokens(world: World) -> None:
    tokens = world.redeem(world.log_in()).body
    assert world.userinfo(tokens["access_token"]).body["sub"] == claims_of(tokens["id_token"])["sub"]


def test_the_token_may_come_in_the_form_of_a_post(world: World) -> None:
    form = {"access_token": world.access_token()}
    assert world.userinfo(None, route="POST /userinfo", form=form).status == 200


def test_a_token_sent_twice_is_an_invalid_request(world: World) -> None:
    token = world.access_token()
    answer = world.userinfo(token, route="POST /userinfo", form={"access_token": token})
    assert answer.error == (400, "invalid_request")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sundial", error="invalid_request"'  # RFC 6750 §3


def test_a_token_in_the_url_is_no_token(world: World) -> None:
    answer = world.userinfo(None, query={"access_token": world.access_token()})
    assert answer.status == 401


@pytest.mark.parametrize("header", [None, "Basic Zm9vOmJhcg=="])
def test_without_a_token_the_challenge_names_no_error(world: World, header: str | None) -> None:
    answer = world.userinfo(None, headers={"Authorization": header} if header else {})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sundial"'


@pytest.mark.parametrize(
    "spoil",
    ["{}x", "x{}", "{0}, Bearer {0}", "{0} {0}", '"{}"', "{}\r\nX: y", "{}\0", "x" * 60_000, "\u00fc", "a.b.c", "..."],
)
def test_a_token_that_is_not_exactly_one_of_ours_is_an_invalid_token(world: World, spoil: str) -> None:
    token = world.access_token()
    world.userinfo(token)
    world.bearers.calls = 0
    answers = [world.userinfo(spoil.format(token))]
    answers += [world.userinfo(None, route="POST /userinfo", form={"access_token": spoil.format(token)})]
    for answer in answers:
        assert answer.error == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="sundial", error="invalid_token", error_')
        assert answer.headers["WWW-Authenticate"].isascii()
    assert world.bearers.calls == 0


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer   "])
def test_an_empty_token_is_none(world: World, header: str) -> None:
    assert world.userinfo(None, headers={"Authorization": header}).status == 401
    assert world.userinfo(None, route="POST /userinfo", form={"access_token": ""}).status == 401


def test_a_form_that_repeats_the_token_or_is_none_is_an_invalid_request(world: World) -> None:
    token = world.access_token()
    pairs = [("access_token", token), ("access_token", token)]
    as_json = {"body": "{}", "headers": {"Content-Type": "application/json"}}
    for event in ({"form": pairs}, as_json):
        answer = world.userinfo(None, route="POST /userinfo", **event)
        assert answer.error == (400, "invalid_request")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sundial", error="invalid_request"'


def test_an_id_token_is_not_an_access_token(world: World) -> None:
    answer = world.userinfo(world.redeem(world.log_in()).body["id_token"])
    assert answer.error == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_an_expired_token_is_refused_at_the_second_it_expires(world: World) -> None:
    token = world.access_token()
    world.now += 3599
    assert world.userinfo(token).status == 200
    world.now += 1
    assert world.userinfo(token).error == (401, "invalid_token")


def test_a_good_token_costs_one_network_call_and_a_forged_one_none(world: World) -> None:
    token = world.access_token()
    world.userinfo(token)
    world.bearers.calls = 0
    world.userinfo(token)
    assert world.bearers.calls == 1
    header, payload, _ = token.split(".")
    forged = jwt.encode(claims_of(token), signers()["ES256"].key, "ES256", {"kid": "rsa-key", "typ": "at+jwt"})
    unsigned = jwt.encode(claims_of(token), "", "none", {"kid": "rsa-key", "typ": "at+jwt"})
    for bad in (f"{header}.{payload}.AAAA", forged, unsigned, "not a token", "a.b.c"):
        assert world.userinfo(bad).error == (401, "invalid_token")
    assert world.bearers.calls == 1


def test_an_unknown_kid_is_looked_up_no_more_than_once_in_a_while(world: World) -> None:
    world.userinfo(world.access_token())
    world.bearers.calls = 0
    world.now += 20
    stranger = jwt.encode({"iss": "x"}, signers()["RS256"].key, "RS256", {"kid": "stranger", "typ": "at+jwt"})
    for _ in range(5):
        assert world.userinfo(stranger).error == (401, "invalid_token")
    assert world.bearers.calls == 1


def test_another_issuers_token_is_refused(world: World) -> None:
    claims = claims_of(world.access_token()) | {"iss": "https://evil.example.com"}
    token = jwt.encode(claims, signers()["RS256"].key, "RS256", {"kid": "rsa-key", "typ": "at+jwt"})
    assert world.userinfo(token).error == (401, "invalid_token")


def test_an_access_token_survives_a_rotation_and_dies_with_a_revocation(world: World) -> None:
    tokens = world.redeem(world.log_in()).body
    successor = world.refresh(tokens["refresh_token"]).body
    assert world.userinfo(tokens["access_token"]).status == 200
    world.refresh(tokens["refresh_token"])
    assert world.userinfo(tokens["access_token"]).error == (401, "invalid_token")
    assert world.userinfo(successor["access_token"]).error == (401, "invalid_token")


def test_an_access_token_dies_with_the_second_use_of_its_code(world: World) -> None:
    code = world.log_in(scopes=frozenset(("openid",)))
    token = world.redeem(code).body["access_token"]
    world.redeem(code)
    assert world.userinfo(token).error == (401, "invalid_token")


def test_what_a_revoked_key_signed_is_refused_at_once(world: World) -> None:
    token = world.access_token()
    assert world.userinfo(token).status == 200
    world.bearers.keys = PublicKeys(serial=2, as_of=LOGIN_AT, keys=())
    assert world.userinfo(token).error == (401, "invalid_token")


def test_a_new_key_is_known_as_soon_as_it_signs(world: World) -> None:
    all_keys = world.bearers.keys
    assert all_keys is not None
    world.bearers.keys = PublicKeys(serial=1, as_of=LOGIN_AT, keys=())
    assert world.userinfo(world.access_token()).error == (401, "invalid_token")
    world.bearers.keys = PublicKeys(serial=2, as_of=LOGIN_AT + 1, keys=all_keys.keys)
    world.now += 10
    assert world.userinfo(world.access_token()).status == 200


def test_the_operators_watermark_ends_access_tokens_too(world: World) -> None:
    token = world.access_token()
    keys = world.bearers.keys
    assert keys is not None
    world.bearers.keys = PublicKeys(serial=2, as_of=LOGIN_AT, keys=keys.keys, not_before=LOGIN_AT + 1)
    assert world.userinfo(token).error == (401, "invalid_token")


def test_before_any_key_is_published_it_is_a_503(world: World) -> None:
    world.bearers.keys = None
    assert world.userinfo(world.access_token()).error == (503, "temporarily_unavailable")


def test_a_login_whose_item_is_gone_is_over(world: World) -> None:
    token = world.access_token()
    world.bearers.families.families.clear()
    assert world.userinfo(token).error == (401, "invalid_token")
