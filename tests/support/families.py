"""Families for tests: a builder, and a FamilyStore in memory that decides with the pure rules themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Lock

from sundial.expiry import codes, refresh
from sundial.expiry.family import Claims, Family, PendingCode
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.expiry.refresh import Refresh
from sundial.keys.ring import MacKey
from sundial.store.families import Change, Held, Written
from sundial.tokens.opaque import Presented, new_family_id

LOGIN_AT = 1_800_000_000
REDIRECT_URI = "http://127.0.0.1:5555/callback"
MAC_KEY = MacKey(id="00c0ffee", secret=bytes(range(32)), created_at=0, signs_from=0, signs_until=None, kept_until=None)


def a_login(**changes: object) -> Family:
    """Return the family of a login at LOGIN_AT, its code unredeemed, with `changes`."""
    family = Family(
        family_id=new_family_id(),
        client_id="example-app",
        connector_id="local",
        claims=Claims("08a8684b", username="admin", email="admin@example.com", email_verified=True, groups=("ops",)),
        scopes=frozenset(("openid", "email", "offline_access")),
        created_at=LOGIN_AT,
        auth_time=LOGIN_AT,
        code=PendingCode(LOGIN_AT + 60, REDIRECT_URI),
    )
    return replace(family, **changes)  # type: ignore[arg-type]


def a_family(*, generation: int = 1, rotated_at: int = LOGIN_AT, **changes: object) -> Family:
    """Return a family whose code was redeemed at LOGIN_AT, now at `generation` since `rotated_at`."""
    redeemed = {
        "redeemed_at": LOGIN_AT,
        "generation": generation,
        "rotated_at": rotated_at,
        "last_used_at": rotated_at,
        "mac_key_id": MAC_KEY.id,
    }
    return a_login(**(redeemed | changes))


class MemoryFamilies:
    """A FamilyStore that applies the pure decisions under a lock. `calls` names every round trip it stands for."""

    def __init__(self, *families: Family) -> None:
        self.families = {family.family_id: family for family in families}
        self.revoked: dict[str, str] = {}
        self.alive_until: dict[str, int | None] = {}
        self.denied: dict[str | None, int] = {}
        self.calls: list[str] = []
        self._lock = Lock()

    def begin(self, family: Family, alive_until: int | None = None) -> bool:
        self.calls.append("begin")
        self.alive_until[family.family_id] = alive_until
        stands = self.families.setdefault(family.family_id, family)
        return stands.change_id == family.change_id and stands.revoked_at is None

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
        self.calls.append("redeem")
        with self._lock:
            family = self.get_now(presented.family_id)
            outcome = codes.decide(family, client_id, redirect_uri, challenges, change.now, not_before, resources)
            if family is None or outcome is not codes.Redemption.REDEEM:
                return Written(False, family)
            now = change.now
            changed = replace(
                family,
                redeemed_at=now,
                created_at=now,
                rotated_at=now,
                last_used_at=now,
                generation=presented.generation,
                change_id=change.change_id,
                mac_key_id=change.mac_key_id,
            )
            self.families[family.family_id] = changed
            return Written(True, changed)

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
        self.calls.append("rotate")
        with self._lock:
            family = self.get_now(presented.family_id)
            outcome = refresh.decide(family, client_id, presented.generation, change.now, policy, not_before)
            if family is None or outcome not in (Refresh.ROTATE, Refresh.KEEP) or not scopes <= family.scopes:
                return Written(False, family)
            if family.resources and not resources <= set(family.resources):
                return Written(False, family)
            if held is not None and family.lease_id != held.lease_id:
                return Written(False, family)
            if held is not None:
                family = _over(family, held)
            if outcome is Refresh.ROTATE:
                changed = family.rotated(change.now, change_id=change.change_id, mac_key_id=change.mac_key_id)
            else:
                changed = replace(family, last_used_at=change.now, change_id=change.change_id)
            if claims is not None and claims != changed.claims:
                changed = replace(changed, claims=claims)
            self.families[family.family_id] = changed
            return Written(True, changed)

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
        self.calls.append("lease")
        with self._lock:
            family = self.get_now(presented.family_id)
            outcome = refresh.decide(family, client_id, presented.generation, change.now, policy, not_before)
            if family is None or outcome not in (Refresh.ROTATE, Refresh.KEEP) or not scopes <= family.scopes:
                return Written(False, family)
            if family.resources and not resources <= set(family.resources):
                return Written(False, family)
            if family.lease_until >= change.now:
                return Written(False, family)
            leased = replace(family, lease_id=change.change_id, lease_until=until)
            self.families[family.family_id] = leased
            return Written(True, leased)

    def release(self, family_id: str, held: Held) -> None:
        self.calls.append("release")
        with self._lock:
            family = self.families[family_id]
            if family.lease_id == held.lease_id:
                self.families[family_id] = _over(family, held)
            elif held.before is not None and held.before == family.upstream:
                self.families[family_id] = replace(_over(family, held), lease_until=family.lease_until)

    def revoke(self, family_id: str, now: int, why: str) -> bool:
        self.calls.append("revoke")
        with self._lock:
            is_first = family_id not in self.revoked
            self.revoked.setdefault(family_id, why)
            family = self.families.get(family_id)
            if family is not None and family.revoked_at is None:
                self.families[family_id] = replace(family, revoked_at=now)
            return is_first

    def deny(self, jti: str, expires_at: int) -> None:
        self.calls.append("deny")
        self.denied[jti] = expires_at

    def get(self, family_id: str) -> Family | None:
        self.calls.append("get")
        return self.get_now(family_id)

    def get_now(self, family_id: str) -> Family | None:
        return self.families.get(family_id)


def _over(family: Family, held: Held) -> Family:
    """Return a family whose lease has ended, with what was given out under it."""
    if held.upstream is not None and family.upstream is not None:
        family = replace(family, upstream=replace(family.upstream, ciphertext=held.upstream))
    return replace(family, lease_until=0)
