"""What the endpoints ask of the table of refresh token families; `store/dynamodb_families.py` keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from sundial.expiry.family import Claims, Family, Upstream
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.tokens.opaque import Presented


@dataclass(frozen=True, slots=True)
class Written:
    """What one conditional write came to: `applied` and the family after it, or not and the family as it stands.

    `family` is None where there is no such item.
    """

    applied: bool
    family: Family | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is common to every change of a family: when, by which request, under which MAC key.

    `now` is epoch seconds. A write whose answer was lost is recognised by its `change_id` when the SDK
    sends it again. `mac_key_id` is the MAC key of the refresh token that the change makes.
    """

    now: int
    change_id: str
    mac_key_id: str


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is held, by its id; and what the provider gave out under it, encrypted (None: nothing new).

    `before` is what was kept when the lease was taken, which is what the provider was asked with.
    """

    lease_id: str
    upstream: bytes | None = field(default=None, repr=False)
    before: Upstream | None = field(default=None, repr=False)


class FamilyStore(Protocol):
    """One item a login. Each method is one network round trip.

    Every method raises `temporarily_unavailable` (503) when the table can't be reached or throttles,
    and then the same call may be made again.
    """

    def begin(self, family: Family, alive_until: int | None = None) -> bool:
        """Write the family of a login that has just happened: its code unredeemed, or without a code.

        One without a code is kept for as long as it can be of use, which is until `alive_until` (epoch
        seconds); None is for ever.

        A second time, recognised by its `change_id`, that changes nothing and is as good; False where
        the family's code has been redeemed since, or the family revoked.
        """

    def redeem(
        self,
        presented: Presented,
        client_id: str,
        redirect_uri: str,
        challenges: frozenset[str],
        policy: RefreshTokenPolicy,
        access_lifetime: timedelta,
        not_before: int,
        change: Change,
        resources: frozenset[str] = frozenset(),
    ) -> Written:
        """Redeem the code of a family: applied exactly where `expiry.codes.decide` says REDEEM.

        The family's generation becomes the presented one: 1 where `offline_access` was granted, 0
        where it was not, and then the item need not outlive its access tokens.
        """

    def rotate(
        self,
        presented: Presented,
        client_id: str,
        scopes: frozenset[str],
        policy: RefreshTokenPolicy,
        not_before: int,
        claims: Claims | None,
        change: Change,
        resources: frozenset[str] = frozenset(),
        held: Held | None = None,
    ) -> Written:
        """Advance a family: applied exactly where `expiry.refresh.decide` says ROTATE (or KEEP, rotation off).

        Not applied where `scopes` or `resources` ask for more than was granted, and then nothing has changed.
        `claims`, where given, replace what the family knows of its user. With `held`, it is applied only
        while that lease is, and ends it; what the provider gave out is written with it.
        """

    def lease(
        self,
        presented: Presented,
        client_id: str,
        scopes: frozenset[str],
        policy: RefreshTokenPolicy,
        not_before: int,
        change: Change,
        until: int,
        resources: frozenset[str] = frozenset(),
    ) -> Written:
        """Lease a family until `until` (epoch seconds): applied exactly where `rotate` would be, unless it is leased.

        Nothing else of the family changes. The lease's id is that of `change`.
        """

    def release(self, family_id: str, held: Held) -> None:
        """End a lease; one that is over, or somebody else's by now, stays as it is.

        What the provider gave out under it is kept in any case, unless something newer is by now: two round trips
        where the lease was lost.
        """

    def revoke(self, family_id: str, now: int, why: str) -> bool:
        """Revoke a family, whether or not it exists; it stays as a tombstone.

        Return whether it was this call that did: a second one changes nothing. `why` is mostly an `Ending`.
        """

    def deny(self, jti: str, expires_at: int) -> None:
        """Revoke the one access token of that `jti`, for as long as it could live (epoch seconds)."""

    def get(self, family_id: str) -> Family | None:
        """Return a family as it stands, by a strongly consistent read."""
