"""The refresh rule: the only place where it stands (docs/architecture.md, "A refresh").

Pure and total: no I/O, no clock. The store's conditional write is this rule's fast path; when the
condition fails, the item that failed it comes back here to be told why.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from sundial.expiry.family import Family
from sundial.expiry.policies import RefreshTokenPolicy


class Refresh(StrEnum):
    """What becomes of a presented refresh token."""

    ROTATE = "rotate"
    """The current token: the family moves on to the next generation."""
    REST = "rest"
    """The current token again, inside the window: the same token, nothing moves."""
    KEEP = "keep"
    """The current token, rotation off: the same token; only `last_used_at` moves."""
    RETRY = "retry"
    """The previous token, inside the window: the current token, nothing moves."""
    REPLAY = "replay"
    """A superseded token, outside the window (RFC 9700 §4.14.2)."""
    EXPIRED = "expired"
    """The idle or the absolute limit is past."""
    REFUSED = "refused"
    """No such family, revoked, another client's, never redeemed, or older than the watermark."""
    IMPOSSIBLE = "impossible"
    """A generation that was never given out: its MAC could not have been made. An integrity alarm."""

    @property
    def is_answered(self) -> bool:
        """Whether the client is given tokens."""
        return self in (Refresh.ROTATE, Refresh.REST, Refresh.KEEP, Refresh.RETRY)


def decide(
    family: Family | None,
    client_id: str,
    presented_generation: int,
    now: int,
    policy: RefreshTokenPolicy,
    not_before: int = 0,
) -> Refresh:
    """Return what becomes of generation `presented_generation` of `family`, presented by `client_id` at `now`.

    `now` and the operator's watermark `not_before` are epoch seconds. Limits are Dex's: alive at the
    boundary, dead after it.
    """
    if family is None or family.revoked_at is not None or family.client_id != client_id:
        return Refresh.REFUSED
    if family.generation == 0 or family.rotated_at < not_before:
        return Refresh.REFUSED
    if is_expired(family, now, policy):
        return Refresh.EXPIRED
    if presented_generation > family.generation:
        return Refresh.IMPOSSIBLE
    in_window = is_in_window(family, now, policy)
    if presented_generation == family.generation:
        if policy.disable_rotation:
            return Refresh.KEEP
        return Refresh.REST if in_window else Refresh.ROTATE
    if presented_generation == family.generation - 1 and in_window:
        return Refresh.RETRY
    return Refresh.REPLAY


def is_expired(family: Family, now: int, policy: RefreshTokenPolicy) -> bool:
    """Return whether `family` is past its idle or absolute limit (Dex: validIfNotUsedFor, absoluteLifetime)."""
    return _is_past(family.last_used_at, policy.valid_if_not_used_for, now) or _is_past(
        family.created_at, policy.absolute_lifetime, now
    )


def is_in_window(family: Family, now: int, policy: RefreshTokenPolicy) -> bool:
    """Return whether the previous token still answers (Dex: expiry.refreshTokens.reuseInterval)."""
    return policy.reuse_interval is not None and not _is_past(family.rotated_at, policy.reuse_interval, now)


def _is_past(since: int, limit: timedelta | None, now: int) -> bool:
    return limit is not None and now > since + limit.total_seconds()
