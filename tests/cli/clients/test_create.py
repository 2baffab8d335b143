"""`sundial clients create`, as an operator types it; what comes of it, as the client sees it."""

from __future__ import annotations

import pytest

from sundial.clients.document import LARGEST_DOCUMENT
from sundial.store import clients as store
from sundial.store.clients import DynamoClients
from tests.support.client_commands import TEXT, create, stored
from tests.support.families import REDIRECT_URI
from tests.support.operator import Operator
from tests.support.refresh_world import RefreshWorld
from tests.support.stack import OwnStack


def test_create_shows_the_secret_once_and_keeps_its_digest(
    sundial: Operator, table: DynamoClients, stack: OwnStack
) -> None:
    result = sundial(f"clients create app --name 'The App' --redirect-uri {REDIRECT_URI}")
    assert result.status == 0
    secret = result.out.split("client_secret")[1].split()[0]
    assert len(secret) == 43
    assert "shown this once" in result.out
    assert secret not in str(stack.dynamodb.scan(TableName=stack.directory_table)["Items"])
    for command in ("clients show app", "clients show app --json", "clients list", "clients list --json"):
        shown = sundial(command)
        assert shown.status == 0
        assert secret not in shown.out + shown.err
        assert str(stored(table).document["secretHash"]) not in shown.out + shown.err


def test_a_client_that_was_created_logs_in_and_refreshes(sundial: Operator, world: RefreshWorld) -> None:
    app = {"client_id": "app", "client_secret": create(sundial)}
    tokens = world.redeem(world.log_in(client_id="app"), **app).body
    world.now += 60
    assert world.refresh(tokens["refresh_token"], **app).status == 200
    assert world.redeem(world.log_in(client_id="app"), client_id="app", client_secret="x").status == 401


def test_a_client_may_say_whatever_one_of_the_file_may(sundial: Operator, table: DynamoClients) -> None:
    result = sundial(
        "clients create app --redirect-uri https://a.example/callback --redirect-uri https://b.example/callback"
        " --logo-url https://a.example/logo.svg --allowed-connector local --trusted-peer example-app"
        " --id-token-signed-response-alg ES256 --id-tokens 30m --reuse-interval 10s --no-disable-rotation"
        " --on-replay reject --json"
    )
    assert result.status == 0, result.err
    document = dict(stored(table).document)
    assert len(document.pop("secretHash")) == 64
    assert document == result.json["document"]
    assert document == {
        "id": "app",
        "redirectURIs": ["https://a.example/callback", "https://b.example/callback"],
        "trustedPeers": ["example-app"],
        "allowedConnectors": ["local"],
        "logoURL": "https://a.example/logo.svg",
        "idTokenSignedResponseAlg": "ES256",
        "expiry": {
            "idTokens": "30m",
            "refreshTokens": {"disableRotation": False, "reuseInterval": "10s", "onReplay": "reject"},
        },
    }


def test_a_public_client_has_no_secret(sundial: Operator, table: DynamoClients) -> None:
    result = sundial("clients create cli --public")
    assert result.status == 0
    assert "client_secret" not in result.out
    assert stored(table, "cli").document == {"id": "cli", "public": True}
    assert "secret" not in sundial("clients create cli-2 --public --json").json


def test_a_client_of_the_file_cannot_be_created(sundial: Operator, table: DynamoClients) -> None:
    result = sundial(f"clients create example-app --redirect-uri {REDIRECT_URI}")
    assert (result.status, result.out) == (1, "")
    assert "example-app is a client of the configuration file, which wins" in result.err
    assert table.client("example-app") is None


def test_a_client_that_is_there_cannot_be_created_again(sundial: Operator, table: DynamoClients) -> None:
    create(sundial)
    result = sundial(f"clients create app --name Second --redirect-uri {REDIRECT_URI}")
    assert (result.status, result.err) == (1, "sundial: there is a client app: `sundial clients update` changes it\n")
    assert stored(table).version == 1


def test_every_problem_of_a_client_is_named_at_once_and_nothing_is_written(
    sundial: Operator, table: DynamoClients
) -> None:
    result = sundial("clients create app --redirect-uri callback --allowed-connector github --id-tokens 90d")
    assert result.status == 1
    lines = [line.strip().partition(":")[0] for line in result.err.splitlines()[1:]]
    assert lines == ["redirectURIs[0]", "expiry.idTokens", "allowedConnectors[0]"]
    assert table.client("app") is None


def test_what_is_unwise_is_said_and_done(sundial: Operator) -> None:
    result = sundial("clients create app --redirect-uri http://app.example.com/callback")
    assert result.status == 0
    assert result.err.startswith("sundial: warning: redirectURIs[0]: is http")


@pytest.mark.parametrize(
    ("options", "key", "longest"),
    [("--id-tokens 1h1s", "expiry.idTokens", "1h"), ("--absolute-lifetime 101h", "expiry.refreshTokens", "100h")],
)
def test_a_lifetime_beyond_the_longest_of_the_deployed_configuration_is_refused_and_the_longest_named(
    sundial: Operator, table: DynamoClients, options: str, key: str, longest: str
) -> None:
    result = sundial(f"clients create app --redirect-uri {REDIRECT_URI} {options}")
    assert result.status == 1
    assert f"{key}: " in result.err
    assert f"'{longest}'" in result.err
    assert table.client("app") is None


def test_a_longer_lifetime_is_taken_once_a_configuration_with_it_is_deployed(sundial: Operator) -> None:
    sundial.deploy(TEXT.replace("idTokens: 1h", "idTokens: 2h"))
    assert sundial(f"clients create app --redirect-uri {REDIRECT_URI} --id-tokens 2h").status == 0


@pytest.mark.parametrize("client_id", ["''", "'two words'", "caf\u00e9", "x" * 129])
def test_an_id_that_no_client_can_have_is_refused(sundial: Operator, client_id: str) -> None:
    result = sundial(f"clients create {client_id}")
    assert result.status == 2
    assert "printable ASCII" in result.err


def test_a_client_without_an_end_of_settings_is_refused(sundial: Operator, table: DynamoClients) -> None:
    uris = " ".join(f"--redirect-uri https://app.example.com/{'x' * 900}/{number}" for number in range(10))
    assert len(uris) > LARGEST_DOCUMENT
    result = sundial(f"clients create app {uris}")
    assert (result.status, "8 kB" in result.err) == (1, True)
    assert table.client("app") is None


def test_where_there_is_no_room_for_more_clients_that_is_said(
    sundial: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_CLIENTS", 1)
    create(sundial)
    result = sundial("clients create another --public")
    assert (result.status, "no room for more" in result.err) == (1, True)
