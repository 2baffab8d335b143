"""The device rule (RFC 8628 §3.3 to §3.5): what becomes of a device that asks for its tokens. Pure, and stated once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from sundial.expiry.family import Family

INTERVAL = 5
"""Seconds that a device waits between two polls (RFC 8628 §3.2), and that each `slow_down` adds (§3.5)."""
POLLS_REMEMBERED = 4
"""How many polls are looked back upon: so a device that never slows down is asked to wait for 25 seconds at most."""


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What a device asked for, until somebody has typed its user code. Instants are epoch seconds."""

    user_code: str
    """Eight letters, without the dash."""
    family_id: str
    """The login that it becomes when it is allowed."""
    client_id: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int
    """The last second at which it can be allowed, and its tokens fetched (Dex: expiry.deviceRequests)."""
    audience: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """How a device's request stands before a poll."""

    family: Family | None = None
    """The login that it has become; None while nobody has allowed it."""
    polls: tuple[int, ...] = ()
    """When it was polled, the latest first: since it was allowed, where it has been."""
    revoked_at: int | None = None
    """When it was denied, or its login ended."""


class Poll(StrEnum):
    """What becomes of a poll."""

    GRANT = "grant"
    """The first one after the request was allowed: it gets the tokens."""
    PENDING = "pending"
    SLOW_DOWN = "slow down"
    """Pending, and too soon after the last one."""
    EXPIRED = "expired"
    DENIED = "denied"
    """The user said no, or the login has ended since."""
    USED = "used"
    """The tokens have been given out before."""
    WRONG_TARGET = "wrong resource"
    """A resource that was not asked for at first (RFC 8707 §2.2); the tokens wait for a better question."""
    REFUSED = "refused"
    """Another client's, or older than the watermark."""

    @property
    def is_noted(self) -> bool:
        """Whether the poll changes how the request stands: it is remembered, and one of them gets the tokens."""
        return self in (Poll.GRANT, Poll.PENDING, Poll.SLOW_DOWN)


def is_over(created_at: int, expires_at: int, now: int, not_before: int = 0) -> Poll | None:
    """Return what the device code alone tells of a poll at `now`, None where it may go on (epoch seconds)."""
    if created_at < not_before:
        return Poll.REFUSED
    return Poll.EXPIRED if now > expires_at else None


def decide(login: DeviceLogin, client_id: str, resources: frozenset[str], now: int) -> Poll:
    """Return what becomes of a poll by `client_id` at `now` (epoch seconds), of a request that is not over.

    `resources` are those that the access token is to be for; none leaves it to the login.
    """
    if login.revoked_at is not None:
        return Poll.DENIED
    if login.family is None:
        return Poll.SLOW_DOWN if is_too_soon(login.polls, now) else Poll.PENDING
    if login.family.client_id != client_id:
        return Poll.REFUSED
    if login.polls:
        return Poll.USED
    if login.family.resources and not resources <= set(login.family.resources):
        return Poll.WRONG_TARGET
    return Poll.GRANT


def is_too_soon(polls: tuple[int, ...], now: int) -> bool:
    """Return whether a poll at `now` comes sooner than the interval after the last of `polls`, the latest first.

    The interval is INTERVAL, and INTERVAL more for each remembered poll that came too soon itself.
    """
    interval, too_soon = INTERVAL, False
    for earlier, later in pairwise((*reversed(polls[:POLLS_REMEMBERED]), now)):
        too_soon = later < earlier + interval
        interval += INTERVAL if too_soon else 0
    return too_soon
