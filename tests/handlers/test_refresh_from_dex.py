"""A refresh token that Dex gave out, at the token endpoint of a deployment into which its login was imported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sundial.config.model import Migration
from sundial.errors import temporarily_unavailable
from sundial.expiry.family import Claims
from tests.handlers.test_refresh_upstream import KILGORE, SCOPES, World
from tests.support.dex import OBSOLETE, dex_token, imported_family
from tests.support.families import LOGIN_AT, MemoryFamilies
from tests.support.token_world import CONFIG, SECRET, USER_ID, TokenWorld, claims_of

SETTINGS = "{reuseInterval: 30s, validIfNotUsedFor: 2h, absoluteLifetime: 24h}"


def moved(refresh_tokens: str = SETTINGS, *, on: bool = True, **family: Any) -> TokenWorld:
    """Return a world to which one login of Dex's has come, a minute after it was last used there."""
    family.setdefault("claims", Claims(USER_ID, username="admin"))
    world = TokenWorld(refresh_tokens, MemoryFamilies(imported_family(**family)))
    text = CONFIG.replace("  refreshTokens:\n", f"  refreshTokens: {refresh_tokens}\n")
    world.configure(text + ("migration: {dexRefreshTokens: true}\n" if on else ""))
    world.now = LOGIN_AT + 60
    return world


def memory(world: TokenWorld) -> MemoryFamilies:
    assert isinstance(world.families, MemoryFamilies)
    return world.families


def test_the_first_refresh_brings_one_of_ours_and_the_same_sub() -> None:
    world = moved()
    answer = world.refresh(dex_token())
    assert answer.status == 200
    assert answer.body["refresh_token"].startswith("sundial_rt_")
    assert claims_of(answer.body["id_token"])["sub"] == "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs"
    assert memory(world).calls == ["get", "rotate"]
    world.now += 100
    memory(world).calls.clear()
    assert world.refresh(answer.body["refresh_token"]).status == 200
    assert memory(world).calls == ["rotate"], "from then on a refresh is one call, as ever"


def test_a_retry_within_the_interval_is_given_the_same_successor() -> None:
    world = moved()
    first = world.refresh(dex_token()).body["refresh_token"]
    world.now += 30
    assert world.refresh(dex_token()).body["refresh_token"] == first


def test_a_replay_after_it_revokes_the_login() -> None:
    world = moved()
    first = world.refresh(dex_token()).body["refresh_token"]
    world.now += 31
    assert world.refresh(dex_token()).error == (400, "invalid_grant")
    assert world.refresh(first).error == (400, "invalid_grant")


def test_where_dex_has_just_rotated_its_token_moves_on_all_the_same() -> None:
    world = moved(used_at=LOGIN_AT + 59)
    answer = world.refresh(dex_token())
    assert answer.body["refresh_token"].startswith("sundial_rt_")


def test_a_client_whose_last_answer_from_dex_was_lost_goes_on_and_may_lose_ours_too() -> None:
    world = moved(used_at=LOGIN_AT + 40)
    first = world.refresh(dex_token(OBSOLETE)).body["refresh_token"]
    world.now = LOGIN_AT + 70
    assert world.refresh(dex_token(OBSOLETE)).body["refresh_token"] == first
    assert world.refresh(dex_token()).body["refresh_token"] == first, "whoever has the other one shares the answer"


@pytest.mark.parametrize("refreshed", [False, True])
def test_dexs_superseded_token_after_the_interval_is_a_replay(refreshed: bool) -> None:
    world = moved()
    if refreshed:
        world.refresh(dex_token())
    assert world.refresh(dex_token(OBSOLETE)).error == (400, "invalid_grant")
    assert world.refresh(dex_token()).error == (400, "invalid_grant"), "the login has ended"


def test_a_forged_token_of_a_known_login_ends_nothing_and_costs_one_read() -> None:
    world = moved()
    assert world.refresh(dex_token("x" * 25)).error == (400, "invalid_grant")
    assert memory(world).calls == ["get"]
    assert world.refresh(dex_token()).status == 200


def test_another_clients_token_is_refused_and_stays_good() -> None:
    world = moved()
    assert world.refresh(dex_token(), client_id="another-app").error == (400, "invalid_grant")
    assert memory(world).calls == ["get"]
    assert world.refresh(dex_token()).status == 200


@pytest.mark.parametrize("text", ["A" * 72, dex_token()[:-3], "Chl"])
def test_what_dex_never_made_costs_no_network_call(text: str) -> None:
    world = moved()
    assert world.refresh(text).error == (400, "invalid_grant")
    assert memory(world).calls == []


def test_unless_the_configuration_says_so_dexs_tokens_are_nothing_and_cost_nothing() -> None:
    world = moved(on=False)
    assert world.refresh(dex_token()).error == (400, "invalid_grant")
    assert memory(world).calls == []


def test_a_family_of_our_own_is_not_reached_by_a_token_of_that_form() -> None:
    world = moved(inherited=None)
    assert world.refresh(dex_token()).error == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("now", "status"),
    [(LOGIN_AT + 2 * 3600, 200), (LOGIN_AT + 2 * 3600 + 1, 400)],
)
def test_the_idle_limit_counts_from_the_last_use_at_dex(now: int, status: int) -> None:
    world = moved()
    world.now = now
    assert world.refresh(dex_token()).status == status


@pytest.mark.parametrize(("age", "status"), [(24 * 3600, 200), (24 * 3600 + 1, 400)])
def test_the_absolute_limit_counts_from_the_login_at_dex(age: int, status: int) -> None:
    world = moved(created_at=LOGIN_AT + 60 - age)
    assert world.refresh(dex_token()).status == status


def test_without_rotation_it_brings_one_of_ours_that_stays() -> None:
    world = moved("{disableRotation: true, absoluteLifetime: 24h}")
    ours = world.refresh(dex_token()).body["refresh_token"]
    assert ours.startswith("sundial_rt_")
    for token in (ours, dex_token(), ours):
        world.now += 3600
        assert world.refresh(token).body["refresh_token"] == ours
    memory(world).calls.clear()
    world.refresh(ours)
    assert memory(world).calls == ["rotate"]


def test_a_wider_scope_is_refused_and_nothing_moves() -> None:
    world = moved()
    assert world.refresh(dex_token(), scope="openid groups").error == (400, "invalid_scope")
    assert world.refresh(dex_token(), scope="openid").status == 200


def test_the_watermark_ends_it() -> None:
    world = moved()
    world.ring.not_before = LOGIN_AT + 1
    assert world.refresh(dex_token()).error == (400, "invalid_grant")


def test_it_can_be_introspected_and_revoked() -> None:
    world = moved()
    form = {"client_id": "example-app", "client_secret": SECRET, "token": dex_token()}
    told = world.post_to("/token/introspect", None, form).body
    assert (told["active"], told["token_use"], told["client_id"]) == (True, "refresh_token", "example-app")
    assert world.post_to("/token/revoke", None, form).status == 200
    assert world.post_to("/token/introspect", None, form).body == {"active": False}
    assert world.refresh(dex_token()).error == (400, "invalid_grant")


# through a provider


def at_a_provider(**family: Any) -> World:
    """Return a world to which a login at a provider has come from Dex, its provider's token with it."""
    world = World("{reuseInterval: 30s}")
    login = imported_family(claims=KILGORE, connector_id="up", scopes=SCOPES, **family)
    sealed = world.envelopes.seal(login.family_id, "upstream-token-1")
    world.memory.families[login.family_id] = replace(login, upstream=sealed)
    world.use(replace(world.config, migration=Migration(dex_refresh_tokens=True)))
    world.now = LOGIN_AT + 60
    return world


@pytest.mark.parametrize("used_at", [LOGIN_AT, LOGIN_AT + 59])
def test_the_provider_is_asked_once_and_a_retry_shares_the_answer(used_at: int) -> None:
    world = at_a_provider(used_at=used_at)
    first = world.refresh(dex_token())
    assert first.body["refresh_token"].startswith("sundial_rt_")
    assert claims_of(first.body["id_token"])["name"] == "Kilgore S. Trout"
    world.now += 30
    assert world.refresh(dex_token()).body["refresh_token"] == first.body["refresh_token"]
    assert (world.provider.asked, world.kept) == (["upstream-token-1"], "upstream-token-2")


def test_while_somebody_else_asks_the_provider_it_waits_and_shares_the_answer() -> None:
    world = at_a_provider()
    answers = []

    def come_too() -> None:
        world.provider.meanwhile = lambda: None
        answers.append(world.refresh(dex_token()))

    world.provider.meanwhile = come_too
    first = world.refresh(dex_token())
    assert first.status == 200
    assert [answer.status for answer in answers] == [503], (
        "who came too waited for as long as it may, and no other asked"
    )
    assert world.provider.asked == ["upstream-token-1"]
    assert world.refresh(dex_token()).body["refresh_token"] == first.body["refresh_token"]


def test_a_provider_that_can_not_be_reached_costs_nothing() -> None:
    world = at_a_provider()
    world.provider.fails = temporarily_unavailable("the provider is down")
    assert world.refresh(dex_token()).status == 503
    world.provider.fails = None
    assert world.refresh(dex_token()).status == 200
