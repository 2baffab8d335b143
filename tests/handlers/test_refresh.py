"""Refreshing, as a client sees it: Dex's behaviour to keep, and where Sundial mends it (spec: dex.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sundial.errors import temporarily_unavailable
from sundial.expiry.family import Family
from sundial.store.families import Written
from tests.support.families import REDIRECT_URI, MemoryFamilies
from tests.support.token_world import CONFIG, SECRET, USER_ID, TokenWorld, claims_of


def calls(world: TokenWorld) -> list[str]:
    assert isinstance(world.families, MemoryFamilies)
    return world.families.calls


def only_family(world: TokenWorld) -> Family:
    assert isinstance(world.families, MemoryFamilies)
    (family,) = world.families.families.values()
    return family


def test_a_normal_refresh_gives_a_new_refresh_token_and_a_new_id_token() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    world.now += 100
    answer = world.refresh(token)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body["refresh_token"] != token
    claims = claims_of(answer.body["id_token"])
    assert (claims["iat"], claims["exp"]) == (world.now, world.now + 3600)
    assert claims["auth_time"] == world.now - 100
    assert "nonce" not in claims


def test_a_refresh_is_one_network_call() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    calls(world).clear()
    world.refresh(token)
    assert calls(world) == ["rotate"]


def test_a_forged_token_and_another_clients_cost_no_network_call() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    calls(world).clear()
    assert world.refresh(token[:-2] + "AA").error == (400, "invalid_grant")
    assert world.refresh(token, client_id="another-app").error == (400, "invalid_grant")
    assert calls(world) == []
    assert world.refresh(token).status == 200


def test_with_rotation_disabled_the_same_token_comes_back() -> None:
    world = TokenWorld("{disableRotation: true, validIfNotUsedFor: 1h}")
    token = world.refresh_token()
    for _ in range(3):
        world.now += 3600
        assert world.refresh(token).body["refresh_token"] == token
    world.now += 3601
    assert world.refresh(token).error == (400, "invalid_grant")


def test_the_previous_token_inside_the_window_gives_the_current_one() -> None:
    world = TokenWorld("{reuseInterval: 30s}")
    first = world.refresh_token()
    world.now += 31
    second = world.refresh(first).body["refresh_token"]
    world.now += 30
    retry = world.refresh(first)
    assert retry.body["refresh_token"] == second
    assert claims_of(retry.body["id_token"])["iat"] == world.now
    assert world.refresh(second).body["refresh_token"] == second


def test_the_window_does_not_slide() -> None:
    world = TokenWorld("{reuseInterval: 30s}")
    first = world.refresh_token()
    world.now += 31
    world.refresh(first)
    world.now += 30
    assert world.refresh(first).status == 200
    world.now += 1
    assert world.refresh(first).error == (400, "invalid_grant")


def test_a_retry_after_the_mac_key_has_changed_gives_the_identical_string() -> None:
    world = TokenWorld("{reuseInterval: 30s}")
    first = world.refresh_token()
    world.now += 31
    second = world.refresh(first).body["refresh_token"]
    world.ring.rotate_mac_key()
    assert world.refresh(first).body["refresh_token"] == second
    world.now += 31
    third = world.refresh(second).body["refresh_token"]
    world.now += 31
    assert world.refresh(third).status == 200


def test_without_a_window_the_previous_token_is_a_replay_that_revokes_the_family() -> None:
    world = TokenWorld()
    first = world.refresh_token()
    second = world.refresh(first).body["refresh_token"]
    calls(world).clear()
    assert world.refresh(first).error == (400, "invalid_grant")
    assert calls(world) == ["rotate", "revoke"]
    assert world.refresh(second).error == (400, "invalid_grant")


def test_on_replay_reject_refuses_the_one_request_as_dex_does() -> None:
    world = TokenWorld("{onReplay: reject}")
    first = world.refresh_token()
    second = world.refresh(first).body["refresh_token"]
    assert world.refresh(first).error == (400, "invalid_grant")
    assert world.refresh(second).status == 200


def test_the_previous_token_inside_the_window_dies_with_the_absolute_lifetime() -> None:
    world = TokenWorld("{reuseInterval: 60s, absoluteLifetime: 100s}")
    first = world.refresh_token()
    world.now += 90
    world.refresh(first)
    world.now += 11
    assert world.refresh(first).error == (400, "invalid_grant")


def test_use_in_between_keeps_a_family_alive() -> None:
    world = TokenWorld("{validIfNotUsedFor: 1h}")
    token = world.refresh_token()
    for _ in range(5):
        world.now += 3600
        token = world.refresh(token).body["refresh_token"]
    world.now += 3601
    assert world.refresh(token).error == (400, "invalid_grant")


def test_rotation_never_extends_the_absolute_lifetime() -> None:
    world = TokenWorld("{absoluteLifetime: 100s}")
    token = world.refresh_token()
    for _ in range(10):
        world.now += 10
        token = world.refresh(token).body["refresh_token"]
    world.now += 1
    assert world.refresh(token).error == (400, "invalid_grant")


def test_unlimited_settings_never_expire() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    world.now += 10 * 365 * 86400
    assert world.refresh(token).status == 200


def test_a_scope_may_narrow_for_one_response_and_the_family_keeps_its_own() -> None:
    world = TokenWorld()
    answer = world.refresh(world.refresh_token(), scope="openid")
    assert answer.body["scope"] == "openid"
    assert "email" not in claims_of(answer.body["id_token"])
    again = world.refresh(answer.body["refresh_token"])
    assert again.body["scope"] == "email offline_access openid"


def test_a_scope_may_never_widen_and_the_refused_request_costs_nothing() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    before = only_family(world)
    answer = world.refresh(token, scope="openid groups")
    assert answer.error == (400, "invalid_scope")
    assert "groups" in answer.body["error_description"]
    assert only_family(world) == before
    assert world.refresh(token).status == 200


def test_a_scope_may_not_widen_inside_the_window_either() -> None:
    world = TokenWorld("{reuseInterval: 30s}")
    assert world.refresh(world.refresh_token(), scope="openid groups").error == (400, "invalid_scope")


def test_a_wrong_secret_leaves_the_family_as_it_was() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    before = only_family(world)
    assert world.refresh(token, client_secret="wrong").error == (401, "invalid_client")
    assert only_family(world) == before


def test_the_nonce_of_the_first_id_token_is_repeated_as_dex_does() -> None:
    world = TokenWorld()
    token = world.redeem(world.log_in(nonce="n-0S6")).body["refresh_token"]
    assert claims_of(world.refresh(token).body["id_token"])["nonce"] == "n-0S6"


def test_the_id_token_shows_the_user_as_they_are_now() -> None:
    world = TokenWorld()
    token = world.redeem(world.log_in(scopes=frozenset(("openid", "groups", "offline_access")))).body["refresh_token"]
    world.configure(CONFIG.replace("groups: [ops]", "groups: [ops, dev]") + "    reuseInterval: 0s\n")
    assert claims_of(world.refresh(token).body["id_token"])["groups"] == ["ops", "dev"]
    assert only_family(world).claims.groups == ("ops", "dev")


def test_a_client_may_have_settings_of_its_own() -> None:
    world = TokenWorld()
    text = CONFIG.replace(
        f"secret: {SECRET}", f"secret: {SECRET}\n    expiry: {{refreshTokens: {{absoluteLifetime: 10s}}}}", 1
    )
    world.configure(text + "    absoluteLifetime: 1h\n")
    token = world.refresh_token()
    other = world.redeem(world.log_in(client_id="another-app"), client_id="another-app").body["refresh_token"]
    world.now += 11
    assert world.refresh(token).error == (400, "invalid_grant")
    assert world.refresh(other, client_id="another-app").status == 200


def test_a_second_device_is_a_family_of_its_own() -> None:
    world = TokenWorld()
    one, other = world.refresh_token(), world.refresh_token()
    stolen = one
    one = world.refresh(one).body["refresh_token"]
    world.refresh(stolen)
    assert world.refresh(one).error == (400, "invalid_grant")
    assert world.refresh(other).status == 200


def test_when_the_table_cannot_be_reached_the_client_keeps_its_token() -> None:
    class Flaky(MemoryFamilies):
        broken = False

        def rotate(self, *arguments: Any) -> Written:
            if self.broken:
                raise temporarily_unavailable("the token store can't be reached")
            return super().rotate(*arguments)

    families = Flaky()
    world = TokenWorld(families=families)
    token = world.refresh_token()
    families.broken = True
    answer = world.refresh(token)
    assert answer.error == (503, "temporarily_unavailable")
    assert "Retry-After" in answer.headers
    families.broken = False
    assert world.refresh(token).status == 200


def test_when_no_key_may_sign_nothing_is_consumed() -> None:
    world = TokenWorld()
    token, code = world.refresh_token(), world.log_in()
    world.ring.broken = True
    assert world.refresh(token).error == (503, "temporarily_unavailable")
    assert world.redeem(code).error == (503, "temporarily_unavailable")
    world.ring.broken = False
    assert world.refresh(token).status == 200
    assert world.redeem(code).status == 200


def test_a_user_who_is_gone_takes_their_families_with_them() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    world.configure(CONFIG.replace(USER_ID, "another-user") + "    reuseInterval: 0s\n")
    assert world.refresh(token).error == (400, "invalid_grant")
    assert calls(world)[-1] == "revoke"


def test_the_operators_watermark_ends_what_was_issued_before_it() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    code = world.log_in()
    world.ring.not_before = world.now + 1
    world.now += 10
    assert world.redeem(code).error == (400, "invalid_grant")
    assert world.refresh(token).error == (400, "invalid_grant")
    later = world.refresh_token()
    assert world.refresh(later).status == 200


def test_a_scope_of_more_words_than_a_login_can_be_granted_is_the_clients_mistake() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    calls(world).clear()
    assert world.refresh(token, scope=" ".join(f"scope{n}" for n in range(65))).error == (400, "invalid_scope")
    assert calls(world) == []
    assert world.refresh(token, scope=" ".join(["openid"] * 65)).status == 200


@pytest.mark.parametrize("scope", ["openid  email", "  openid"])
def test_extra_spaces_in_a_scope_do_no_harm(scope: str) -> None:
    world = TokenWorld()
    assert world.refresh(world.refresh_token(), scope=scope).status == 200


def test_the_redirect_uri_has_no_part_in_a_refresh() -> None:
    world = TokenWorld()
    assert world.refresh(world.refresh_token(), redirect_uri=REDIRECT_URI).status == 200


def test_a_login_through_a_connector_that_its_client_may_no_longer_use_is_not_refreshed() -> None:
    world = TokenWorld()
    token = world.refresh_token()
    before = world.config
    restricted = replace(before.clients["example-app"], allowed_connectors=("ldap",))
    world.use(replace(before, clients={**before.clients, "example-app": restricted}))
    assert world.refresh(token).error == (400, "invalid_grant")
    world.use(before)
    assert world.refresh(token).status == 200
