"""`sundial clients delete`: the client's logins end, and nobody else's."""

from __future__ import annotations

from sundial.expiry.family import Claims
from sundial.store.clients import DynamoClients
from tests.support.client_commands import create, stored
from tests.support.families import LOGIN_AT, REDIRECT_URI, a_login
from tests.support.operator import Operator
from tests.support.refresh_world import RefreshWorld
from tests.support.stack import OwnStack
from tests.support.token_world import USER_ID


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
