"""Dex's clients, as clients of the table: their secrets stay, of which only the digest is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sundial.clients.document import LARGEST_DOCUMENT, check
from sundial.config.model import Client, Config
from sundial.config.problems import Severity
from sundial.store.clients import MOST_CLIENTS, DynamoClients, StoredClient, TooManyClientsError
from sundial_cli.client_view import text_of
from sundial_cli.dex.records import DexClient
from sundial_cli.moving.outcome import Outcome
from sundial_cli.target import Target


def import_clients(
    found: Iterable[DexClient], config: Config, target: Target, *, dry_run: bool
) -> tuple[Outcome, dict[str, Client]]:
    """Write each client that isn't there yet; return what became of them, and those that are imported.

    Raises OAuthError for AWS's failures.
    """
    clients = DynamoClients(target.client("dynamodb"), target.directory_table)
    outcome, imported = Outcome("clients"), {}
    for client in found:
        stored = None if client.id in config.clients else clients.client(client.id)
        if client.id in config.clients or (stored is not None and stored.deleted_at is None):
            outcome.present.append(client.id)
            continue
        document = _document(client)
        made, why = _made(client, document, config, outcome)
        if stored is not None:
            why = why or "a client of that id was deleted here: `sundial clients create` makes a new one"
        if why is None and not dry_run:
            why = _create(clients, client.id, document, target.now)
        if why is None and made is not None:
            outcome.imported.append(client.id)
            imported[client.id] = made
        else:
            outcome.left_out[client.id] = why or ""
    return outcome, imported


def _document(client: DexClient) -> dict[str, Any]:
    document: dict[str, Any] = {"id": client.id, **client.settings}
    if not document.get("public"):
        document["secretHash"] = hashlib.sha256(client.secret.encode("utf-8")).hexdigest()
    return document


def _made(
    client: DexClient, document: dict[str, Any], config: Config, outcome: Outcome
) -> tuple[Client | None, str | None]:
    """Return the client that a document makes, or why it makes none."""
    if not client.secret and not document.get("public"):
        return None, "it has no secret, and is not public: whoever knows its id could be it"
    made, problems = check(document, config)
    if made is None:
        return None, "; ".join(text_of(one) for one in problems if one.severity is Severity.ERROR)
    if len(json.dumps(document)) > LARGEST_DOCUMENT:
        return None, f"its settings have more than {LARGEST_DOCUMENT // 1024} kB"
    if problems:
        outcome.notes[client.id] = "; ".join(map(text_of, problems))
    return made, None


def _create(clients: DynamoClients, client_id: str, document: dict[str, Any], now: int) -> str | None:
    try:
        created = clients.create(StoredClient(client_id, document, now, now))
    except TooManyClientsError:
        return f"there are {MOST_CLIENTS} clients, and no room for more"
    return None if created else "somebody else has created it meanwhile"
