"""Dex's local users, as users of the table: their ids, and so their `sub`, and their passwords stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sundial.config.model import Config
from sundial.config.users import LOCAL
from sundial.connectors.password import HIGHEST_COST, bcrypt_cost, email_key
from sundial.store.directory import DynamoDirectory, LocalUser
from sundial_cli.dex.records import DexBlock, DexPassword
from sundial_cli.moving.outcome import Outcome
from sundial_cli.target import Target
from sundial_cli.terminal import Progress

_AT_ONCE = 16


def import_users(
    passwords: Sequence[DexPassword],
    blocked: Mapping[tuple[str, str], DexBlock],
    config: Config,
    target: Target,
    *,
    dry_run: bool,
) -> Outcome:
    """Write each user who isn't there yet, and return what became of them. Raises OAuthError for AWS's failures.

    Those who are blocked at Dex, by user id and connector id, are disabled here.
    """
    directory = DynamoDirectory(target.client("dynamodb"), target.directory_table)
    now, outcome = target.now, Outcome("users")
    with Progress("users", len(passwords)) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:

        def imported(password: DexPassword) -> bool | str:
            progress.advance(1)
            user = replace(_user(password, now), disabled=(password.user_id, LOCAL.id) in blocked)
            return _import(user, config, directory, dry_run=dry_run)

        for password, result in zip(passwords, pool.map(imported, passwords), strict=True):
            outcome.note(password.email, result)
            if result is True and (password.user_id, LOCAL.id) in blocked:
                outcome.notes[password.email] = "is blocked at Dex, and disabled here: `sundial users enable` ends that"
    return outcome


def _import(user: LocalUser, config: Config, directory: DynamoDirectory, *, dry_run: bool) -> bool | str:
    """Write one user; False where they are there, and a reason where they can't be."""
    if bcrypt_cost(user.hash) is None:
        return f"the password's hash is no bcrypt hash of a cost of {HIGHEST_COST} at the most: `sundial users create`"
    found = _found(user.email, config, directory)
    if found is not None and found != user.user_id:
        return "there is another user of that email, with another id: clients would take them for somebody else"
    if found is not None:
        return False
    if dry_run or directory.create(user):
        return True
    return f"the user id {user.user_id} is somebody else's"


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


def _found(email: str, config: Config, directory: DynamoDirectory) -> str | None:
    """Return the id of the user of that email, of the file or of the table; None where there is none."""
    key = email_key(email)
    static = next((one.user_id for one in config.static_passwords if email_key(one.email) == key), None)
    if static is not None:
        return static
    user = directory.user(key)
    return user.user_id if user is not None else None
