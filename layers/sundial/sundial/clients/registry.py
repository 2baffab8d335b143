"""Every client by its id: those of the file first, then those of the table, which a function knows for a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from sundial.clients.document import Limits, read
from sundial.config.model import Client, Config
from sundial.config.problems import Severity
from sundial.errors import OAuthError
from sundial.observe import logger

if TYPE_CHECKING:
    from sundial.store.clients import ClientStore

CLIENT_CACHE = timedelta(minutes=1)
"""For how long a function goes on with what it knows of the clients in the table."""


class Clients(Protocol):
    """Which clients there are."""

    def find(self, client_id: str, now: int) -> Client | None:
        """Return the client of that id as it stands at `now` (epoch seconds), None where there is none.

        Raises `temporarily_unavailable` (503) where the table can't be reached; never for a client of the file.
        """


class ClientRegistry:
    """The clients of a configuration, and those of a table.

    A client of the file is found without a network call, and hides one of the table that has its id. Of the
    table, a function first reads the ids, which are one item. So an unknown id costs one read a minute and no
    memory, however many of them are tried; and there is never more in the cache than there is in the table.
    """

    def __init__(self, config: Config, store: Callable[[], ClientStore]) -> None:
        """`store` is called when the table is first needed: who asks for clients of the file never reaches for it."""
        self._config = config
        self._limits = Limits.of(config)
        self._store = store
        self._ids: frozenset[str] = frozenset()
        self._ids_read_at: int | None = None
        self._cached: dict[str, _Cached] = {}
        self._unreachable: tuple[int, OAuthError] | None = None

    def find(self, client_id: str, now: int) -> Client | None:
        """Return the client of that id (see Clients): for one of the table, two network calls a minute at the most.

        Once the table can't be reached, it isn't asked again within that second: a request that names many clients
        would else wait for each of them, and for longer than its function may run.
        """
        static = self._config.clients.get(client_id)
        if static is not None:
            return static
        if self._unreachable is not None and self._unreachable[0] == now:
            raise self._unreachable[1].with_traceback(None)
        try:
            return self._find_in_table(client_id, now)
        except OAuthError as error:
            self._unreachable = now, error
            raise

    def _find_in_table(self, client_id: str, now: int) -> Client | None:
        self._keep_ids(now)
        if client_id not in self._ids:
            return None
        cached = self._cached.get(client_id)
        if cached is None or not _is_fresh(cached.read_at, now):
            cached = self._cached[client_id] = _Cached(self._read(client_id), now)
        return cached.client

    def _keep_ids(self, now: int) -> None:
        if not _is_fresh(self._ids_read_at, now):
            self._ids, self._ids_read_at = self._store().ids(), now
            self._cached = {id: cached for id, cached in self._cached.items() if id in self._ids}

    def _read(self, client_id: str) -> Client | None:
        stored = self._store().client(client_id)
        if stored is None or stored.deleted_at is not None:
            return None
        client, problems = read(stored.document, self._config, self._limits)
        if client is None:
            errors = [f"{one.key}: {one.message}" for one in problems if one.severity is Severity.ERROR]
            logger.error("client_unusable", client_id=client_id, errors=errors)
            return None
        return replace(client, former_secret=stored.former_secret)


@dataclass(frozen=True, slots=True)
class _Cached:
    client: Client | None
    read_at: int


def _is_fresh(read_at: int | None, now: int) -> bool:
    """Return whether what was read then still counts; not where the clock has been turned back since."""
    return read_at is not None and read_at <= now < read_at + CLIENT_CACHE.total_seconds()
