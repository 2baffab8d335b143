"""Add clients while a deployment runs, change them, give them new secrets, delete them."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sundial.clients import CLIENT_CACHE
from sundial.clients.document import LARGEST_DOCUMENT, check
from sundial.config.model import Client, Config, FormerSecret
from sundial.config.problems import Severity
from sundial.expiry.durations import DurationError, format_duration, parse_duration
from sundial.expiry.family import Ending
from sundial.store.clients import LONGEST_ID, MOST_CLIENTS, DynamoClients, StoredClient, TooManyClientsError
from sundial.store.sessions import DynamoSessions, Selection
from sundial_cli.client_view import Entry, print_entries, print_entry, print_problems, text_of
from sundial_cli.ending import counted, end_logins, scanned
from sundial_cli.instants import utc, when
from sundial_cli.output import print_json
from sundial_cli.setting_options import add_options, changed, given, options_of
from sundial_cli.status import FINDING, USAGE, StoppedError
from sundial_cli.tables import print_fields
from sundial_cli.target import Target, add_command
from sundial_cli.terminal import confirm

_SETTINGS = options_of(Client, leaving_out=("id", "secretHash", "public"))
_CLIENT_ID = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_ID}}}")
_OVERLAP = timedelta(hours=24)
_FORGOTTEN_AFTER = int(CLIENT_CACHE.total_seconds()) + 30
"""Seconds: what a function knows of a client it knows for a minute, and a request has half a minute to end."""
_KNOWN_WITHIN = "Functions know it within a minute."
_MEANWHILE = "somebody else has changed {} meanwhile: look at it and try again"


def add(group: argparse.ArgumentParser) -> None:
    """Add the commands of the group."""
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    add_command(commands, "list", "show every client: those of the configuration file, and those added here", _list)

    add_command(commands, "show", "show one client", _show).add_argument("id", metavar="CLIENT_ID")

    create = add_command(
        commands,
        "create",
        "add a client; its secret is shown once",
        _create,
        "It is kept in the deployment's table, and only a digest of its secret is. What can be said of it is what"
        " staticClients[] of a configuration file can say (docs/configuration.md), but a lifetime beyond the longest"
        " of the deployed configuration is refused, because keys are kept for no longer.",
    )
    create.add_argument("id", metavar="CLIENT_ID", help="its `client_id`")
    create.add_argument("--public", action="store_true", help="a client that can't keep a secret: it gets none")
    add_options(create, _SETTINGS, "its settings")

    update = add_command(
        commands, "update", "change the settings of a client that was added here", _update, "What isn't said stays."
    )
    update.add_argument("id", metavar="CLIENT_ID")
    add_options(update, _SETTINGS, "its settings")

    rotate = add_command(
        commands,
        "rotate-secret",
        "give a client a new secret; for a while the one before it works too",
        _rotate_secret,
        "The new secret is shown once.",
    )
    rotate.add_argument("id", metavar="CLIENT_ID")
    rotate.add_argument(
        "--overlap",
        type=_duration,
        default=_OVERLAP,
        metavar="DURATION",
        help=f"for how long both secrets work ({format_duration(_OVERLAP)}); 0 ends the old one at once",
    )
    rotate.add_argument("--yes", action="store_true", help="don't ask")

    delete = add_command(commands, "delete", "delete a client that was added here, and end every login to it", _delete)
    delete.add_argument("id", metavar="CLIENT_ID")
    delete.add_argument("--yes", action="store_true", help="don't ask")


def _list(arguments: argparse.Namespace, target: Target) -> int:
    entries = list(_entries(target))
    if arguments.json:
        return print_json({"at": target.now, "clients": [entry.to_json() for entry in entries]})
    if entries:
        print_entries(entries)
    else:
        print("There is no client.")
    return 0


def _show(arguments: argparse.Namespace, target: Target) -> int:
    config = target.config()
    stored = _clients(target).client(arguments.id)
    static = config.clients.get(arguments.id)
    if static is not None:
        entry = Entry.of_file(static)
    elif stored is not None and stored.deleted_at is None:
        entry = Entry.of_table(stored, config)
    else:
        raise StoppedError(FINDING, f"there is no client {arguments.id}")
    if arguments.json:
        return print_json(entry.to_json())
    print_entry(entry, target.now)
    return 0


def _create(arguments: argparse.Namespace, target: Target) -> int:
    if not _CLIENT_ID.fullmatch(arguments.id):
        raise StoppedError(USAGE, f"a client id is 1 to {LONGEST_ID} printable ASCII characters without blanks")
    config, clients, now = target.config(), _clients(target), target.now
    _refuse_static(arguments.id, config)
    former = clients.client(arguments.id)
    if former is not None and former.deleted_at is None:
        raise StoppedError(FINDING, f"there is a client {arguments.id}: `sundial clients update` changes it")
    secret = "" if arguments.public else _new_secret()
    document: dict[str, Any] = {"id": arguments.id}
    document |= {"secretHash": _digest(secret).hex()} if secret else {"public": True}
    document = _checked(changed(document, given(arguments, _SETTINGS)), config)
    if former is not None and former.deleted_at is not None:
        _end_what_is_left(former.id, former.deleted_at, target)
    client = StoredClient(arguments.id, document, now, now, version=former.version if former else 0)
    try:
        created = clients.create(client)
    except TooManyClientsError as error:
        raise StoppedError(FINDING, f"there are {MOST_CLIENTS} clients, and no room for more") from error
    if not created:
        raise StoppedError(FINDING, f"somebody else has created {arguments.id} meanwhile")
    if arguments.json:
        return print_json(Entry.of_table(client, config).to_json() | ({"secret": secret} if secret else {}))
    print(f"Created the client {arguments.id}. {_KNOWN_WITHIN}")
    _print_credentials(arguments.id, secret)
    return 0


def _update(arguments: argparse.Namespace, target: Target) -> int:
    values = given(arguments, _SETTINGS)
    if not values:
        raise StoppedError(USAGE, "say what is to change; `sundial clients update --help` lists the settings")
    config = target.config()
    stored = _stored(arguments.id, config, target)
    client = replace(stored, document=_checked(changed(stored.document, values), config), updated_at=target.now)
    _write(client, target)
    if arguments.json:
        return print_json(Entry.of_table(client, config).to_json())
    print(f"Changed the client {arguments.id}. {_KNOWN_WITHIN}")
    return 0


def _rotate_secret(arguments: argparse.Namespace, target: Target) -> int:
    config, now = target.config(), target.now
    stored = _stored(arguments.id, config, target)
    if "secretHash" not in stored.document:
        raise StoppedError(FINDING, f"{arguments.id} is a public client, which has no secret")
    overlap = int(arguments.overlap.total_seconds())
    former = stored.former_secret
    if former is not None and now <= former.until:
        confirm(
            f"The secret that was replaced last works until {when(former.until, now)}. Only two can work at once: end"
            " it now, and rotate again?",
            yes=arguments.yes,
        )
    elif not overlap:
        confirm(f"End the present secret of {arguments.id} at once?", yes=arguments.yes)
    secret = _new_secret()
    before = FormerSecret(bytes.fromhex(stored.document["secretHash"]), now + overlap) if overlap else None
    document = {**stored.document, "secretHash": _digest(secret).hex()}
    client = replace(stored, document=document, former_secret=before, updated_at=now)
    _write(client, target)
    if arguments.json:
        return print_json(Entry.of_table(client, config).to_json() | {"secret": secret})
    ending = f"works until {when(now + overlap, now)}" if overlap else "is refused from then on"
    print(f"{arguments.id} has a new secret. Functions know it within a minute; the one before it {ending}.")
    _print_credentials(arguments.id, secret)
    return 0


def _delete(arguments: argparse.Namespace, target: Target) -> int:
    clients, now = _clients(target), target.now
    stored = clients.client(arguments.id)
    if stored is None:
        _refuse_static(arguments.id, target.config())
        raise StoppedError(FINDING, f"there is no client {arguments.id}")
    was_there = stored.deleted_at is None
    if was_there:
        confirm(f"Delete the client {arguments.id}, and end every login to it?", yes=arguments.yes)
        if not clients.delete(stored, now):
            raise StoppedError(FINDING, _MEANWHILE.format(arguments.id))
    ended = _end_logins(arguments.id, target)
    if arguments.json:
        return print_json({"id": arguments.id, "deleted_at": stored.deleted_at or now, "revoked": ended})
    if not was_there:
        print(f"The client {arguments.id} was deleted before; ended {counted(ended)} that began since.")
        return 0
    print(f"Deleted the client {arguments.id}; ended {counted(ended)}.")
    print("Functions know it for another minute: the same command, after that, ends what begins until then.")
    return 0


def _entries(target: Target) -> Iterator[Entry]:
    config = target.config()
    for static in config.clients.values():
        yield Entry.of_file(static)
    for stored in _clients(target).all():
        yield Entry.of_table(stored, config)


def _clients(target: Target) -> DynamoClients:
    return DynamoClients(target.client("dynamodb"), target.directory_table)


def _stored(client_id: str, config: Config, target: Target) -> StoredClient:
    """Return a client that can be changed here. Raises StoppedError for one of the file, and where there is none."""
    stored = _clients(target).client(client_id)
    if stored is None or stored.deleted_at is not None:
        _refuse_static(client_id, config)
        raise StoppedError(FINDING, f"there is no client {client_id}")
    return stored


def _refuse_static(client_id: str, config: Config) -> None:
    if client_id in config.clients:
        raise StoppedError(
            FINDING, f"{client_id} is a client of the configuration file, which wins: change it there, and deploy"
        )


def _checked(document: dict[str, Any], config: Config) -> dict[str, Any]:
    """Return `document`, what is unwise about it said on standard error. Raises StoppedError for one with errors."""
    _, problems = check(document, config)
    errors = [one for one in problems if one.severity is Severity.ERROR]
    if errors:
        raise StoppedError(FINDING, "\n  ".join(["this client can't be:", *map(text_of, errors)]))
    if len(json.dumps(document)) > LARGEST_DOCUMENT:
        raise StoppedError(FINDING, f"the settings of a client may have {LARGEST_DOCUMENT // 1024} kB, not more")
    print_problems(problems)
    return document


def _write(client: StoredClient, target: Target) -> None:
    if not _clients(target).update(client):
        raise StoppedError(FINDING, _MEANWHILE.format(client.id))


def _end_what_is_left(client_id: str, deleted_at: int, target: Target) -> None:
    """End what began at the client of the same id before, in the minute in which functions still knew it."""
    forgotten_at = deleted_at + _FORGOTTEN_AFTER
    if target.now <= forgotten_at:
        raise StoppedError(
            FINDING,
            f"{client_id} was deleted at {utc(deleted_at)}, and until {when(forgotten_at, target.now)}"
            " a login to that one may still end: create it after that",
        )
    _end_logins(client_id, target)


def _end_logins(client_id: str, target: Target) -> int:
    sessions = DynamoSessions(target.client("dynamodb"), target.families_table)
    found = scanned(sessions, Selection(client_id=client_id))
    return len(end_logins([one for one in found if one.revoked_at is None], target, Ending.CLIENT_GONE))


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8")).digest()


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except DurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _print_credentials(client_id: str, secret: str) -> None:
    credentials = [("client_id", client_id), ("client_secret", secret)]
    print_fields(credentials)
    if secret:
        print("The secret is shown this once: only a digest of it is kept.")
