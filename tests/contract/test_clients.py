"""The table of clients, on an engine with atomic transactions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from sundial.errors import OAuthError
from sundial.store import clients as store
from sundial.store.clients import DynamoClients, StoredClient, TooManyClientsError
from tests.support.clients import a_client
from tests.support.families import LOGIN_AT
from tests.support.stack import OwnStack


@pytest.fixture
def clients(stack: OwnStack) -> DynamoClients:
    return DynamoClients(stack.dynamodb, stack.directory_table)


def new(client_id: str = "table-app", **document: Any) -> StoredClient:
    return replace(a_client(client_id, **document), version=0)


def read(clients: DynamoClients, client_id: str = "table-app") -> StoredClient:
    client = clients.client(client_id)
    assert client is not None
    return client


def test_a_new_client_reads_back_as_it_was_written_and_its_id_is_known(clients: DynamoClients) -> None:
    client = replace(new(name="Café ☕", former_until=LOGIN_AT + 60), version=0)
    assert clients.create(client)
    assert read(clients) == replace(client, version=1)
    assert clients.ids() == {"table-app"}
    assert list(clients.all()) == [read(clients)]


def test_nobody_is_nobody(clients: DynamoClients) -> None:
    assert clients.client("nobody") is None
    assert clients.ids() == frozenset()
    assert list(clients.all()) == []


def test_the_table_holds_no_secret_only_digests(clients: DynamoClients, stack: OwnStack) -> None:
    clients.create(replace(new(), former_secret=a_client(former_until=LOGIN_AT).former_secret))
    items = str(stack.dynamodb.scan(TableName=stack.directory_table)["Items"])
    assert "secretHash" in items
    assert "the-secret-" not in items


def test_an_id_that_is_taken_is_refused_and_nothing_is_written(clients: DynamoClients) -> None:
    clients.create(new(name="First"))
    assert not clients.create(new(name="Second"))
    assert not clients.create(replace(new(name="Third"), version=1))
    assert read(clients).document["name"] == "First"


def test_a_change_is_written_over_the_version_that_was_read_and_no_other(clients: DynamoClients) -> None:
    clients.create(new())
    first, second = read(clients), read(clients)
    assert clients.update(replace(first, document={**first.document, "name": "One"}))
    assert not clients.update(replace(second, document={**second.document, "name": "Two"}))
    assert (read(clients).document["name"], read(clients).version) == ("One", 2)


def test_a_client_that_is_not_there_cannot_be_changed_or_deleted(clients: DynamoClients) -> None:
    assert not clients.update(a_client())
    assert not clients.delete(a_client(), LOGIN_AT)
    assert clients.client("table-app") is None
    assert clients.ids() == frozenset()


def test_of_a_deleted_client_only_that_is_left(clients: DynamoClients) -> None:
    clients.create(new(former_until=LOGIN_AT + 60))
    clients.create(new("other"))
    assert clients.delete(read(clients), LOGIN_AT + 5)
    gone = read(clients)
    assert (gone.deleted_at, gone.document, gone.former_secret, gone.version) == (LOGIN_AT + 5, {}, None, 2)
    assert clients.ids() == {"other"}
    assert [client.id for client in clients.all()] == ["other"]
    assert not clients.update(gone)
    assert not clients.delete(gone, LOGIN_AT + 6)


def test_a_deleted_client_makes_room_for_one_who_has_seen_that_it_is_deleted(clients: DynamoClients) -> None:
    clients.create(new())
    clients.delete(read(clients), LOGIN_AT)
    assert not clients.create(new(name="Blind"))
    assert clients.create(replace(new(name="Next"), version=read(clients).version))
    assert (read(clients).document["name"], read(clients).deleted_at, read(clients).version) == ("Next", None, 3)
    assert clients.ids() == {"table-app"}


def test_a_client_that_changed_meanwhile_is_not_deleted(clients: DynamoClients) -> None:
    clients.create(new())
    before = read(clients)
    clients.update(before)
    assert not clients.delete(before, LOGIN_AT)
    assert clients.ids() == {"table-app"}


def test_of_many_who_create_one_client_at_once_one_does(clients: DynamoClients) -> None:
    for round_ in range(5):
        with ThreadPoolExecutor(8) as pool:
            created = list(pool.map(lambda name, id=f"app-{round_}": clients.create(new(id, name=str(name))), range(8)))
        assert sum(created) == 1
        assert read(clients, f"app-{round_}").document["name"] == str(created.index(True))


def test_there_are_only_so_many_clients(clients: DynamoClients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_CLIENTS", 2)
    assert clients.create(new("one"))
    assert clients.create(new("two"))
    with pytest.raises(TooManyClientsError):
        clients.create(new("three"))
    assert clients.client("three") is None
    assert clients.delete(read(clients, "one"), LOGIN_AT)
    assert clients.create(new("three"))


def test_more_clients_than_one_read_brings_are_listed_in_order(clients: DynamoClients) -> None:
    ids = [f"app-{number:03}" for number in range(103)]
    for client_id in reversed(ids):
        clients.create(new(client_id))
    assert [client.id for client in clients.all()] == ids


def test_a_table_that_is_not_there_is_a_503(stack: OwnStack) -> None:
    clients = DynamoClients(stack.dynamodb, "no-such-table")
    calls = (
        clients.ids,
        lambda: clients.client("a"),
        lambda: list(clients.all()),
        lambda: clients.create(new()),
        lambda: clients.update(new()),
        lambda: clients.delete(new(), LOGIN_AT),
    )
    for call in calls:
        with pytest.raises(OAuthError) as raised:
            call()
        assert raised.value.status == 503
