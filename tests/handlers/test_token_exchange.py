"""Token exchange, as a client sees it (RFC 8693; Dex: `connector_id`)."""

from __future__ import annotations

import jwt
import pytest

from sundial.errors import access_denied, temporarily_unavailable
from sundial.tokens.subject import subject
from tests.support.families import LOGIN_AT
from tests.support.grants_world import (
    ACCESS_TOKEN,
    API,
    EXCHANGE,
    FILES,
    GRANTS,
    ID_TOKEN,
    UPSTREAM_TOKEN,
    GrantsWorld,
)
from tests.support.signers import signers
from tests.support.token_world import USER_ID, claims_of

REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"
PEER = "audience:server:client_id:builds"


@pytest.fixture
def world() -> GrantsWorld:
    return GrantsWorld()


def access_token(world: GrantsWorld, *scopes: str, **login: object) -> str:
    token = str(world.tokens(*scopes, **login)["access_token"])
    world.calls.clear()
    return token


# Sundial's own tokens


def test_an_access_token_gives_another_of_the_same_login_in_one_network_call(world: GrantsWorld) -> None:
    before = access_token(world, "email", "offline_access")
    answer = world.exchange(before)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.calls == ["standing"]
    token = answer.body.pop("access_token")
    assert answer.body == {
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "bearer",
        "expires_in": 3600,
        "scope": "email openid",
    }
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    old, new = claims_of(before), claims_of(token)
    assert old.pop("jti") != new.pop("jti")
    assert (old.pop("scope"), new.pop("scope")) == ("email offline_access openid", "email openid")
    assert new == old
    assert world.userinfo(token).status == 200


@pytest.mark.parametrize(
    ("scope", "granted"), [("openid", "openid"), ("email", "email"), ("email openid", "email openid")]
)
def test_the_scope_can_be_narrowed(world: GrantsWorld, scope: str, granted: str) -> None:
    answer = world.exchange(access_token(world, "email"), scope=scope)
    assert answer.body["scope"] == claims_of(answer.body["access_token"])["scope"] == granted


@pytest.mark.parametrize("scope", ["groups", "openid email groups"])
def test_and_never_widened(world: GrantsWorld, scope: str) -> None:
    answer = world.exchange(access_token(world, "email"), scope=scope)
    assert answer.error == (400, "invalid_scope")
    assert "groups" in answer.body["error_description"]
    assert world.calls == []


def test_a_narrowed_token_stays_narrow(world: GrantsWorld) -> None:
    narrow = world.exchange(access_token(world, "email"), scope="openid").body["access_token"]
    assert world.exchange(narrow, scope="openid email").error == (400, "invalid_scope")
    assert world.exchange(narrow).body["scope"] == "openid"


def test_there_is_never_a_refresh_token(world: GrantsWorld) -> None:
    answer = world.exchange(access_token(world, "offline_access"), scope="openid offline_access")
    assert "refresh_token" not in answer.body
    assert answer.body["scope"] == "openid"
    assert world.exchange(access_token(world), requested_token_type=REFRESH_TOKEN).error == (400, "invalid_request")


def test_an_exchange_never_makes_a_token_live_longer(world: GrantsWorld) -> None:
    token = access_token(world)
    world.now += 3000
    answer = world.exchange(token)
    assert answer.body["expires_in"] == 600
    assert claims_of(answer.body["access_token"])["exp"] == LOGIN_AT + 3600


def test_an_access_token_gives_an_id_token_for_the_same_user(world: GrantsWorld) -> None:
    answer = world.exchange(access_token(world, "email"), requested_token_type=ID_TOKEN)
    assert (answer.body["issued_token_type"], answer.body["token_type"]) == (ID_TOKEN, "N_A")
    claims = claims_of(answer.body["access_token"])
    assert jwt.get_unverified_header(answer.body["access_token"])["typ"] == "JWT"
    assert claims["aud"] == "example-app"
    assert claims["email"] == "admin@example.com"
    assert not claims.keys() & {"jti", "scope", "nonce", "azp"}


def test_an_id_token_gives_an_access_token_whose_scope_is_what_it_shows(world: GrantsWorld) -> None:
    tokens = world.tokens("email", "groups", "offline_access", nonce="n-0S6")
    narrow = world.refresh(tokens["refresh_token"], scope="openid email").body["id_token"]
    answer = world.exchange(tokens["id_token"], subject_token_type=ID_TOKEN)
    assert answer.body["scope"] == "email groups openid"
    assert world.exchange(narrow, subject_token_type=ID_TOKEN).body["scope"] == "email openid"
    assert world.userinfo(answer.body["access_token"]).body["groups"] == ["ops"]
    again = world.exchange(tokens["id_token"], subject_token_type=ID_TOKEN, requested_token_type=ID_TOKEN).body
    assert "nonce" not in claims_of(again["access_token"])


def test_an_id_token_wants_openid(world: GrantsWorld) -> None:
    narrow = world.exchange(access_token(world, "email"), scope="email").body["access_token"]
    assert world.exchange(narrow, requested_token_type=ID_TOKEN).error == (400, "invalid_scope")


def test_a_client_may_exchange_its_own_token(world: GrantsWorld) -> None:
    token = world.client_token(scope="openid groups")
    answer = world.exchange(token, audience="builds")
    claims = claims_of(answer.body["access_token"])
    assert (claims["sub"], claims["aud"], claims["client_id"]) == ("example-app", "builds", "example-app")
    assert "sid" not in claims
    id_token = claims_of(world.exchange(token, requested_token_type=ID_TOKEN).body["access_token"])
    assert (id_token["sub"], id_token["groups"]) == ("example-app", ["robots"])


# For whom: audience and resource


def test_a_token_can_be_for_a_client_that_trusts_this_one(world: GrantsWorld) -> None:
    answer = world.exchange(access_token(world), audience="builds")
    claims = claims_of(answer.body["access_token"])
    assert (claims["aud"], claims["client_id"]) == ("builds", "example-app")
    assert claims["sub"] == subject(USER_ID, "local")


def test_an_id_token_for_another_client_names_the_one_that_asked(world: GrantsWorld) -> None:
    answer = world.exchange(access_token(world), audience="kube", requested_token_type=ID_TOKEN)
    claims = claims_of(answer.body["access_token"])
    assert (claims["aud"], claims["azp"]) == ("kube", "example-app")


def test_dexs_cross_client_scope_does_the_same_and_keeps_the_client(world: GrantsWorld) -> None:
    answer = world.exchange(access_token(world), scope=f"openid {PEER}", requested_token_type=ID_TOKEN)
    claims = claims_of(answer.body["access_token"])
    assert (claims["aud"], claims["azp"]) == (["builds", "example-app"], "example-app")


def test_several_audiences_and_resources_go_together(world: GrantsWorld) -> None:
    pairs = [
        ("grant_type", EXCHANGE),
        ("subject_token", access_token(world)),
        ("subject_token_type", ACCESS_TOKEN),
        ("audience", "kube"),
        ("audience", "builds"),
        ("audience", "kube"),
        ("resource", API),
    ]
    answer = world.post_pairs("/token", pairs)
    assert claims_of(answer.body["access_token"])["aud"] == ["kube", "builds", API]


@pytest.mark.parametrize(
    "form",
    [
        {"audience": "another-app"},
        {"audience": "nobody"},
        {"audience": "builds another-app"},
        {"audience": " ".join(f"a{n}" for n in range(17))},
        {"resource": "https://other.example.com"},
        {"resource": "not a uri"},
        {"resource": API + "#fragment"},
        {"resource": API, "requested_token_type": ID_TOKEN},
    ],
)
def test_whoever_else_it_would_be_for_is_an_invalid_target(world: GrantsWorld, form: dict[str, str]) -> None:
    token = access_token(world)
    assert world.exchange(token, **form).error == (400, "invalid_target")
    assert world.calls == []


def test_who_trusts_one_client_does_not_trust_another(world: GrantsWorld) -> None:
    token = access_token(world, client_id="another-app")
    assert world.exchange(token, client_id="another-app", audience="builds").error == (400, "invalid_target")
    assert world.exchange(token, client_id="another-app", audience="kube").status == 200
    assert world.exchange(token, client_id="another-app", resource=API).error == (400, "invalid_target")


def test_whom_a_token_is_for_may_exchange_it_in_turn(world: GrantsWorld) -> None:
    for_builds = world.exchange(access_token(world, "email"), audience="builds").body["access_token"]
    answer = world.exchange(for_builds, client_id="builds")
    claims = claims_of(answer.body["access_token"])
    assert (claims["client_id"], claims["aud"], claims["scope"]) == ("builds", "builds", "email openid")
    assert claims["sid"] == claims_of(for_builds)["sid"]


def test_the_server_of_an_api_may_exchange_what_is_for_it(world: GrantsWorld) -> None:
    for_api = world.exchange(access_token(world), resource=API).body["access_token"]
    assert world.exchange(for_api, client_id=API).status == 200
    for_files = world.exchange(access_token(world), resource=FILES).body["access_token"]
    assert world.exchange(for_files, client_id=API).error == (400, "invalid_request")


def test_an_api_learns_no_more_of_the_user_by_an_exchange_than_by_the_token_that_it_was_sent(
    world: GrantsWorld,
) -> None:
    for_api = world.exchange(access_token(world, "email", "profile"), resource=API).body["access_token"]
    assert world.userinfo(for_api).status == 401
    to_id_token = world.exchange(for_api, client_id=API, requested_token_type=ID_TOKEN)
    assert to_id_token.error == (400, "invalid_scope")
    assert world.exchange(for_api, client_id=API, scope="openid email").error == (400, "invalid_scope")
    answer = world.exchange(for_api, client_id=API)
    assert "scope" not in answer.body
    assert world.userinfo(answer.body["access_token"]).body.keys() == {"sub"}


def test_what_was_named_at_login_is_the_most_that_its_client_can_exchange_for(world: GrantsWorld) -> None:
    token = access_token(world, resources=(API,))
    assert world.exchange(token, resource=FILES).error == (400, "invalid_target")
    assert world.exchange(token, resource=API).status == 200
    assert world.exchange(access_token(world), resource=FILES).status == 200


def test_an_api_cannot_pass_for_the_public_client_whose_token_it_was_sent(world: GrantsWorld) -> None:
    world.configure(GRANTS.replace("- id: example-cli\n", f"- id: example-cli\n    resources: [{API}, {FILES}]\n"))
    code = world.log_in(client_id="example-cli")
    public = {"client_id": "example-cli", "client_secret": ""}
    sent_to_api = world.redeem(code, **public, resource=API).body["access_token"]
    assert world.exchange(sent_to_api, **public, resource=FILES).error == (400, "unauthorized_client")
    upstream = world.exchange(UPSTREAM_TOKEN, **public, connector_id="upstream", scope="openid")
    assert upstream.status == 200, "an upstream's token is proof enough, as in Dex"
    actor = {"actor_token": sent_to_api, "actor_token_type": ACCESS_TOKEN}
    answer = world.exchange(UPSTREAM_TOKEN, **public, connector_id="upstream", **actor)
    assert answer.error == (400, "unauthorized_client")


# Who acts: actor_token


def test_the_actor_is_named_in_the_token(world: GrantsWorld) -> None:
    for_builds = world.exchange(access_token(world), audience="builds").body["access_token"]
    actor = world.client_token("builds")
    world.calls.clear()
    answer = world.exchange(for_builds, client_id="builds", actor_token=actor, actor_token_type=ACCESS_TOKEN)
    claims = claims_of(answer.body["access_token"])
    assert (claims["sub"], claims["act"]) == (subject(USER_ID, "local"), {"sub": "builds"})
    assert world.calls == ["standing", "standing"]


def test_actors_before_are_nested_and_none_is_forgotten(world: GrantsWorld) -> None:
    own = world.client_token()
    first = world.exchange(access_token(world), actor_token=own, actor_token_type=ACCESS_TOKEN, audience="builds").body
    kept = world.exchange(first["access_token"], client_id="builds").body["access_token"]
    assert claims_of(kept)["act"] == {"sub": "example-app"}
    actor = world.client_token("builds")
    second = world.exchange(kept, client_id="builds", actor_token=actor, actor_token_type=ACCESS_TOKEN).body
    assert claims_of(second["access_token"])["act"] == {"sub": "builds", "act": {"sub": "example-app"}}


def test_the_chain_of_actors_has_an_end(world: GrantsWorld) -> None:
    token, own = access_token(world), world.client_token()
    for _ in range(8):
        token = world.exchange(token, actor_token=own, actor_token_type=ACCESS_TOKEN).body["access_token"]
    assert world.exchange(token, actor_token=own, actor_token_type=ACCESS_TOKEN).error == (400, "invalid_request")
    assert world.exchange(token).status == 200


def test_a_user_may_be_the_actor_by_their_id_token(world: GrantsWorld) -> None:
    actor = world.tokens()["id_token"]
    answer = world.exchange(world.client_token(), actor_token=actor, actor_token_type=ID_TOKEN)
    assert claims_of(answer.body["access_token"])["act"] == {"sub": subject(USER_ID, "local")}


@pytest.mark.parametrize(
    "actor",
    [
        {"actor_token": "x"},
        {"actor_token_type": ACCESS_TOKEN},
        {"actor_token": "x", "actor_token_type": ACCESS_TOKEN},
        {"actor_token": "x", "actor_token_type": "magic"},
    ],
)
def test_an_actor_token_that_is_not_good_is_an_invalid_request(world: GrantsWorld, actor: dict[str, str]) -> None:
    assert world.exchange(access_token(world), **actor).error == (400, "invalid_request")


def test_an_actor_token_of_another_client_is_refused(world: GrantsWorld) -> None:
    actor = world.client_token("another-app")
    answer = world.exchange(access_token(world), actor_token=actor, actor_token_type=ACCESS_TOKEN)
    assert answer.error == (400, "invalid_request")
    assert "actor_token" in answer.body["error_description"]


def test_an_actor_whose_login_has_ended_is_refused(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    world.revoke(tokens["refresh_token"])
    actor = {"actor_token": tokens["access_token"], "actor_token_type": ACCESS_TOKEN}
    assert world.exchange(access_token(world), **actor).error == (400, "invalid_request")


# What is refused


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token_type": "magic"}, "invalid_request"),
        ({"subject_token_type": REFRESH_TOKEN}, "invalid_request"),
        ({"subject_token_type": ID_TOKEN}, "invalid_request"),
        ({"requested_token_type": "magic"}, "invalid_request"),
        ({"scope": "openid write"}, "invalid_scope"),
        ({"scope": "openid audience:server:client_id:another-app"}, "invalid_scope"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "another-app"}, "invalid_request"),
        ({"client_id": "example-cli", "client_secret": ""}, "unauthorized_client"),
    ],
)
def test_what_is_missing_wrong_or_anothers_is_named_and_costs_nothing(
    world: GrantsWorld, form: dict[str, str], error: str
) -> None:
    token = access_token(world)
    answer = world.exchange(token, **form)
    assert answer.body["error"] == error
    assert answer.status == (401 if error == "invalid_client" else 400)
    assert answer.body["error_description"]
    assert world.calls == []


@pytest.mark.parametrize(
    "name", ["subject_token", "subject_token_type", "scope", "requested_token_type", "connector_id"]
)
def test_a_repeated_parameter_is_an_invalid_request(world: GrantsWorld, name: str) -> None:
    pairs = [("grant_type", EXCHANGE), ("subject_token_type", ACCESS_TOKEN), (name, "x"), (name, "x")]
    assert world.post_pairs("/token", pairs).error == (400, "invalid_request")


def test_a_forged_token_costs_no_network_call(world: GrantsWorld) -> None:
    token = access_token(world)
    header, payload, signature = token.split(".")
    claims = claims_of(token)
    for forged in (
        f"{header}.{payload}.{signature[:-2]}AA",
        jwt.encode(claims, signers()["ES256"].key, "ES256", {"kid": "rsa-key", "typ": "at+jwt"}),
        jwt.encode(claims, "", "none", {"kid": "rsa-key", "typ": "at+jwt"}),
        jwt.encode(
            claims | {"iss": "https://evil.example.com"},
            signers()["RS256"].key,
            "RS256",
            {"kid": "rsa-key", "typ": "at+jwt"},
        ),
        "sundial_rt_x",
        "x" * 50_000,
        "é",
    ):
        answer = world.exchange(forged)
        assert answer.error == (400, "invalid_request")
        assert forged not in answer.body["error_description"]
    assert world.calls == []


def test_an_expired_token_is_refused_at_the_second_it_expires(world: GrantsWorld) -> None:
    token = access_token(world)
    world.now += 3599
    assert world.exchange(token).body["expires_in"] == 1
    world.now += 1
    assert world.exchange(token).error == (400, "invalid_request")


def test_the_tokens_of_a_revoked_login_are_refused(world: GrantsWorld) -> None:
    tokens = world.tokens("offline_access")
    exchanged = world.exchange(tokens["access_token"], audience="builds").body["access_token"]
    world.revoke(tokens["refresh_token"])
    assert world.exchange(tokens["access_token"]).error == (400, "invalid_request")
    assert world.exchange(tokens["id_token"], subject_token_type=ID_TOKEN).error == (400, "invalid_request")
    assert world.exchange(exchanged, client_id="builds").error == (400, "invalid_request")


def test_a_revoked_access_token_is_refused_and_its_id_token_is_not(world: GrantsWorld) -> None:
    tokens = world.tokens()
    world.revoke(tokens["access_token"])
    assert world.exchange(tokens["access_token"]).error == (400, "invalid_request")
    assert world.exchange(tokens["id_token"], subject_token_type=ID_TOKEN).status == 200


def test_what_a_revoked_key_signed_is_refused_at_once(world: GrantsWorld) -> None:
    token = access_token(world)
    world.bearers.withdraw("rsa-key")
    assert world.exchange(token).error == (400, "invalid_request")


def test_what_is_older_than_the_watermark_is_refused(world: GrantsWorld) -> None:
    token = access_token(world)
    own = world.client_token()
    world.bearers.raise_watermark(LOGIN_AT + 1)
    assert world.exchange(token).error == (400, "invalid_request")
    assert world.exchange(own).error == (400, "invalid_request")


def test_a_clients_own_token_goes_with_the_client(world: GrantsWorld) -> None:
    token = world.exchange(world.client_token(), audience="builds").body["access_token"]
    world.configure(GRANTS.replace("- id: example-app\n", "- id: renamed-app\n") + "    reuseInterval: 0s\n")
    assert world.exchange(token, client_id="builds").error == (400, "invalid_request")


def test_a_client_gets_no_token_for_users_of_connectors_that_are_not_its_own(world: GrantsWorld) -> None:
    upstream = world.exchange(UPSTREAM_TOKEN, connector_id="upstream", client_id="local-only")
    assert upstream.error == (400, "invalid_request")
    assert world.upstream.exchanged == 0
    elsewhere = access_token(world, client_id="local-only", connector_id="upstream")
    assert world.exchange(elsewhere, client_id="local-only").error == (400, "invalid_request")
    assert world.exchange(access_token(world, client_id="local-only"), client_id="local-only").status == 200


def test_a_connector_may_be_held_to_other_grants(world: GrantsWorld) -> None:
    token = access_token(world)
    world.hold("upstream", "authorization_code")
    assert world.exchange(UPSTREAM_TOKEN, connector_id="upstream").error == (400, "invalid_request")
    assert world.upstream.exchanged == 0
    assert world.exchange(token).status == 200
    world.hold("local", "authorization_code")
    assert world.exchange(token).error == (400, "invalid_request")
    world.hold("local", "authorization_code", EXCHANGE)
    assert world.exchange(token).status == 200


def test_the_grant_can_be_turned_off(world: GrantsWorld) -> None:
    token = access_token(world)
    off = GRANTS.replace("oauth2:\n  passwordConnector: local\n", "oauth2: {grantTypes: [authorization_code]}\n")
    world.configure(off + "    reuseInterval: 0s\n")
    assert world.exchange(token).error == (400, "unsupported_grant_type")


# An upstream's tokens: Dex's connector_id


def test_an_upstream_token_is_a_login_written_once(world: GrantsWorld) -> None:
    answer = world.exchange(UPSTREAM_TOKEN, connector_id="upstream", scope="openid email groups")
    assert answer.status == 200
    assert world.calls == ["begin"]
    assert answer.body["scope"] == "email groups openid"
    claims = claims_of(answer.body["access_token"])
    assert (claims["sub"], claims["aud"]) == (subject("u-42", "upstream"), "example-app")
    assert "auth_time" not in claims, "nobody here saw the user log in"
    assert world.userinfo(answer.body["access_token"]).body["groups"] == ["dev"]
    assert world.memory.alive_until[world.only_family.family_id] == LOGIN_AT + 3600


def test_an_upstream_token_gives_an_id_token(world: GrantsWorld) -> None:
    form = {"connector_id": "upstream", "requested_token_type": ID_TOKEN, "scope": "openid email", "audience": "kube"}
    answer = world.exchange(UPSTREAM_TOKEN, **form)
    assert (answer.body["issued_token_type"], answer.body["token_type"]) == (ID_TOKEN, "N_A")
    claims = claims_of(answer.body["access_token"])
    assert (claims["aud"], claims["azp"], claims["email"]) == ("kube", "example-app", "jane@example.org")


def test_what_comes_of_an_upstream_token_is_exchanged_like_any_other(world: GrantsWorld) -> None:
    first = world.exchange(UPSTREAM_TOKEN, connector_id="upstream", scope="openid email").body["access_token"]
    assert world.exchange(first, audience="builds").body["scope"] == "email openid"


def test_an_upstream_token_never_yields_a_refresh_token(world: GrantsWorld) -> None:
    body = world.exchange(UPSTREAM_TOKEN, connector_id="upstream", scope="openid offline_access").body
    assert "refresh_token" not in body
    assert body["scope"] == "openid"


@pytest.mark.parametrize(
    ("token", "form"),
    [
        ("another-token", {}),
        (UPSTREAM_TOKEN, {"connector_id": "nobody"}),
        (UPSTREAM_TOKEN, {"connector_id": "local"}),
        (UPSTREAM_TOKEN, {"subject_token_type": ID_TOKEN}),
    ],
)
def test_what_the_connector_does_not_take_is_an_invalid_request(
    world: GrantsWorld, token: str, form: dict[str, str]
) -> None:
    answer = world.exchange(token, **{"connector_id": "upstream", **form})
    assert answer.error == (400, "invalid_request")
    assert world.calls == []


@pytest.mark.parametrize("token", [f"{UPSTREAM_TOKEN}\n", f"{UPSTREAM_TOKEN}\r\nX-Forged: 1", "\u00e9", "\u263e", "\0"])
def test_what_no_header_could_carry_never_gets_to_an_upstream(world: GrantsWorld, token: str) -> None:
    assert world.exchange(token, connector_id="upstream").error == (400, "invalid_request")
    assert world.upstream.exchanged == 0


def test_a_user_whom_the_connector_turns_away_is_an_invalid_request(world: GrantsWorld) -> None:
    world.upstream.refusal = access_denied("you are not in the organisation")
    assert world.exchange(UPSTREAM_TOKEN, connector_id="upstream").error == (400, "invalid_request")


def test_an_upstream_that_cannot_be_reached_is_a_503(world: GrantsWorld) -> None:
    world.upstream.refusal = temporarily_unavailable("the provider can't be reached", retry_after=7)
    answer = world.exchange(UPSTREAM_TOKEN, connector_id="upstream")
    assert (answer.error, answer.headers["Retry-After"]) == ((503, "temporarily_unavailable"), "7")
    assert world.calls == []


def test_a_mistake_is_named_before_the_upstream_is_asked(world: GrantsWorld) -> None:
    for form in ({"scope": "write"}, {"audience": "another-app"}, {"actor_token": "x"}, {"requested_token_type": "x"}):
        assert world.exchange(UPSTREAM_TOKEN, connector_id="upstream", **form).status == 400
    world.ring.broken = True
    assert world.exchange(UPSTREAM_TOKEN, connector_id="upstream").status == 503
    assert world.upstream.exchanged == 0


def test_somebody_may_act_for_an_upstream_user(world: GrantsWorld) -> None:
    actor = {"actor_token": world.client_token(), "actor_token_type": ACCESS_TOKEN}
    answer = world.exchange(UPSTREAM_TOKEN, connector_id="upstream", scope="openid", **actor)
    assert claims_of(answer.body["access_token"])["act"] == {"sub": "example-app"}
