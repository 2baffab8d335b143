"""What the endpoints ask of the table of refresh token families; `store/dynamodb_families.py` keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sundial.expiry.family import Family
from sundial.expiry.policies import RefreshTokenPolicy


@dataclass(frozen=True, slots=True)
class Written:
    """What one conditional write came to: `applied` and the family after it, or not and the family as it stands.

    `family` is None where there is no such item.
    """

    applied: bool
    family: Family | None


class FamilyStore(Protocol):
    """One item a login. Each method is one network round trip.

    Every method raises `temporarily_unavailable` (503) when the table can't be reached or throttles,
    and then the same call may be made again: a write that was applied after all is recognised by its
    `change_id`.
    """

    def begin(self, family: Family) -> None:
        """Write the family of a login that has just happened, its code unredeemed. Its id is new."""

    def redeem(
        self,
        family_id: str,
        client_id: str,
        redirect_uri: str,
        challenges: frozenset[str],
        now: int,
        *,
        change_id: str,
        mac_key_id: str,
    ) -> Written:
        """Redeem the code of a family: applied exactly where `expiry.codes.decide` says REDEEM.

        The first generation is 1 where `offline_access` was granted, and 0 where it was not; its times begin at `now`.
        """

    def rotate(
        self,
        family_id: str,
        client_id: str,
        generation: int,
        scopes: frozenset[str],
        now: int,
        policy: RefreshTokenPolicy,
        not_before: int,
        *,
        change_id: str,
        mac_key_id: str,
    ) -> Written:
        """Advance a family: applied exactly where `expiry.refresh.decide` says ROTATE (or KEEP, rotation off).

        Not applied where `scopes` asks for more than was granted, and then nothing has changed.
        """

    def revoke(self, family_id: str, now: int, why: str) -> None:
        """Revoke a family, whether or not it exists; a second time changes nothing. It stays as a tombstone."""

    def get(self, family_id: str) -> Family | None:
        """Return a family as it stands, by a strongly consistent read."""
