"""`sundial clients`, as an operator types it; what comes of it, as the client sees it."""

from __future__ import annotations

import pytest

from sundial.clients.document import LARGEST_DOCUMENT
from sundial.expiry.family import Claims
from sundial.store import clients as store
from sundial.store.clients import DynamoClients, StoredClient
from tests.support.families import LOGIN_AT, REDIRECT_URI, a_login
from tests.support.operator import MakeOperator, Operator
from tests.support.refresh_world import RefreshWorld, quick_config
from tests.support.stack import OwnStack
from tests.support.token_world import USER_ID

TEXT = quick_config(everywhere="{absoluteLifetime: 100h}")
DAY = 86400


@pytest.fixture
def sundial(make_operator: MakeOperator) -> Operator:
    return make_operator(TEXT)


@pytest.fixture
def table(stack: OwnStack) -> DynamoClients:
    return DynamoClients(stack.dynamodb, stack.directory_table)


@pytest.fixture
def world(stack: OwnStack, table: DynamoClients) -> RefreshWorld:
    """The token endpoint of the same deployment, which has not asked for any client yet."""
    world = RefreshWorld(stack=stack)
    world.clients = table
    world.configure(TEXT)
    return world


def stored(table: DynamoClients, client_id: str = "app") -> StoredClient:
    client = table.client(client_id)
    assert client is not None
    return client


def create(sundial: Operator, client_id: str = "app", options: str = f"--redirect-uri {REDIRECT_URI}") -> str:
    """Create a client and return its secret."""
    result = sundial(f"clients create {client_id} {options} --json")
    assert result.status == 0, result.err
    return str(result.json["secret"])


# create


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


# list and show


def test_the_list_has_the_clients_of_the_file_marked_read_only_and_those_of_the_table(sundial: Operator) -> None:
    create(sundial, options="--name 'The App' --redirect-uri https://app.example.com/callback")
    lines = sundial("clients list").out.splitlines()
    assert lines[0].split() == ["CLIENT", "NAME", "KIND", "KEPT", "IN", "REDIRECTS", "TO"]
    rows = [" ".join(line.split()) for line in lines[1:]]
    assert f"example-app example-app confidential file, read-only {REDIRECT_URI}" in rows
    assert "example-cli example-cli public file, read-only" in rows
    assert "app The App confidential table https://app.example.com/callback" in rows


def test_the_list_for_a_script_says_the_same(sundial: Operator) -> None:
    create(sundial)
    listed = {client["id"]: client for client in sundial("clients list --json").json["clients"]}
    static = listed["example-app"]
    assert (static["source"], static["read_only"]) == ("file", True)
    assert static["document"] == {"id": "example-app", "name": "example-app", "redirectURIs": [REDIRECT_URI]}
    assert listed["app"] == {
        "id": "app",
        "source": "table",
        "read_only": False,
        "document": {"id": "app", "redirectURIs": [REDIRECT_URI]},
        "hidden": False,
        "problems": [],
        "created_at": LOGIN_AT,
        "updated_at": LOGIN_AT,
        "former_secret_until": None,
    }


def test_a_client_that_the_file_came_to_hide_is_shown_as_that(sundial: Operator) -> None:
    create(sundial)
    sundial.deploy(TEXT.replace("id: another-app", "id: app"))
    assert "table, hidden by the file" in sundial("clients list").out
    assert "file, read-only" in sundial("clients show app").out


def test_a_client_that_no_longer_fits_is_shown_as_that_with_the_reason(sundial: Operator) -> None:
    assert sundial("clients create app --public --id-token-signed-response-alg ES256").status == 0
    sundial.deploy(TEXT.replace("[ES256]", "[RS256]"))
    assert "table, unusable" in sundial("clients list").out
    result = sundial("clients show app")
    assert "error: idTokenSignedResponseAlg: is not one of signing.algorithms" in result.err


def test_show_says_all_that_there_is_to_say(sundial: Operator) -> None:
    assert sundial("clients create app --public --reuse-interval 10s --name 'The App'").status == 0
    sundial.now += 3600
    fields = dict(line.strip().split("  ", 1) for line in sundial("clients show app").out.splitlines())
    assert {key: value.strip() for key, value in fields.items()} == {
        "kept in": "table",
        "kind": "public",
        "id": "app",
        "public": "true",
        "name": "The App",
        "expiry.refreshTokens.reuseInterval": "10s",
        "created": "2027-01-15 08:00:00Z (1 h ago)",
        "changed": "2027-01-15 08:00:00Z (1 h ago)",
    }


@pytest.mark.parametrize("command", ["show", "update --name x", "rotate-secret", "delete --yes"])
def test_a_client_that_nobody_knows_is_no_client(sundial: Operator, command: str) -> None:
    name, _, options = command.partition(" ")
    result = sundial(f"clients {name} nobody {options}")
    assert (result.status, result.err) == (1, "sundial: there is no client nobody\n")


@pytest.mark.parametrize("command", ["update --name x", "rotate-secret", "delete --yes"])
def test_a_client_of_the_file_is_read_only(sundial: Operator, command: str) -> None:
    name, _, options = command.partition(" ")
    result = sundial(f"clients {name} example-app {options}")
    assert result.status == 1
    assert "is a client of the configuration file, which wins: change it there, and deploy" in result.err


# update


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


# rotate-secret


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


# delete


def test_delete_asks_ends_every_login_to_the_client_and_no_other(
    sundial: Operator, world: RefreshWorld, table: DynamoClients
) -> None:
    app = {"client_id": "app", "client_secret": create(sundial)}
    token = world.redeem(world.log_in(client_id="app"), **app).body["refresh_token"]
    access_token = world.redeem(world.log_in(client_id="app"), **app).body["access_token"]
    other = world.refresh_token()
    assert sundial("clients delete app").status == 2
    assert sundial("clients delete app", typed="\n").status == 1
    assert stored(table).deleted_at is None

    result = sundial("clients delete app", typed="y\n")
    assert result.status == 0
    assert result.out.startswith("Deleted the client app; ended 2 logins.\n")
    assert world.refresh(token, **app).error == (400, "invalid_grant"), "a function may know the client for a minute"
    assert world.userinfo(access_token).status == 401
    world.now += 60
    assert world.refresh(token, **app).error == (401, "invalid_client")
    assert world.refresh(other).status == 200
    assert "app " not in sundial("clients list").out.replace("-app ", "")


def test_delete_for_a_script(sundial: Operator, world: RefreshWorld) -> None:
    app = {"client_id": "app", "client_secret": create(sundial)}
    world.redeem(world.log_in(client_id="app"), **app)
    result = sundial("clients delete app --yes --json")
    assert result.json == {"id": "app", "deleted_at": LOGIN_AT, "revoked": 1}


def test_deleting_once_more_ends_what_began_while_functions_still_knew_the_client(
    sundial: Operator, world: RefreshWorld
) -> None:
    app = {"client_id": "app", "client_secret": create(sundial)}
    world.redeem(world.log_in(client_id="app"), **app)
    sundial("clients delete app --yes")
    world.now += 59
    assert world.redeem(world.log_in(client_id="app"), **app).status == 200
    result = sundial("clients delete app")
    assert result.status == 0
    assert result.out == "The client app was deleted before; ended 1 login that began since.\n"


def test_a_new_client_of_a_deleted_ones_id_is_given_nothing_that_was_the_other_ones(
    sundial: Operator, world: RefreshWorld
) -> None:
    app = {"client_id": "app", "client_secret": create(sundial)}
    world.redeem(world.log_in(client_id="app"), **app)
    sundial("clients delete app --yes")
    world.now += 59
    token = world.redeem(world.log_in(client_id="app"), **app).body["refresh_token"]

    sundial.now += 90
    result = sundial(f"clients create app --redirect-uri {REDIRECT_URI}")
    assert result.status == 1
    assert "app was deleted at 2027-01-15 08:00:00Z" in result.err
    assert "create it after that" in result.err
    sundial.now += 1
    app["client_secret"] = create(sundial)
    world.now = sundial.now + 60
    assert world.refresh(token, **app).error == (400, "invalid_grant")
    assert world.redeem(world.log_in(client_id="app"), **app).status == 200


def test_a_deleted_client_tells_the_event_bus_and_the_logins_say_why(
    sundial: Operator, world: RefreshWorld, stack: OwnStack
) -> None:
    app = {"client_id": "app", "client_secret": create(sundial)}
    world.redeem(world.log_in(client_id="app"), **app)
    sundial("clients delete app --yes")
    (item,) = stack.dynamodb.scan(TableName=stack.families_table)["Items"]
    assert item["revoked_why"] == {"S": "client is gone"}


def test_a_login_is_found_however_many_others_there_are(
    sundial: Operator, world: RefreshWorld, stack: OwnStack
) -> None:
    create(sundial)
    for number in range(40):
        claims = Claims(USER_ID, email=f"user{number}@example.com")
        world.families.begin(a_login(client_id="app" if number % 4 == 0 else "example-app", claims=claims))
    assert "ended 10 logins" in sundial("clients delete app --yes").out


# what keeps a command from doing anything


def test_a_deployment_that_is_not_there_is_status_3(sundial: Operator) -> None:
    (sundial.folder / "environment").unlink()
    result = sundial("clients list")
    assert result.status == 3
    assert "start `make run` first" in result.err


def test_a_table_that_is_not_there_is_status_3(sundial: Operator) -> None:
    text = (sundial.folder / "environment").read_text("utf-8")
    table = sundial.stack.directory_table
    (sundial.folder / "environment").write_text(text.replace(table, "no-such-table"), encoding="utf-8")
    result = sundial("clients list")
    assert (result.status, "ResourceNotFoundException" in result.err) == (3, True)
