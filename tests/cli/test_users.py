"""`sundial users`, as an operator types it; what comes of it, as the user and their clients see it."""

from __future__ import annotations

from dataclasses import replace

import bcrypt
import pytest

from sundial.connectors.password import PasswordConnector
from sundial.expiry.family import Claims
from sundial.store.directory import DynamoDirectory, LocalUser
from sundial.tokens.subject import subject
from tests.support.families import LOGIN_AT
from tests.support.operator import MakeOperator, Operator
from tests.support.refresh_world import RefreshWorld, quick_config
from tests.support.stack import OwnStack
from tests.support.token_world import USER_ID

TEXT = quick_config()
PASSWORD, NEW_PASSWORD = "correct horse", "battery staple"
QUICK = "--cost 10"


@pytest.fixture
def sundial(make_operator: MakeOperator) -> Operator:
    return make_operator(TEXT)


@pytest.fixture
def world(stack: OwnStack) -> RefreshWorld:
    """The token endpoint of the same deployment."""
    world = RefreshWorld(stack=stack)
    world.configure(TEXT)
    return world


@pytest.fixture
def table(world: RefreshWorld) -> DynamoDirectory:
    return world.table


@pytest.fixture
def local(world: RefreshWorld) -> PasswordConnector:
    """What a login asks."""
    return PasswordConnector("local", "Email", world.config.static_passwords, lambda: world.table)


def create(sundial: Operator, email: str = "jane@example.com", options: str = "") -> None:
    result = sundial(f"users create {email} {QUICK} {options}", piped=f"{PASSWORD}\n")
    assert result.status == 0, result.err


def stored(table: DynamoDirectory, email: str = "jane@example.com") -> LocalUser:
    user = table.user(email)
    assert user is not None
    return user


def log_in(world: RefreshWorld, user: LocalUser, at: int | None = None) -> str:
    """Return the authorization code of a login of `user`, at the world's now unless said otherwise."""
    moment = world.now if at is None else at
    return world.log_in(claims=Claims(user.user_id, email=user.email), created_at=moment, auth_time=moment)


# create


def test_a_user_who_was_created_logs_in(sundial: Operator, local: PasswordConnector, table: DynamoDirectory) -> None:
    create(sundial, "Jane@Example.com", "--name 'Jane Doe' --username jane --group dev --group ops --no-email-verified")
    user = stored(table)
    assert local.log_in("jane@example.com", PASSWORD) == Claims(
        user.user_id, username="Jane Doe", email="Jane@Example.com", email_verified=False, groups=("dev", "ops")
    )
    assert local.log_in("jane@example.com", NEW_PASSWORD) is None


def test_only_a_bcrypt_hash_of_the_password_is_kept(sundial: Operator, table: DynamoDirectory, stack: OwnStack) -> None:
    result = sundial("users create jane@example.com", piped=f"{PASSWORD}\n")
    assert stored(table).hash.startswith(b"$2b$12$")
    assert PASSWORD not in str(stack.dynamodb.scan(TableName=stack.directory_table)["Items"])
    for command in ("users show jane@example.com", "users show jane@example.com --json", "users list --json"):
        shown = sundial(command)
        assert "$2b$" not in shown.out + shown.err
    assert PASSWORD not in result.out + result.err


def test_at_a_terminal_the_password_is_asked_for_twice(sundial: Operator, table: DynamoDirectory) -> None:
    sundial.passwords = [PASSWORD, PASSWORD]
    assert sundial(f"users create jane@example.com {QUICK}", typed="").status == 0
    assert bcrypt.checkpw(PASSWORD.encode(), stored(table).hash)
    sundial.passwords = [PASSWORD, NEW_PASSWORD]
    result = sundial(f"users create joe@example.com {QUICK}", typed="")
    assert (result.status, result.err) == (1, "sundial: the two are not the same; nothing was changed\n")
    assert table.user("joe@example.com") is None


@pytest.mark.parametrize(
    ("password", "why"), [("", "8 characters"), ("7 chars", "8 characters"), ("\u00fc" * 37, "72 bytes")]
)
def test_a_password_that_is_too_short_or_longer_than_bcrypt_looks_is_refused(
    sundial: Operator, table: DynamoDirectory, password: str, why: str
) -> None:
    result = sundial(f"users create jane@example.com {QUICK}", piped=f"{password}\n")
    assert (result.status, why in result.err) == (2, True)
    assert table.user("jane@example.com") is None


@pytest.mark.parametrize("cost", ["9", "17", "x"])
def test_the_cost_of_a_hash_has_bounds(sundial: Operator, cost: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        sundial(f"users create jane@example.com --cost {cost}", piped=f"{PASSWORD}\n")
    assert stopped.value.code == 2


def test_no_option_takes_a_password(sundial: Operator) -> None:
    for command in ("create", "set-password"):
        with pytest.raises(SystemExit):
            sundial(f"users {command} jane@example.com --password {PASSWORD.split()[0]}")


def test_a_user_who_comes_from_dex_keeps_their_sub(sundial: Operator) -> None:
    create(sundial, options="--user-id 2342749")
    shown = sundial("users show jane@example.com --json").json
    assert (shown["user_id"], shown["sub"]) == ("2342749", subject("2342749", "local"))


def test_a_user_of_the_file_cannot_be_created(sundial: Operator, table: DynamoDirectory) -> None:
    result = sundial(f"users create ADMIN@example.com {QUICK}", piped=f"{PASSWORD}\n")
    assert result.status == 1
    assert "is a user of the configuration file, which wins" in result.err
    result = sundial(f"users create jane@example.com {QUICK} --user-id {USER_ID}", piped=f"{PASSWORD}\n")
    assert (result.status, "clients would take both for one" in result.err) == (1, True)
    assert list(table.all()) == []


def test_an_email_or_a_user_id_that_is_somebodys_is_refused(sundial: Operator, table: DynamoDirectory) -> None:
    create(sundial, options="--user-id u-1")
    again = sundial(f"users create JANE@example.com {QUICK}", piped=f"{PASSWORD}\n")
    assert (again.status, "`sundial users update` changes them" in again.err) == (1, True)
    same_id = sundial(f"users create joe@example.com {QUICK} --user-id u-1", piped=f"{PASSWORD}\n")
    assert (same_id.status, "somebody else's" in same_id.err) == (1, True)
    assert [user.email for user in table.all()] == ["jane@example.com"]


@pytest.mark.parametrize(
    "email", ["jane", "@example.com", "jane@", "'jane doe@example.com'", "x" * 310 + "@example.com"]
)
def test_what_is_no_email_address_is_refused(sundial: Operator, email: str) -> None:
    result = sundial(f"users create {email} {QUICK}", piped=f"{PASSWORD}\n")
    assert (result.status, "is no email address" in result.err) == (2, True)


def test_where_local_users_are_off_none_is_created(sundial: Operator) -> None:
    text = TEXT[: TEXT.index("staticPasswords:")] + TEXT[TEXT.index("staticClients:") :]
    connectors = "connectors: [{type: mockCallback, id: mock, name: Mock}]\n"
    sundial.deploy(text.replace("enablePasswordDB: true\n", connectors))
    result = sundial(f"users create jane@example.com {QUICK}", piped=f"{PASSWORD}\n")
    assert (result.status, "nobody could log in" in result.err) == (1, True)


# list and show


def test_the_list_has_the_users_of_the_file_marked_read_only_and_those_of_the_table(sundial: Operator) -> None:
    create(sundial, "Zoe@example.com", "--name Zoe --group dev --user-id u-zoe")
    create(sundial, "bob@example.com", "--user-id u-bob")
    sundial("users disable bob@example.com --yes")
    rows = [" ".join(line.split()) for line in sundial("users list").out.splitlines()]
    assert rows == [
        "EMAIL NAME GROUPS KEPT IN USER ID",
        f"admin@example.com admin ops file, read-only {USER_ID}",
        "bob@example.com table, disabled u-bob",
        "Zoe@example.com Zoe dev table u-zoe",
    ]


def test_the_list_for_a_script_says_the_same(sundial: Operator) -> None:
    create(sundial, options="--user-id u-jane --group dev")
    admin, jane = sundial("users list --json").json["users"]
    assert (admin["email"], admin["source"], admin["read_only"]) == ("admin@example.com", "file", True)
    assert jane == {
        "email": "jane@example.com",
        "source": "table",
        "read_only": False,
        "user_id": "u-jane",
        "sub": subject("u-jane", "local"),
        "username": "",
        "name": "",
        "preferred_username": "",
        "email_verified": True,
        "groups": ["dev"],
        "hidden": False,
        "disabled": False,
        "created_at": LOGIN_AT,
        "updated_at": LOGIN_AT,
        "not_before": LOGIN_AT,
    }


def test_a_user_whom_the_file_came_to_hide_is_shown_as_that(sundial: Operator) -> None:
    create(sundial)
    sundial.deploy(TEXT.replace("email: admin@example.com", "email: jane@example.com"))
    assert "table, hidden by the file" in sundial("users list").out
    assert "file, read-only" in sundial("users show jane@example.com").out


@pytest.mark.parametrize(
    "command", ["show", "update --name x", "set-password --yes", "disable --yes", "enable", "delete --yes"]
)
def test_a_user_whom_nobody_knows_is_nobody(sundial: Operator, command: str) -> None:
    name, _, options = command.partition(" ")
    result = sundial(f"users {name} nobody@example.com {options}", piped=f"{NEW_PASSWORD}\n")
    assert (result.status, result.err) == (1, "sundial: there is no local user nobody@example.com\n")


@pytest.mark.parametrize(
    "command", ["update --name x", "set-password --yes", "disable --yes", "enable", "delete --yes"]
)
def test_a_user_of_the_file_is_read_only(sundial: Operator, command: str) -> None:
    name, _, options = command.partition(" ")
    result = sundial(f"users {name} admin@example.com {options}", piped=f"{NEW_PASSWORD}\n")
    assert result.status == 1
    assert "is a user of the configuration file, which wins: change it there, and deploy" in result.err


# update


def test_update_changes_what_is_said_and_leaves_the_rest(sundial: Operator, table: DynamoDirectory) -> None:
    create(sundial, options="--name Jane --username jane --group dev")
    before = stored(table)
    sundial.now += 5
    result = sundial("users update JANE@example.com --name 'Jane Doe' --username '' --group ops --no-email-verified")
    assert result.status == 0
    assert stored(table) == replace(
        before, name="Jane Doe", username="", groups=("ops",), email_verified=False, updated_at=LOGIN_AT + 5, version=2
    )


def test_a_refresh_shows_the_change_and_no_login_ends(
    sundial: Operator, world: RefreshWorld, table: DynamoDirectory
) -> None:
    create(sundial)
    token = world.redeem(log_in(world, stored(table))).body["refresh_token"]
    assert sundial("users update jane@example.com --email doe@example.com --group ops").status == 0
    world.now += 60
    assert world.refresh(token).status == 200
    assert table.user("jane@example.com") is None
    assert stored(table, "doe@example.com").groups == ("ops",)


def test_a_new_email_that_is_somebodys_is_refused(sundial: Operator, table: DynamoDirectory) -> None:
    create(sundial)
    create(sundial, "joe@example.com")
    result = sundial("users update jane@example.com --email JOE@example.com")
    assert (result.status, result.err) == (1, "sundial: JOE@example.com is somebody else's\n")
    assert sundial("users update jane@example.com --email admin@example.com").status == 1
    assert stored(table).version == 1


def test_an_update_of_nothing_is_no_update(sundial: Operator, table: DynamoDirectory) -> None:
    create(sundial)
    assert sundial("users update jane@example.com").status == 2
    assert stored(table).version == 1


def test_of_two_who_change_a_user_at_once_the_second_is_told(
    sundial: Operator, table: DynamoDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(sundial)
    update = DynamoDirectory.update

    def update_too_late(self: DynamoDirectory, before: LocalUser, after: LocalUser) -> bool:
        assert update(self, before, before)
        return update(self, before, after)

    monkeypatch.setattr(DynamoDirectory, "update", update_too_late)
    for command in ("update jane@example.com --name Late", "disable jane@example.com --yes"):
        result = sundial(f"users {command}")
        assert (result.status, result.out) == (1, "")
        assert "somebody else has changed jane@example.com meanwhile" in result.err
    assert stored(table).name == ""


# set-password, disable, enable, delete


ENDINGS = {
    "set-password": ("has a new password", "password changed"),
    "disable": ("Disabled jane@example.com", "user is disabled"),
    "delete": ("Deleted jane@example.com", "user is gone"),
}


@pytest.mark.parametrize("command", ENDINGS)
def test_it_asks_and_ends_every_login_of_the_user_and_of_no_other(
    sundial: Operator, world: RefreshWorld, table: DynamoDirectory, stack: OwnStack, command: str
) -> None:
    create(sundial)
    user, words = stored(table), ENDINGS[command]
    first, second = (world.redeem(log_in(world, user)).body for _ in range(2))
    other = world.refresh_token()
    sundial.now += 60
    world.now += 60
    assert sundial(f"users {command} jane@example.com", piped=f"{NEW_PASSWORD}\n").status == 2
    assert sundial(f"users {command} jane@example.com", typed="no\n").status == 1
    assert stored(table) == user

    result = sundial(
        f"users {command} jane@example.com --yes {QUICK if command == 'set-password' else ''}",
        piped=f"{NEW_PASSWORD}\n",
    )
    assert result.status == 0, result.err
    assert words[0] in result.out
    assert "ended 2 logins." in result.out
    for tokens in (first, second):
        assert world.refresh(tokens["refresh_token"]).error == (400, "invalid_grant")
        assert world.userinfo(tokens["access_token"]).status == 401
    assert world.refresh(other).status == 200
    reasons = [item.get("revoked_why") for item in stack.dynamodb.scan(TableName=stack.families_table)["Items"]]
    assert sorted(map(str, reasons)) == sorted(map(str, [None, {"S": words[1]}, {"S": words[1]}]))


@pytest.mark.parametrize("command", ENDINGS)
def test_a_login_that_the_index_does_not_show_yet_or_that_is_still_to_be_consented_to_ends_too(
    sundial: Operator, world: RefreshWorld, table: DynamoDirectory, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    create(sundial)
    user = stored(table)
    tokens = world.redeem(log_in(world, user)).body
    sundial.now += 60
    world.now += 60
    monkeypatch.setattr("sundial.store.sessions.DynamoSessions.of_subject", lambda *_: [])
    cost = QUICK if command == "set-password" else ""
    result = sundial(f"users {command} jane@example.com --yes {cost} --json", piped=f"{NEW_PASSWORD}\n")
    assert result.json["revoked"] == 0
    assert world.refresh(tokens["refresh_token"]).error == (400, "invalid_grant")
    assert world.redeem(log_in(world, user, at=LOGIN_AT + 59)).error == (400, "invalid_grant")


def test_a_new_password_is_the_only_one(
    sundial: Operator, local: PasswordConnector, world: RefreshWorld, table: DynamoDirectory
) -> None:
    create(sundial)
    sundial.passwords = [NEW_PASSWORD, NEW_PASSWORD]
    sundial.now += 60
    assert sundial(f"users set-password jane@example.com {QUICK}", typed="y\n").status == 0
    assert local.log_in("jane@example.com", PASSWORD) is None
    assert local.log_in("jane@example.com", NEW_PASSWORD) is not None
    world.now += 60
    tokens = world.redeem(log_in(world, stored(table))).body
    world.now += 60
    assert world.refresh(tokens["refresh_token"]).status == 200


def test_a_disabled_user_who_is_enabled_logs_in_again_and_old_logins_stay_over(
    sundial: Operator, local: PasswordConnector, world: RefreshWorld, table: DynamoDirectory
) -> None:
    create(sundial)
    tokens = world.redeem(log_in(world, stored(table))).body
    sundial.now += 60
    sundial("users disable jane@example.com --yes")
    assert local.log_in("jane@example.com", PASSWORD) is None
    assert sundial("users enable jane@example.com").out == "jane@example.com can log in.\n"
    assert sundial("users enable jane@example.com").status == 0
    assert local.log_in("jane@example.com", PASSWORD) is not None
    world.now += 120
    assert world.refresh(tokens["refresh_token"]).error == (400, "invalid_grant")


def test_a_new_user_of_a_deleted_ones_id_is_given_none_of_their_logins(
    sundial: Operator, world: RefreshWorld, table: DynamoDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(sundial, options="--user-id u-1")
    tokens = world.redeem(log_in(world, stored(table))).body
    with monkeypatch.context() as patch:
        patch.setattr("sundial.store.sessions.DynamoSessions.of_subject", lambda *_: [])
        sundial("users delete jane@example.com --yes")
    sundial.now += 60
    create(sundial, options="--user-id u-1")
    world.now += 120
    assert world.refresh(tokens["refresh_token"]).error == (400, "invalid_grant")
