"""Clients as an operator is shown them: those of the file and those of the table alike."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sundial.clients.document import check
from sundial.config.model import Client, Config
from sundial.config.problems import Problem, has_errors
from sundial.store.clients import StoredClient
from sundial_cli.instants import when
from sundial_cli.setting_options import document_of
from sundial_cli.tables import print_fields, print_table


@dataclass(frozen=True, slots=True)
class Entry:
    """A client as it is shown. `stored` is None for one of the file."""

    document: Mapping[str, Any]
    stored: StoredClient | None = None
    hidden: bool = False
    """By a client of the file with the same id."""
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of_file(cls, client: Client) -> Entry:
        """Return a client of the configuration file."""
        return cls(document_of(client))

    @classmethod
    def of_table(cls, stored: StoredClient, config: Config) -> Entry:
        """Return a client of the table, as it fits `config`."""
        _, problems = check(stored.document, config)
        document = {key: value for key, value in stored.document.items() if key != "secretHash"}
        return cls(document, stored, stored.id in config.clients, tuple(problems))

    @property
    def id(self) -> str:
        """The `client_id`."""
        return str(self.document["id"])

    @property
    def kind(self) -> str:
        """Whether it has a secret."""
        return "public" if self.document.get("public") else "confidential"

    @property
    def standing(self) -> str:
        """Where it is kept, and what keeps it from being what it says."""
        if self.stored is None:
            return "file, read-only"
        if self.hidden:
            return "table, hidden by the file"
        return "table, unusable" if has_errors(self.problems) else "table"

    def to_json(self) -> dict[str, Any]:
        """Return what a script gets; instants are epoch seconds."""
        shown: dict[str, Any] = {
            "id": self.id,
            "source": "file" if self.stored is None else "table",
            "read_only": self.stored is None,
            "document": dict(self.document),
        }
        if self.stored is not None:
            former = self.stored.former_secret
            shown |= {
                "hidden": self.hidden,
                "problems": [f"{one.severity}: {text_of(one)}" for one in self.problems],
                "created_at": self.stored.created_at,
                "updated_at": self.stored.updated_at,
                "former_secret_until": None if former is None else former.until,
            }
        return shown


def print_entries(entries: Sequence[Entry]) -> None:
    """Print a table."""
    rows = [
        (
            entry.id,
            entry.document.get("name", ""),
            entry.kind,
            entry.standing,
            ", ".join(entry.document.get("redirectURIs", ())),
        )
        for entry in entries
    ]
    dimmed = [entry.hidden for entry in entries]
    print_table(("CLIENT", "NAME", "KIND", "KEPT IN", "REDIRECTS TO"), rows, dimmed=dimmed)


def print_entry(entry: Entry, now: int) -> None:
    """Print all that there is to say of one client."""
    fields = [("kept in", entry.standing), ("kind", entry.kind), *_flat(entry.document)]
    if entry.stored is not None:
        former = entry.stored.former_secret
        fields.append(("created", when(entry.stored.created_at, now)))
        fields.append(("changed", when(entry.stored.updated_at, now)))
        if former is not None:
            works = "works" if now <= former.until else "worked"
            fields.append(("former secret", f"{works} until {when(former.until, now)}"))
    print_fields(fields)
    print_problems(entry.problems)


def print_problems(problems: Sequence[Problem]) -> None:
    """Print what is wrong, or unwise, on standard error."""
    for problem in problems:
        print(f"sundial: {problem.severity}: {text_of(problem)}", file=sys.stderr)


def text_of(problem: Problem) -> str:
    """Return a problem and its remedy on one line."""
    return f"{problem.key}: {problem.message}; {problem.remedy}"


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each setting by its key, as `expiry.idTokens`, and its value as text."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, bool):
            yield f"{prefix}{key}", "true" if value else "false"
        else:
            yield f"{prefix}{key}", ", ".join(value) if isinstance(value, list) else str(value)
