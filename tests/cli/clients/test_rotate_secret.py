"""`sundial clients rotate-secret`: two secrets work for a while, to the second."""

from __future__ import annotations

import pytest

from sundial.store.clients import DynamoClients
from tests.support.client_commands import create, stored
from tests.support.families import LOGIN_AT
from tests.support.operator import Operator
from tests.support.refresh_world import RefreshWorld

DAY = 86400


def test_after_a_rotation_both_secrets_work_for_a_day_to_the_second(sundial: Operator, world: RefreshWorld) -> None:
    old = create(sundial)
    result = sundial("clients rotate-secret app --json")
    new = result.json["secret"]
    assert result.json["former_secret_until"] == LOGIN_AT + DAY
    for now, old_works in ((LOGIN_AT + 60, True), (LOGIN_AT + DAY, True), (LOGIN_AT + DAY + 1, False)):
        world.now = now
        code = world.log_in(client_id="app")
        assert world.redeem(code, client_id="app", client_secret=old).status == (200 if old_works else 401)
        assert world.redeem(world.log_in(client_id="app"), client_id="app", client_secret=new).status == 200


def test_a_rotation_shows_the_new_secret_and_how_long_the_old_one_works(sundial: Operator) -> None:
    create(sundial)
    result = sundial("clients rotate-secret app --overlap 1h30m")
    assert result.status == 0
    assert "the one before it works until 2027-01-15 09:30:00Z (in 1 h 30 min)" in result.out
    assert "client_secret  " in result.out
    assert "works until 2027-01-15 09:30:00Z" in sundial("clients show app").out
    sundial.now += 5401
    assert "worked until 2027-01-15 09:30:00Z" in sundial("clients show app").out


def test_a_second_rotation_inside_the_overlap_asks_since_only_two_secrets_work_at_once(
    sundial: Operator, table: DynamoClients
) -> None:
    create(sundial)
    sundial("clients rotate-secret app")
    first = stored(table)
    sundial.now += DAY
    assert sundial("clients rotate-secret app").status == 2
    assert sundial("clients rotate-secret app", typed="n\n").err.endswith("sundial: nothing was changed\n")
    assert stored(table) == first
    assert sundial("clients rotate-secret app", typed="y\n").status == 0
    sundial.now += DAY + 1
    assert sundial("clients rotate-secret app").status == 0


def test_without_an_overlap_the_old_secret_ends_at_once_after_a_question(
    sundial: Operator, world: RefreshWorld
) -> None:
    old = create(sundial)
    assert sundial("clients rotate-secret app --overlap 0").status == 2
    new = sundial("clients rotate-secret app --overlap 0 --yes --json").json["secret"]
    code = world.log_in(client_id="app")
    assert world.redeem(code, client_id="app", client_secret=old).status == 401
    assert world.redeem(code, client_id="app", client_secret=new).status == 200


def test_a_public_client_has_no_secret_to_rotate(sundial: Operator) -> None:
    sundial("clients create cli --public")
    result = sundial("clients rotate-secret cli")
    assert (result.status, result.err) == (1, "sundial: cli is a public client, which has no secret\n")


@pytest.mark.parametrize("overlap", ["1d", "-1h", "10", "soon"])
def test_an_overlap_is_a_duration(sundial: Operator, overlap: str) -> None:
    create(sundial)
    with pytest.raises(SystemExit) as stopped:
        sundial(f"clients rotate-secret app --overlap={overlap}")
    assert stopped.value.code == 2
