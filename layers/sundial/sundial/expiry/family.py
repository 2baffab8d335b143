"""A refresh token family: one login, as the table keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from sundial.expiry.policies import RefreshTokenPolicy

TOMBSTONE_GRACE = timedelta(days=7)
"""How long a dead family is still recognised, so that a replay against it is still noticed."""


class Ending(StrEnum):
    """Why a family is revoked, in words for whoever looks at its item or at the event."""

    REFRESH_REPLAYED = "refresh token replayed"
    CODE_REPLAYED = "authorization code replayed"
    USER_GONE = "user is gone"
    BY_CLIENT = "revoked by its client"
    USER_DISABLED = "user is disabled"
    CREDENTIALS_CHANGED = "password changed"
    CLIENT_GONE = "client is gone"
    BY_OPERATOR = "ended by an operator"
    DENIED = "denied by its user"
    LOGGED_OUT = "logged out"


@dataclass(frozen=True, slots=True)
class Claims:
    """What is known of the user; which of it a token carries is for the scopes to say (dex.md, "Tokens")."""

    user_id: str
    username: str = ""
    preferred_username: str = ""
    email: str = ""
    email_verified: bool = False
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingCode:
    """The authorization code from which a family begins (RFC 6749 §4.1.2, RFC 7636 §4.4)."""

    expires_at: int
    redirect_uri: str
    challenge: str | None = None
    """`S256:` or `plain:` and the code challenge; None where the request carried none."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a connector keeps of a login, encrypted (store.envelopes)."""

    wrapped_key: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inherited:
    """The refresh tokens that Dex had given out for a login, as digests (`tokens.dex`), when it was imported."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(repr=False)
    """Dex's `obsoleteToken`; None where there was none."""
    rotated_at: int
    """When Dex made the current one; epoch seconds (Dex: `lastUsed`)."""


@dataclass(frozen=True, slots=True)
class Family:
    """Everything that descends from one login: its code, its access tokens, its refresh tokens.

    Instants are epoch seconds. `generation` is 0 while the code is unredeemed and for a login without
    `offline_access`; the first refresh token is generation 1. `rotated_at` is T1 of the refresh rule:
    when the current generation was made.
    """

    family_id: str
    client_id: str
    connector_id: str
    claims: Claims
    scopes: frozenset[str]
    created_at: int
    auth_time: int | None
    """When the user authenticated; None where they did so elsewhere, and only a token of theirs came here."""
    code: PendingCode | None = None
    nonce: str | None = None
    redeemed_at: int | None = None
    generation: int = 0
    rotated_at: int = 0
    last_used_at: int = 0
    change_id: str = ""
    """The random id of the request that last changed the item: how an SDK retry recognises its own write."""
    mac_key_id: str = ""
    """The MAC key of the current refresh token, so that a retry is given the identical string."""
    revoked_at: int | None = None
    audience: tuple[str, ...] = field(default=())
    """What the tokens' `aud` holds beside the client (scope `audience:server:client_id:X`)."""
    resources: tuple[str, ...] = field(default=())
    """The APIs that the login was asked for (RFC 8707 §2.1): its access tokens are for these, where there are any."""

    upstream: Upstream | None = None
    lease_id: str = ""
    """The request that is asking the provider how the user stands."""
    lease_until: int = 0
    """The last second at which nobody else may ask; epoch seconds, 0 where nobody has asked yet."""
    inherited: Inherited | None = None
    """Of a login that began at Dex."""

    def rotated(self, now: int, *, change_id: str, mac_key_id: str) -> Family:
        """Return the family after a rotation at `now`."""
        return replace(
            self,
            generation=self.generation + 1,
            rotated_at=now,
            last_used_at=now,
            change_id=change_id,
            mac_key_id=mac_key_id,
        )


def expires_at(created_at: int, last_used_at: int, policy: RefreshTokenPolicy) -> int | None:
    """Return the last second at which such a family is alive: the earlier of its limits, None where neither is set."""
    limits = []
    if policy.absolute_lifetime is not None:
        limits.append(created_at + int(policy.absolute_lifetime.total_seconds()))
    if policy.valid_if_not_used_for is not None:
        limits.append(last_used_at + int(policy.valid_if_not_used_for.total_seconds()))
    return min(limits, default=None)
