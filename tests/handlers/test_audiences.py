"""Whom tokens are for, at the code exchange and at a refresh: peers (Dex: trustedPeers) and resources (RFC 8707)."""

from __future__ import annotations

from typing import Any

import pytest

from sundial.clients import ClientRegistry
from sundial.config.model import Client
from sundial.errors import temporarily_unavailable
from tests.support.families import REDIRECT_URI
from tests.support.grants_world import API, FILES, GRANTS, GrantsWorld
from tests.support.token_world import claims_of

BUILDS, KUBE = "audience:server:client_id:builds", "audience:server:client_id:kube"


@pytest.fixture
def world() -> GrantsWorld:
    return GrantsWorld()


def for_peers(world: GrantsWorld) -> Any:
    return world.tokens("offline_access", BUILDS, KUBE, audience=("kube", "builds"))


# Peers


def test_the_audience_is_the_peers_in_the_order_asked_and_the_client(world: GrantsWorld) -> None:
    tokens = for_peers(world)
    id_token = claims_of(tokens["id_token"])
    assert (id_token["aud"], id_token["azp"]) == (["kube", "builds", "example-app"], "example-app")
    assert claims_of(tokens["access_token"])["aud"] == ["kube", "builds", "example-app"]
    assert world.userinfo(tokens["access_token"]).status == 200


def test_one_audience_is_one_string_and_needs_no_azp(world: GrantsWorld) -> None:
    claims = claims_of(world.tokens()["id_token"])
    assert claims["aud"] == "example-app"
    assert "azp" not in claims


def test_a_refresh_keeps_the_audience_and_a_narrower_scope_narrows_it(world: GrantsWorld) -> None:
    tokens = for_peers(world)
    answer = world.refresh(tokens["refresh_token"]).body
    assert claims_of(answer["id_token"])["aud"] == ["kube", "builds", "example-app"]
    answer = world.refresh(answer["refresh_token"], scope=f"openid {KUBE}").body
    assert claims_of(answer["id_token"])["aud"] == ["kube", "example-app"]
    assert answer["scope"] == f"{KUBE} openid"
    answer = world.refresh(answer["refresh_token"], scope="openid").body
    assert claims_of(answer["id_token"])["aud"] == "example-app"


def test_a_refresh_never_widens_the_audience(world: GrantsWorld) -> None:
    token = world.tokens("offline_access")["refresh_token"]
    assert world.refresh(token, scope=f"openid {KUBE}").error == (400, "invalid_scope")
    assert world.refresh(token).status == 200


def test_a_peer_that_trusts_the_client_no_longer_is_left_out_and_the_scope_says_so(world: GrantsWorld) -> None:
    tokens = for_peers(world)
    withdrawn = GRANTS.replace("trustedPeers: [example-app, another-app]", "trustedPeers: [another-app]")
    world.configure(withdrawn + "    reuseInterval: 0s\n")
    answer = world.refresh(tokens["refresh_token"]).body
    assert claims_of(answer["id_token"])["aud"] == ["builds", "example-app"]
    assert KUBE not in answer["scope"]


def test_a_peer_that_cannot_be_looked_up_is_left_out_for_the_refresh_token_is_used_up_by_now(
    world: GrantsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = for_peers(world)
    find = ClientRegistry.find

    def find_no_peer(registry: ClientRegistry, client_id: str, now: int) -> Client | None:
        if client_id == "kube":
            raise temporarily_unavailable("the client directory can't be reached")
        return find(registry, client_id, now)

    monkeypatch.setattr(ClientRegistry, "find", find_no_peer)
    answer = world.refresh(tokens["refresh_token"])
    assert answer.status == 200
    assert claims_of(answer.body["id_token"])["aud"] == ["builds", "example-app"]


# Resources


def test_an_access_token_is_for_the_resources_of_its_login_and_for_nobody_else(world: GrantsWorld) -> None:
    tokens = world.tokens("email", resources=(API, FILES))
    assert claims_of(tokens["access_token"])["aud"] == [API, FILES]
    assert claims_of(tokens["id_token"])["aud"] == "example-app"
    assert world.userinfo(tokens["access_token"]).error == (401, "invalid_token")


@pytest.mark.parametrize(("granted", "asked"), [((API, FILES), FILES), ((), FILES), ((API,), API)])
def test_a_code_exchange_may_name_one_of_them_and_any_where_the_login_named_none(
    world: GrantsWorld, granted: tuple[str, ...], asked: str
) -> None:
    answer = world.redeem(world.log_in(resources=granted), resource=asked)
    assert claims_of(answer.body["access_token"])["aud"] == asked


def test_another_resource_is_an_invalid_target_and_leaves_the_code_usable(world: GrantsWorld) -> None:
    code = world.log_in(resources=(API,))
    assert world.redeem(code, resource=FILES).error == (400, "invalid_target")
    assert world.redeem(code, resource="https://other.example.com").error == (400, "invalid_target")
    assert world.redeem(code, resource=API).status == 200


def test_a_resource_may_be_repeated_and_nothing_else(world: GrantsWorld) -> None:
    pairs = [("grant_type", "authorization_code"), ("code", world.log_in()), ("redirect_uri", REDIRECT_URI)]
    assert world.post_pairs("/token", [*pairs, ("scope", "a"), ("scope", "a")]).error == (400, "invalid_request")
    answer = world.post_pairs("/token", [*pairs, ("resource", FILES), ("resource", API)])
    assert claims_of(answer.body["access_token"])["aud"] == [FILES, API]


def test_a_refresh_may_name_another_of_the_logins_resources_each_time(world: GrantsWorld) -> None:
    token = world.redeem(world.log_in(resources=(API, FILES)), resource=API).body["refresh_token"]
    answer = world.refresh(token, resource=FILES).body
    assert claims_of(answer["access_token"])["aud"] == FILES
    answer = world.refresh(answer["refresh_token"]).body
    assert claims_of(answer["access_token"])["aud"] == [API, FILES]


@pytest.mark.parametrize("reuse", ["0s", "30s"])
def test_a_wrong_resource_leaves_the_family_exactly_as_it_was(world: GrantsWorld, reuse: str) -> None:
    world.configure(GRANTS + f"    reuseInterval: {reuse}\n")
    token = world.redeem(world.log_in(resources=(API,))).body["refresh_token"]
    before = list(world.memory.families.values())
    for resource in (FILES, "https://other.example.com", "api", API + "#x"):
        assert world.refresh(token, resource=resource).error == (400, "invalid_target")
    assert list(world.memory.families.values()) == before
    assert world.refresh(token, resource=API).status == 200


def test_naming_a_resource_costs_no_further_network_call(world: GrantsWorld) -> None:
    code = world.log_in(resources=(API, FILES))
    world.calls.clear()
    token = world.redeem(code, resource=API).body["refresh_token"]
    world.refresh(token, resource=FILES)
    assert world.calls == ["redeem", "rotate"]


def test_a_resource_that_the_client_may_not_have_any_more_is_left_out(world: GrantsWorld) -> None:
    token = world.redeem(world.log_in(resources=(API, FILES))).body["refresh_token"]
    world.configure(GRANTS.replace(f"[{API}, {FILES}]", f"[{API}]") + "    reuseInterval: 0s\n")
    assert claims_of(world.refresh(token).body["access_token"])["aud"] == API
