"""What Dex keeps of users, clients and logins (Dex: storage/storage.go), whichever storage it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sundial.expiry.family import Claims


class ExportError(Exception):
    """An export can't be read; says where, and what is expected there."""


@dataclass(frozen=True, slots=True)
class DexPassword:
    """A local user (storage.Password); `hash` is bcrypt's."""

    email: str
    user_id: str
    hash: bytes = field(repr=False)
    username: str = ""
    name: str = ""
    preferred_username: str = ""
    email_verified: bool = True
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DexClient:
    """A client (storage.Client). `settings` are by the keys of an entry of `staticClients`, but for id and secret."""

    id: str
    secret: str = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DexRefreshToken:
    """A login with a refresh token (storage.RefreshToken). Instants are epoch seconds.

    `id` and `token` make up what the client has; `obsolete_token` is the one before it, which Dex still
    takes for `reuseInterval` after `last_used_at`.
    """

    id: str
    token: str = field(repr=False)
    obsolete_token: str = field(repr=False)
    client_id: str
    connector_id: str
    claims: Claims
    scopes: frozenset[str]
    created_at: int
    last_used_at: int
    nonce: str = ""
    connector_data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class DexSession:
    """What Dex keeps of one user at one connector (storage.OfflineSessions): what the connector gave, mostly."""

    user_id: str
    connector_id: str
    connector_data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class DexBlock:
    """Somebody whom Dex lets no longer log in (storage.UserIdentity, `BlockedUntil`), until then: epoch seconds."""

    user_id: str
    connector_id: str
    email: str
    until: int


@dataclass(frozen=True, slots=True)
class Export:
    """What was found in the files of an export."""

    passwords: tuple[DexPassword, ...] = ()
    clients: tuple[DexClient, ...] = ()
    refresh_tokens: tuple[DexRefreshToken, ...] = ()
    sessions: tuple[DexSession, ...] = ()
    connectors: tuple[str, ...] = ()
    """The ids of the connectors that Dex has in its storage, and not in its file."""
    blocks: tuple[DexBlock, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Export]) -> Export:
        """Return what all parts hold together."""
        found = list(parts)
        return cls(
            tuple(one for part in found for one in part.passwords),
            tuple(one for part in found for one in part.clients),
            tuple(one for part in found for one in part.refresh_tokens),
            tuple(one for part in found for one in part.sessions),
            tuple(one for part in found for one in part.connectors),
            tuple(one for part in found for one in part.blocks),
        )

    def blocked(self, now: int) -> dict[tuple[str, str], DexBlock]:
        """Return who is blocked at `now` (epoch seconds), by user id and connector id."""
        return {(one.user_id, one.connector_id): one for one in self.blocks if now < one.until}

    def completed(self) -> Export:
        """Return it with each login's connector data where Dex has moved that to the session (since v2.17)."""
        data = {(one.user_id, one.connector_id): one.connector_data for one in self.sessions if one.connector_data}
        return replace(
            self,
            refresh_tokens=tuple(
                replace(
                    token,
                    connector_data=data.get((token.claims.user_id, token.connector_id), token.connector_data),
                )
                for token in self.refresh_tokens
            ),
        )
