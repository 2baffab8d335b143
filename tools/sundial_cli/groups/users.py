"""Add local users, change them, give them new passwords, disable and delete them."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sundial.config.model import Config, StaticPassword
from sundial.config.users import LOCAL
from sundial.connectors.password import email_key
from sundial.expiry.family import Ending
from sundial.store.directory import DynamoDirectory, LocalUser
from sundial.store.sessions import DynamoSessions
from sundial.tokens.subject import subject
from sundial_cli.ending import counted, end_logins
from sundial_cli.instants import when
from sundial_cli.output import print_json
from sundial_cli.passwords import COSTS, DEFAULT_COST, hash_password, read_password
from sundial_cli.setting_options import add_options, given, options_of
from sundial_cli.status import FINDING, USAGE, StoppedError
from sundial_cli.tables import print_fields, print_table
from sundial_cli.target import Target, add_command
from sundial_cli.terminal import confirm

_SETTINGS = options_of(StaticPassword, leaving_out=("email", "hash", "userID"))
_LONGEST_EMAIL = 320
"""Characters (RFC 5321 §4.5.3.1)."""
_MEANWHILE = "somebody else has changed {} meanwhile: look at them and try again"
_FROM_WHERE = "The password is asked for, or is the first line of standard input."


def add(group: argparse.ArgumentParser) -> None:
    """Add the commands of the group."""
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    add_command(commands, "list", "show every local user: those of the configuration file, and those added here", _list)

    _add_command(commands, "show", "show one user", _show)

    create = _add_command(commands, "create", "add a user", _create, _FROM_WHERE)
    create.add_argument(
        "--user-id",
        metavar="ID",
        help="what makes their `sub`, and never changes (a new UUID): say theirs, for one who comes from Dex",
    )
    _add_cost(create)
    add_options(create, _SETTINGS, "what is known of them")

    update = _add_command(commands, "update", "change what is known of a user", _update, "What isn't said stays.")
    update.add_argument("--email", dest="new_email", metavar="EMAIL", help="their new email address; their `sub` stays")
    add_options(update, _SETTINGS, "what is known of them")

    password = _add_command(
        commands, "set-password", "give a user a new password, and end their logins", _set_password, _FROM_WHERE
    )
    _add_cost(password)
    password.add_argument("--yes", action="store_true", help="don't ask")

    disable = _add_command(commands, "disable", "let a user no longer log in, and end their logins", _disable)
    disable.add_argument("--yes", action="store_true", help="don't ask")

    _add_command(commands, "enable", "let a user log in again", _enable)

    delete = _add_command(commands, "delete", "delete a user, and end their logins", _delete)
    delete.add_argument("--yes", action="store_true", help="don't ask")


def _add_command(commands: Any, name: str, summary: str, run: Any, description: str = "") -> argparse.ArgumentParser:
    parser = add_command(commands, name, summary, run, description)
    parser.add_argument("email", metavar="EMAIL")
    return parser


def _add_cost(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cost",
        type=int,
        choices=COSTS,
        default=DEFAULT_COST,
        metavar="COST",
        help=f"bcrypt's cost, {COSTS[0]} to {COSTS[-1]} ({DEFAULT_COST}): one more takes twice as long",
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A user as they are shown."""

    user: LocalUser | StaticPassword
    hidden: bool = False
    """By a user of the file with the same email."""

    @property
    def standing(self) -> str:
        """Where they are kept, and what keeps them from logging in."""
        if isinstance(self.user, StaticPassword):
            return "file, read-only"
        if self.hidden:
            return "table, hidden by the file"
        return "table, disabled" if self.user.disabled else "table"

    def to_json(self) -> dict[str, Any]:
        """Return what a script gets; instants are epoch seconds."""
        user = self.user
        is_static = isinstance(user, StaticPassword)
        shown: dict[str, Any] = {
            "email": user.email,
            "source": "file" if is_static else "table",
            "read_only": is_static,
            "user_id": user.user_id,
            "sub": subject(user.user_id, LOCAL.id),
            "username": user.username,
            "name": user.name,
            "preferred_username": user.preferred_username,
            "email_verified": user.email_verified,
            "groups": list(user.groups),
        }
        if isinstance(user, LocalUser):
            instants = {"created_at": user.created_at, "updated_at": user.updated_at, "not_before": user.not_before}
            shown |= {"hidden": self.hidden, "disabled": user.disabled, **instants}
        return shown


def _list(arguments: argparse.Namespace, target: Target) -> int:
    entries = sorted(_entries(target), key=lambda entry: email_key(entry.user.email))
    if arguments.json:
        return print_json({"at": target.now, "users": [entry.to_json() for entry in entries]})
    if not entries:
        print("There is no local user.")
        return 0
    rows = [
        (one.user.email, one.user.name or one.user.username, ", ".join(one.user.groups), one.standing, one.user.user_id)
        for one in entries
    ]
    off = [entry.standing not in ("table", "file, read-only") for entry in entries]
    print_table(("EMAIL", "NAME", "GROUPS", "KEPT IN", "USER ID"), rows, dimmed=off)
    return 0


def _show(arguments: argparse.Namespace, target: Target) -> int:
    key = email_key(arguments.email)
    static = _static(target.config()).get(key)
    user = static or _directory(target).user(key)
    if user is None:
        raise StoppedError(FINDING, f"there is no local user {arguments.email}")
    entry = _Entry(user)
    if arguments.json:
        return print_json(entry.to_json())
    fields = [
        ("email", f"{user.email} ({'verified' if user.email_verified else 'not verified'})"),
        ("kept in", entry.standing),
        ("user id", user.user_id),
        ("sub", subject(user.user_id, LOCAL.id)),
        ("username", user.username),
        ("name", user.name),
        ("preferred username", user.preferred_username),
        ("groups", ", ".join(user.groups)),
    ]
    if isinstance(user, LocalUser):
        now = target.now
        fields += [("created", when(user.created_at, now)), ("changed", when(user.updated_at, now))]
        fields.append(("logins count from", when(user.not_before, now)))
    print_fields(fields)
    return 0


def _create(arguments: argparse.Namespace, target: Target) -> int:
    email = _checked_email(arguments.email)
    config, directory, now = target.config(), _directory(target), target.now
    if config.connector(LOCAL.id) is None:
        raise StoppedError(FINDING, "the deployed configuration has no 'enablePasswordDB: true': nobody could log in")
    _refuse_static(email, config)
    user_id = arguments.user_id or str(uuid.uuid4())
    if any(user_id == static.user_id for static in config.static_passwords):
        raise StoppedError(FINDING, f"{user_id} is a user of the configuration file: clients would take both for one")
    if directory.user(email_key(email)) is not None:
        raise StoppedError(FINDING, f"there is a user {email}: `sundial users update` changes them")
    hashed = hash_password(read_password(), arguments.cost)
    # Whoever had this id before is not who has it now: their logins are none of this user's.
    user = LocalUser(email, user_id, hashed, not_before=now, created_at=now, updated_at=now)
    user = replace(user, **_stated(arguments))
    if not directory.create(user):
        raise StoppedError(FINDING, f"the email or the user id is somebody else's: {email}, {user_id}")
    if arguments.json:
        return print_json(_Entry(user).to_json())
    print(f"Created the user {email}, who can log in at once.")
    print_fields([("user id", user_id), ("sub", subject(user_id, LOCAL.id))])
    return 0


def _update(arguments: argparse.Namespace, target: Target) -> int:
    values = _stated(arguments)
    if arguments.new_email is not None:
        values["email"] = _checked_email(arguments.new_email)
        _refuse_static(values["email"], target.config())
    if not values:
        raise StoppedError(USAGE, "say what is to change; `sundial users update --help` lists it")
    before = _found(arguments.email, target)
    after = replace(before, updated_at=target.now, **values)
    if not _directory(target).update(before, after):
        if email_key(after.email) != email_key(before.email) and _directory(target).user(email_key(after.email)):
            raise StoppedError(FINDING, f"{after.email} is somebody else's")
        raise StoppedError(FINDING, _MEANWHILE.format(before.email))
    if arguments.json:
        return print_json(_Entry(after).to_json())
    print(f"Changed the user {after.email}; tokens show it from their next login or refresh on.")
    return 0


def _set_password(arguments: argparse.Namespace, target: Target) -> int:
    before = _found(arguments.email, target)
    confirm(f"Give {before.email} a new password, and end all of their logins?", yes=arguments.yes)
    hashed = hash_password(read_password(), arguments.cost)
    now = target.now
    after = replace(before, hash=hashed, not_before=now, updated_at=now)
    ended = _change_and_end(before, after, Ending.CREDENTIALS_CHANGED, target)
    return _report(arguments, after, f"{after.email} has a new password; ended {counted(ended)}.", ended)


def _disable(arguments: argparse.Namespace, target: Target) -> int:
    before = _found(arguments.email, target)
    confirm(f"Disable {before.email}, and end all of their logins?", yes=arguments.yes)
    now = target.now
    after = replace(before, disabled=True, not_before=now, updated_at=now)
    ended = _change_and_end(before, after, Ending.USER_DISABLED, target)
    return _report(arguments, after, f"Disabled {after.email}; ended {counted(ended)}.", ended)


def _enable(arguments: argparse.Namespace, target: Target) -> int:
    before = _found(arguments.email, target)
    after = replace(before, disabled=False, updated_at=target.now)
    if before.disabled and not _directory(target).update(before, after):
        raise StoppedError(FINDING, _MEANWHILE.format(before.email))
    return _report(arguments, after, f"{after.email} can log in.", 0)


def _delete(arguments: argparse.Namespace, target: Target) -> int:
    user = _found(arguments.email, target)
    confirm(f"Delete {user.email}, and end all of their logins?", yes=arguments.yes)
    if not _directory(target).delete(user):
        raise StoppedError(FINDING, _MEANWHILE.format(user.email))
    ended = _end_logins(user, Ending.USER_GONE, target)
    return _report(arguments, user, f"Deleted {user.email}; ended {counted(ended)}.", ended)


def _report(arguments: argparse.Namespace, user: LocalUser, text: str, ended: int) -> int:
    if arguments.json:
        return print_json(_Entry(user).to_json() | {"revoked": ended})
    print(text)
    return 0


def _change_and_end(before: LocalUser, after: LocalUser, why: Ending, target: Target) -> int:
    """Write the change, then end what the user logged in to before; return how many logins that were.

    In this order: `after.not_before` ends even what the index of logins doesn't show yet.
    """
    if not _directory(target).update(before, after):
        raise StoppedError(FINDING, _MEANWHILE.format(before.email))
    return _end_logins(after, why, target)


def _end_logins(user: LocalUser, why: Ending, target: Target) -> int:
    sessions = DynamoSessions(target.client("dynamodb"), target.families_table)
    found = sessions.of_subject(subject(user.user_id, LOCAL.id))
    return len(end_logins([one for one in found if one.revoked_at is None], target, why))


def _entries(target: Target) -> Iterator[_Entry]:
    static = _static(target.config())
    yield from (_Entry(user) for user in static.values())
    for user in _directory(target).all():
        yield _Entry(user, hidden=email_key(user.email) in static)


def _static(config: Config) -> dict[str, StaticPassword]:
    """Return the users of the file, by what they are found by."""
    return {email_key(user.email): user for user in config.static_passwords}


def _refuse_static(email: str, config: Config) -> None:
    if email_key(email) in _static(config):
        raise StoppedError(
            FINDING, f"{email} is a user of the configuration file, which wins: change it there, and deploy"
        )


def _directory(target: Target) -> DynamoDirectory:
    return DynamoDirectory(target.client("dynamodb"), target.directory_table)


def _found(email: str, target: Target) -> LocalUser:
    """Return a user who can be changed here. Raises StoppedError for one of the file, and where there is none."""
    user = _directory(target).user(email_key(email))
    if user is None:
        _refuse_static(email, target.config())
        raise StoppedError(FINDING, f"there is no local user {email}")
    return user


def _checked_email(email: str) -> str:
    email = email.strip()
    name, at, host = email.rpartition("@")
    if not (name and at and host) or len(email) > _LONGEST_EMAIL or not email.isprintable() or " " in email:
        raise StoppedError(USAGE, f"{email!r} is no email address")
    return email


def _stated(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a user that the options state."""
    return {option.field: value for option, value in given(arguments, _SETTINGS).items()}
