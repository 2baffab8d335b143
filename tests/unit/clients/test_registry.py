"""Which clients there are: the file's first, then the table's, which a function knows for a minute."""

from __future__ import annotations

import pytest

from sundial.clients import ClientRegistry
from sundial.errors import OAuthError
from tests.support.clients import MemoryClients, a_client, digest
from tests.support.config import APP, make_config
from tests.support.families import LOGIN_AT

NOW = LOGIN_AT


@pytest.fixture
def table() -> MemoryClients:
    return MemoryClients(a_client(name="Table App"))


@pytest.fixture
def registry(table: MemoryClients) -> ClientRegistry:
    return ClientRegistry(make_config(), lambda: table)


def test_a_client_of_the_file_is_found_without_a_network_call(registry: ClientRegistry, table: MemoryClients) -> None:
    client = registry.find("app", NOW)
    assert client is not None
    assert client.name == "The App"
    assert table.calls == []


def test_a_client_of_the_file_hides_one_of_the_table(registry: ClientRegistry, table: MemoryClients) -> None:
    table.put(a_client("app", name="Impostor"))
    client = registry.find("app", NOW)
    assert client is not None
    assert client.name == "The App"


def test_a_client_of_the_table_is_read_by_the_files_own_reader(registry: ClientRegistry) -> None:
    client = registry.find("table-app", NOW)
    assert client is not None
    assert (client.name, client.redirect_uris) == ("Table App", ("http://127.0.0.1:5555/callback",))
    assert client.secret_sha256 == digest("the-secret-of-a-client-in-the-table")


def test_what_a_function_knows_of_a_client_it_knows_for_a_minute(
    registry: ClientRegistry, table: MemoryClients
) -> None:
    registry.find("table-app", NOW)
    assert table.calls == ["ids", "table-app"]
    table.put(a_client(name="Renamed"))
    for now, name in ((NOW + 59, "Table App"), (NOW + 60, "Renamed")):
        client = registry.find("table-app", now)
        assert client is not None
        assert client.name == name
    assert table.calls == ["ids", "table-app"] * 2


def test_that_a_client_is_not_there_a_function_knows_for_a_minute_too(
    registry: ClientRegistry, table: MemoryClients
) -> None:
    assert registry.find("new-app", NOW) is None
    table.put(a_client("new-app"))
    assert registry.find("new-app", NOW + 59) is None
    assert registry.find("new-app", NOW + 60) is not None


def test_a_deleted_client_is_gone_within_a_minute(registry: ClientRegistry, table: MemoryClients) -> None:
    assert registry.find("table-app", NOW) is not None
    table.delete("table-app")
    assert registry.find("table-app", NOW + 59) is not None
    assert registry.find("table-app", NOW + 60) is None


def test_a_client_that_is_deleted_between_two_reads_is_nobody(registry: ClientRegistry, table: MemoryClients) -> None:
    registry.find("another", NOW)
    table.delete("table-app")
    assert registry.find("table-app", NOW + 1) is None


def test_unknown_ids_cost_one_read_a_minute_and_no_memory_however_many_come(
    registry: ClientRegistry, table: MemoryClients
) -> None:
    registry.find("table-app", NOW)
    for guess in range(10_000):
        assert registry.find(f"guess-{guess}", NOW + guess % 60) is None
    assert registry.find("x" * 60_000, NOW) is None
    assert table.calls == ["ids", "table-app"]
    assert len(registry._cached) == 1


def test_what_is_cached_is_no_more_than_there_is(registry: ClientRegistry, table: MemoryClients) -> None:
    for number in range(50):
        table.put(a_client(f"app-{number}"))
        registry.find(f"app-{number}", NOW + number * 60)
        table.delete(f"app-{number}")
    registry.find("nobody", NOW + 3600)
    assert registry._cached == {}


def test_a_clock_that_is_turned_back_makes_a_function_read_again(
    registry: ClientRegistry, table: MemoryClients
) -> None:
    registry.find("table-app", NOW)
    registry.find("table-app", NOW - 1)
    assert table.calls == ["ids", "table-app"] * 2


def test_a_table_that_cannot_be_reached_is_a_503_but_not_for_clients_of_the_file(
    registry: ClientRegistry, table: MemoryClients
) -> None:
    table.broken = True
    assert registry.find("app", NOW) is not None
    for client_id in ("table-app", "nobody"):
        with pytest.raises(OAuthError) as refusal:
            registry.find(client_id, NOW)
        assert refusal.value.status == 503
    table.broken = False
    assert registry.find("table-app", NOW + 1) is not None


def test_a_table_that_cannot_be_reached_is_not_asked_again_in_the_same_second(
    registry: ClientRegistry, table: MemoryClients
) -> None:
    """A request may name many clients, and each call may hang for as long as the SDK has patience."""
    table.broken = True
    for client_id in ("table-app", "another", "a-third"):
        with pytest.raises(OAuthError):
            registry.find(client_id, NOW)
    assert table.calls == ["ids"]


def test_an_id_that_nobody_knows_is_nobodys(registry: ClientRegistry) -> None:
    assert registry.find("", NOW) is None
    assert registry.find("clients", NOW) is None


def test_a_client_that_no_longer_fits_the_configuration_is_unknown_and_the_log_says_why(
    registry: ClientRegistry, table: MemoryClients, caplog: pytest.LogCaptureFixture
) -> None:
    table.put(a_client(idTokenSignedResponseAlg="ES256"))
    assert registry.find("table-app", NOW) is None
    (record,) = caplog.records
    assert record.message == "client_unusable"
    assert vars(record)["client_id"] == "table-app"
    assert vars(record)["errors"] == ["idTokenSignedResponseAlg: is not one of signing.algorithms"]


def test_a_client_keeps_the_connectors_that_are_left_of_those_it_allows(table: MemoryClients) -> None:
    table.put(a_client(allowedConnectors=["local", "removed-since"]))
    client = ClientRegistry(make_config(), lambda: table).find("table-app", NOW)
    assert client is not None
    assert client.allowed_connectors == ("local", "removed-since")


def test_lifetimes_longer_than_the_configuration_has_by_now_are_cut_to_its_longest(table: MemoryClients) -> None:
    table.put(a_client(expiry={"idTokens": "72h", "refreshTokens": {"absoluteLifetime": "9000h"}}))
    config = make_config(APP + "expiry: {idTokens: 1h, refreshTokens: {absoluteLifetime: 100h}}\n")
    client = ClientRegistry(config, lambda: table).find("table-app", NOW)
    assert client is not None
    assert config.id_token_lifetime(client, "local") == config.longest_id_token_lifetime
    limit = config.refresh_policy(client, "local").absolute_lifetime
    assert limit == config.expiry.refresh_tokens.absolute_lifetime


def test_the_former_secret_and_its_end_come_with_the_client(table: MemoryClients) -> None:
    table.put(a_client(former_until=NOW + 5))
    client = ClientRegistry(make_config(), lambda: table).find("table-app", NOW)
    assert client is not None
    assert client.former_secret == a_client(former_until=NOW + 5).former_secret
