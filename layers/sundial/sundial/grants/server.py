"""What every grant works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from sundial.clients import Clients
from sundial.config.model import Client, Config
from sundial.connectors.base import Connector
from sundial.events import Event, Events, FamilyRevoked
from sundial.expiry.family import Ending
from sundial.keys.cache import LoadedRing, RingCache, Signer
from sundial.live_tokens import LiveTokens
from sundial.store.devices import DeviceStore
from sundial.store.envelopes import Envelopes, NoEnvelopes
from sundial.store.families import FamilyStore
from sundial.tokens.scopes import FindClient


@dataclass(frozen=True, slots=True)
class TokenServer:
    """The token endpoint's configuration and stores. `connectors` are by connector tag (tokens.subject)."""

    config: Config
    clients: Clients
    families: FamilyStore
    ring: RingCache
    connectors: Mapping[bytes, Connector]
    events: Events = field(default_factory=Events)
    devices: DeviceStore = field(kw_only=True)
    live_tokens: LiveTokens = field(kw_only=True)
    """Our own JWTs, as what a client presents."""
    envelopes: Envelopes = field(default_factory=NoEnvelopes, kw_only=True)
    clock: Callable[[], float] = field(default=time.time, kw_only=True)
    """Epoch seconds: for what must end in time, never for a decision, which has `now`."""
    wait: Callable[[float], None] = field(default=time.sleep, kw_only=True)
    """How to let so many seconds pass."""

    def client_finder(self, now: int) -> FindClient:
        """Return what finds a client by its id, as it stands at `now` (epoch seconds)."""
        return partial(_find, self.clients, now)


@dataclass(frozen=True, slots=True)
class Signers:
    """The keys of one response, in hand before anything is written: without them nothing may be consumed."""

    id_token: Signer
    access_token: Signer

    @classmethod
    def for_client(cls, ring: LoadedRing, config: Config, client: Client, now: int) -> Signers:
        """Return the signers for `client`; raises a 503 where the ring has no key that may sign yet.

        Access tokens are read by resource servers, not by the client: they are signed with the
        deployment's own algorithm, whatever the client asks of its ID tokens.
        """
        return cls(ring.signer(config.signing_algorithm(client), now), ring.signer(config.signing.algorithms[0], now))


def end_family(
    server: TokenServer, client: Client, connector_id: str, family_id: str, why: Ending, now: int, *causes: Event
) -> None:
    """Revoke a family, and tell of it and of its `causes`: of these even where that fails, which is a 503.

    One network call, and one to the event bus where there is anything to tell.
    """
    told = list(causes)
    try:
        if server.families.revoke(family_id, now, why):
            told.append(FamilyRevoked(client.id, connector_id, family_id, why))
    finally:
        server.events.emit(now, *told)


def _find(clients: Clients, now: int, client_id: str) -> Client | None:
    return clients.find(client_id, now)
