"""What a release before this one has stored, and what its clients hold, is good in this one; and the other way round.

Each file of releases/ was written by `python -m tests.compatibility.record` of the release that it names, and is never
changed. During a deployment, and after a rollback, both releases serve from the same tables and the same secret.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sundial.version import VERSION
from tests.compatibility.record import EMAIL, RELEASES, recorded, redeemed
from tests.compatibility.world import SECRET, World, shapes
from tests.support.browser import PASSWORD, Browser

FILES = sorted(RELEASES.glob("*.json"))
Release = dict[str, Any]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def release(request: pytest.FixtureRequest) -> Release:
    """What a release recorded."""
    document: Release = json.loads(Path(request.param).read_text("utf-8"))
    return document


@pytest.fixture
def went_on(world: World, release: Release) -> World:
    """This release, on what that one has stored, five seconds later."""
    world.store(release)
    world.now = release["at"] + 5
    return world


def test_this_release_is_recorded_too() -> None:
    assert VERSION in [path.stem for path in FILES], "python -m tests.compatibility.record writes it"


def test_a_refresh_token_is_good_once_more_and_the_one_before_it_gets_the_same_successor(
    went_on: World, release: Release
) -> None:
    tokens = release["held"]["tokens"]
    again = went_on.post_as_app("/token", grant_type="refresh_token", refresh_token=tokens["superseded_refresh_token"])
    assert (again.status, again.body["refresh_token"]) == (200, tokens["refresh_token"])
    went_on.now += 60
    answer = went_on.post_as_app("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.status == 200
    assert answer.body["refresh_token"] != tokens["refresh_token"]


def test_a_replay_is_noticed(went_on: World, release: Release) -> None:
    tokens = release["held"]["tokens"]
    went_on.now += 60
    replayed = tokens["superseded_refresh_token"]
    assert went_on.post_as_app("/token", grant_type="refresh_token", refresh_token=replayed).status == 400
    assert (
        went_on.post_as_app("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status == 400
    )


def test_an_access_token_is_good_and_a_revoked_one_is_not(went_on: World, release: Release) -> None:
    tokens = release["held"]["tokens"]
    answer = went_on.get("/userinfo", tokens["access_token"])
    assert (answer.status, answer.body["email"]) == (200, EMAIL)
    assert went_on.post_as_app("/token/introspect", token=tokens["access_token"]).body["active"] is True
    assert went_on.get("/userinfo", release["held"]["revoked access token"]).status == 401
    own = release["held"]["client's own token"]["access_token"]
    assert went_on.post_as_app("/token/introspect", token=own).body["active"] is True


def test_a_code_is_redeemed_once(went_on: World, release: Release) -> None:
    assert redeemed(went_on, release["held"]["code"])["refresh_token"]
    assert redeemed(went_on, release["held"]["code"])["error"] == "invalid_grant"


def test_a_login_page_that_stood_open_is_filled_in(went_on: World, release: Release) -> None:
    page = release["held"]["waiting login"]
    browser = Browser(went_on)  # type: ignore[arg-type]  # it has what a browser asks of a BrowserWorld
    browser.cookies |= page["cookies"]
    consent = browser.post(page["action"], {**page["fields"], "login": EMAIL, "password": PASSWORD})
    code = browser.approve(consent).answer["code"]
    assert redeemed(went_on, code)["id_token"]


def test_a_device_goes_on_waiting_and_one_that_was_approved_gets_its_tokens(went_on: World, release: Release) -> None:
    def poll(device: str) -> Any:
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        form = {"grant_type": grant, "client_id": "cli", "device_code": release["held"][device]["device_code"]}
        return went_on.post("/token", form).body

    assert poll("device that waits")["error"] == "authorization_pending"
    assert poll("device that was approved")["refresh_token"]


def test_a_client_of_the_table_is_known(went_on: World) -> None:
    form = {"grant_type": "client_credentials", "client_id": "reports", "client_secret": SECRET}
    assert went_on.post("/token", form).status == 200


def test_the_jwks_is_the_rings_and_the_rotation_goes_on_with_it(went_on: World, release: Release) -> None:
    before = {key["kid"] for key in went_on.get("/keys").body["keys"]}
    listed = went_on.rotate({"command": "list"}, None)
    assert before == {key["kid"] for key in listed["signing_keys"]}
    assert went_on.rotate({}, None)["changes"] == []
    went_on.now += 26 * 3600
    changes = went_on.rotate({}, None)["changes"]
    assert {change["what"] for change in changes} >= {"made"}
    assert before & {key["kid"] for key in went_on.get("/keys").body["keys"]}
    assert went_on.stored()["secret"] != release["secret"]


def test_what_is_stored_now_has_all_that_the_release_stored_so_that_it_can_be_gone_back_to(
    world: World, release: Release
) -> None:
    again = recorded(world)
    assert again["held"].keys() >= release["held"].keys()
    now = list(shapes(again))
    for where, shape in shapes(release):
        nearest = min((shape - other for place, other in now if place == where), key=len)
        assert not nearest, (
            f"{where}: the release {release['release']} reads {sorted(nearest)}, which is not stored now"
        )
