"""POST /token, as a client sees it (RFC 6749 §3.2, §4.1.3 and §5)."""

from __future__ import annotations

from base64 import b64encode

import jwt
import pytest

from sundial.expiry.family import PendingCode
from sundial.tokens.jwt import half_hash
from sundial.tokens.subject import subject
from tests.support.events import http_event
from tests.support.families import LOGIN_AT, REDIRECT_URI, MemoryFamilies
from tests.support.token_world import CONFIG, SECRET, USER_ID, TokenWorld, claims_of

# RFC 7636, Appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def world() -> TokenWorld:
    return TokenWorld()


def calls(world: TokenWorld) -> list[str]:
    assert isinstance(world.families, MemoryFamilies)
    return world.families.calls


def test_a_code_gives_an_id_token_an_access_token_and_a_refresh_token(world: TokenWorld) -> None:
    code = world.log_in(nonce="n-0S6")
    answer = world.redeem(code)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.body["token_type"] == "bearer"
    assert answer.body["expires_in"] == 3600
    assert answer.body["refresh_token"].startswith("sundial_rt_")
    claims = claims_of(answer.body["id_token"])
    assert claims == {
        "iss": "https://id.example.com",
        "sub": subject(USER_ID, "local"),
        "aud": "example-app",
        "iat": LOGIN_AT,
        "exp": LOGIN_AT + 3600,
        "auth_time": LOGIN_AT,
        "sid": next(iter(world.memory.families)),
        "nonce": "n-0S6",
        "at_hash": half_hash(answer.body["access_token"], "RS256"),
        "c_hash": half_hash(code, "RS256"),
        "email": "admin@example.com",
        "email_verified": True,
    }
    refreshed = world.refresh(answer.body["refresh_token"])
    assert "c_hash" not in claims_of(refreshed.body["id_token"]), "which no code was exchanged for"


def test_an_access_token_is_what_rfc_9068_says(world: TokenWorld) -> None:
    token = world.redeem(world.log_in()).body["access_token"]
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["kid"], header["alg"]) == ("at+jwt", "rsa-key", "RS256")
    claims = claims_of(token)
    assert claims["client_id"] == claims["aud"] == "example-app"
    assert claims["scope"] == "email offline_access openid"
    of_rfc_9068 = {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "auth_time", "scope"}
    assert claims.keys() == of_rfc_9068 | {"sid"}, "and nothing of the user (§6)"
    assert jwt.get_unverified_header(world.redeem(world.log_in()).body["id_token"])["typ"] == "JWT"


def test_an_access_token_says_when_its_user_logged_in_however_often_it_is_refreshed(world: TokenWorld) -> None:
    answer = world.redeem(world.log_in(auth_time=LOGIN_AT - 60))
    for _ in range(3):
        assert claims_of(answer.body["access_token"])["auth_time"] == LOGIN_AT - 60
        world.now += 100
        answer = world.refresh(answer.body["refresh_token"])


def test_without_offline_access_there_is_no_refresh_token(world: TokenWorld) -> None:
    answer = world.redeem(world.log_in(scopes=frozenset(("openid",))))
    assert "refresh_token" not in answer.body
    assert answer.body["scope"] == "openid"


def test_a_code_exchange_is_one_network_call(world: TokenWorld) -> None:
    code = world.log_in()
    calls(world).clear()
    world.redeem(code)
    assert calls(world) == ["redeem"]


def test_a_code_works_once_and_a_second_use_revokes_what_the_first_one_got(world: TokenWorld) -> None:
    code = world.log_in()
    first = world.redeem(code).body
    assert world.redeem(code).error == (400, "invalid_grant")
    assert world.refresh(first["refresh_token"]).error == (400, "invalid_grant")


@pytest.mark.parametrize(
    "mistake",
    [
        {"redirect_uri": "http://127.0.0.1:5555/elsewhere"},
        {"client_id": "another-app"},
        {"code_verifier": VERIFIER},
        {"client_secret": "wrong"},
        {"grant_type": "refresh_token"},
    ],
)
def test_a_mistake_of_the_client_leaves_the_code_usable(world: TokenWorld, mistake: dict[str, str]) -> None:
    code = world.log_in()
    assert world.redeem(code, **mistake).status in (400, 401)
    assert world.redeem(code).status == 200


@pytest.mark.parametrize("verifier", [VERIFIER[::-1], CHALLENGE, ""])
@pytest.mark.parametrize("challenge", [f"S256:{CHALLENGE}", f"plain:{VERIFIER}"])
def test_another_verifier_or_none_is_an_invalid_grant_and_leaves_the_code_usable(
    world: TokenWorld, challenge: str, verifier: str
) -> None:
    code = world.log_in(code=PendingCode(LOGIN_AT + 60, REDIRECT_URI, challenge))
    assert world.redeem(code, code_verifier=verifier).error == (400, "invalid_grant")
    assert world.redeem(code, code_verifier=VERIFIER).status == 200


def test_a_code_expires(world: TokenWorld) -> None:
    code, late = world.log_in(), world.log_in()
    world.now += 60
    assert world.redeem(code).status == 200
    world.now += 1
    assert world.redeem(late).error == (400, "invalid_grant")


def test_a_forged_code_costs_no_network_call(world: TokenWorld) -> None:
    code = world.log_in()
    calls(world).clear()
    assert world.redeem(code[:-1] + ("A" if code[-1] != "A" else "E")).error == (400, "invalid_grant")
    assert world.redeem("x").error == (400, "invalid_grant")
    assert calls(world) == []


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


def test_a_client_may_authenticate_by_http_basic(world: TokenWorld) -> None:
    form = {"grant_type": "authorization_code", "code": world.log_in(), "redirect_uri": REDIRECT_URI}
    assert world.post(basic("example-app", SECRET), **form).status == 200


@pytest.mark.parametrize(
    "header", [basic("example-app", "wrong"), basic("nobody", SECRET), {"Authorization": "Bearer x"}]
)
def test_a_failed_basic_authentication_is_a_401_with_a_challenge(world: TokenWorld, header: dict[str, str]) -> None:
    answer = world.post(header, grant_type="refresh_token", refresh_token="x")
    assert answer.error == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic /w=="])
def test_a_malformed_basic_header_is_a_401(world: TokenWorld, header: str) -> None:
    assert world.post({"Authorization": header}, grant_type="refresh_token").error == (401, "invalid_client")


def test_a_client_that_authenticates_twice_is_told_so(world: TokenWorld) -> None:
    answer = world.post(basic("example-app", SECRET), grant_type="refresh_token", client_secret=SECRET)
    assert answer.error == (400, "invalid_request")


def test_unknown_clients_and_wrong_secrets_read_the_same(world: TokenWorld) -> None:
    unknown = world.post(client_id="nobody", client_secret=SECRET, grant_type="refresh_token")
    wrong = world.post(client_id="example-app", client_secret="wrong", grant_type="refresh_token")
    none = world.post(client_id="example-app", grant_type="refresh_token")
    assert unknown.body == wrong.body == none.body
    assert unknown.status == wrong.status == none.status == 401


def test_a_public_client_has_no_secret_and_may_not_send_one(world: TokenWorld) -> None:
    code = world.log_in(client_id="example-cli")
    assert world.redeem(code, client_id="example-cli").error == (401, "invalid_client")
    assert world.redeem(code, client_id="example-cli", client_secret="").status == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, (400, "invalid_request")),
        ({"grant_type": ""}, (400, "invalid_request")),
        ({"grant_type": "magic"}, (400, "unsupported_grant_type")),
        ({"grant_type": "authorization_code"}, (400, "invalid_request")),
        ({"grant_type": "authorization_code", "code": "x"}, (400, "invalid_request")),
        ({"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI}, (400, "invalid_request")),
        (
            {"grant_type": "authorization_code", "code": "x", "redirect_uri": "y", "code_verifier": "short"},
            (400, "invalid_request"),
        ),
        ({"grant_type": "refresh_token"}, (400, "invalid_request")),
    ],
)
def test_what_is_missing_or_malformed_is_named(world: TokenWorld, form: dict[str, str], error: tuple[int, str]) -> None:
    answer = world.post(basic("example-app", SECRET), **form)
    assert answer.error == error
    assert answer.body["error_description"]


def test_a_repeated_parameter_is_an_invalid_request(world: TokenWorld) -> None:
    pairs = [("grant_type", "refresh_token"), ("grant_type", "refresh_token")]
    assert world.send(http_event("POST /token", form=pairs)).error == (400, "invalid_request")


@pytest.mark.parametrize(
    "event",
    [
        http_event("POST /token", body='{"grant_type":"refresh_token"}', headers={"content-type": "application/json"}),
        http_event("POST /token"),
        http_event("POST /token", body=b"\xff", headers={"content-type": "application/x-www-form-urlencoded"}),
        http_event("POST /token", body="a=%ff", headers={"content-type": "application/x-www-form-urlencoded"}),
        http_event("POST /token", query={"grant_type": "refresh_token"}, form={"client_id": "example-app"}),
        http_event("POST /token", form=[(f"p{n}", "1") for n in range(101)]),
        http_event("POST /token", body="é=1", headers={"content-type": "application/x-www-form-urlencoded"})
        | {"isBase64Encoded": True},
    ],
)
def test_a_malformed_body_is_a_400(world: TokenWorld, event: dict[str, object]) -> None:
    assert world.send(event).error == (400, "invalid_request")


def test_a_body_of_more_than_64_kib_is_refused_before_it_is_parsed(world: TokenWorld) -> None:
    assert world.send(http_event("POST /token", form={"code": "x" * 70_000})).error == (413, "invalid_request")


def test_a_client_may_have_its_id_tokens_signed_by_another_algorithm() -> None:
    world = TokenWorld()
    world.configure(CONFIG.replace("- id: example-app\n", "- id: example-app\n    idTokenSignedResponseAlg: ES256\n"))
    answer = world.redeem(world.log_in())
    assert jwt.get_unverified_header(answer.body["id_token"])["alg"] == "ES256"
    assert jwt.get_unverified_header(answer.body["access_token"])["alg"] == "RS256"
    assert claims_of(answer.body["id_token"])["at_hash"] == half_hash(answer.body["access_token"], "ES256")


def test_every_answer_carries_the_correlation_id(world: TokenWorld) -> None:
    answer = world.send(http_event("POST /token", form={"client_id": "x"}, request_id="the-id"))
    assert answer.headers["X-Correlation-Id"] == "the-id"
