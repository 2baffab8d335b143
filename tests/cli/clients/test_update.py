"""`sundial clients update`: what is said changes, and the rest stays."""

from __future__ import annotations

import pytest

from sundial.store.clients import DynamoClients, StoredClient
from tests.support.client_commands import create, stored
from tests.support.families import LOGIN_AT, REDIRECT_URI
from tests.support.operator import Operator


def test_update_changes_what_is_said_and_leaves_the_rest(sundial: Operator, table: DynamoClients) -> None:
    create(sundial, options=f"--name Old --redirect-uri {REDIRECT_URI} --id-tokens 30m --reuse-interval 10s")
    before = stored(table)
    sundial.now += 5
    result = sundial("clients update app --name New --id-tokens '' --redirect-uri https://app.example.com/new")
    assert (result.status, result.out) == (0, "Changed the client app. Functions know it within a minute.\n")
    after = stored(table)
    assert after.document == {
        "id": "app",
        "secretHash": before.document["secretHash"],
        "name": "New",
        "redirectURIs": ["https://app.example.com/new"],
        "expiry": {"refreshTokens": {"reuseInterval": "10s"}},
    }
    assert (after.version, after.created_at, after.updated_at) == (2, LOGIN_AT, LOGIN_AT + 5)


def test_an_update_to_what_no_client_can_be_is_refused(sundial: Operator, table: DynamoClients) -> None:
    create(sundial)
    assert sundial("clients update app --id-tokens 2h").status == 1
    assert stored(table).version == 1


def test_an_update_of_nothing_is_no_update(sundial: Operator, table: DynamoClients) -> None:
    create(sundial)
    result = sundial("clients update app")
    assert (result.status, "say what is to change" in result.err) == (2, True)
    assert stored(table).version == 1


def test_of_two_who_change_a_client_at_once_the_second_is_told(
    sundial: Operator, table: DynamoClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(sundial)
    update = DynamoClients.update

    def update_too_late(self: DynamoClients, client: StoredClient) -> bool:
        assert update(self, stored(table))
        return update(self, client)

    monkeypatch.setattr(DynamoClients, "update", update_too_late)
    for command in ("clients update app --name Late", "clients rotate-secret app"):
        result = sundial(command)
        assert (result.status, result.out) == (1, "")
        assert "somebody else has changed app meanwhile" in result.err
    assert "name" not in stored(table).document
