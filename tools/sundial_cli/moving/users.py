"""Dex's local users, as users of the table: their ids, and so their `sub`, and their passwords stay."""

from __future__ import annotations

from collections.abc import Iterable

from sundial.config.model import Config
from sundial.connectors.password import HIGHEST_COST, bcrypt_cost, email_key
from sundial.store.directory import DynamoDirectory, LocalUser
from sundial_cli.dex.records import DexPassword
from sundial_cli.moving.outcome import Outcome
from sundial_cli.target import Target


def import_users(passwords: Iterable[DexPassword], config: Config, target: Target, *, dry_run: bool) -> Outcome:
    """Write each user who isn't there yet, and return what became of them. Raises OAuthError for AWS's failures."""
    directory = DynamoDirectory(target.client("dynamodb"), target.directory_table)
    outcome = Outcome("users")
    for password in passwords:
        why = _reason_against(password, config, directory)
        if why is not None:
            outcome.left_out[password.email] = why
        elif _is_there(password, config, directory):
            outcome.present.append(password.email)
        elif dry_run or directory.create(_user(password, target.now)):
            outcome.imported.append(password.email)
        else:
            outcome.left_out[password.email] = f"the user id {password.user_id} is somebody else's"
    return outcome


def _user(password: DexPassword, now: int) -> LocalUser:
    # `not_before` stays 0: the logins that come from Dex began before this, and go on.
    return LocalUser(
        email=password.email,
        user_id=password.user_id,
        hash=password.hash,
        username=password.username,
        name=password.name,
        preferred_username=password.preferred_username,
        email_verified=password.email_verified,
        groups=password.groups,
        created_at=now,
        updated_at=now,
    )


def _reason_against(password: DexPassword, config: Config, directory: DynamoDirectory) -> str | None:
    if bcrypt_cost(password.hash) is None:
        return f"the password's hash is no bcrypt hash of a cost of {HIGHEST_COST} at the most: `sundial users create`"
    found = _found(password, config, directory)
    if found is not None and found != password.user_id:
        return "there is another user of that email, with another id: clients would take them for somebody else"
    return None


def _is_there(password: DexPassword, config: Config, directory: DynamoDirectory) -> bool:
    return _found(password, config, directory) is not None


def _found(password: DexPassword, config: Config, directory: DynamoDirectory) -> str | None:
    """Return the id of the user of that email, of the file or of the table; None where there is none."""
    key = email_key(password.email)
    static = next((one.user_id for one in config.static_passwords if email_key(one.email) == key), None)
    if static is not None:
        return static
    user = directory.user(key)
    return user.user_id if user is not None else None
