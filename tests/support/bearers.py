"""Bearers for tests: how tokens stand, from families in memory."""

from __future__ import annotations

from dataclasses import replace

from sundial.keys.algorithms import to_jwk
from sundial.keys.jwks import PublicKeys
from sundial.store.bearer import Standing
from tests.support.families import LOGIN_AT, MemoryFamilies
from tests.support.signers import signers


class MemoryBearers:
    """Bearers over families in memory. Each call stands for a network call, and is among the families' `calls` too."""

    def __init__(self, families: MemoryFamilies) -> None:
        self.families = families
        self.keys: PublicKeys | None = PublicKeys(
            serial=1,
            as_of=LOGIN_AT,
            keys=tuple(to_jwk(one.key.public_key(), one.alg) | {"kid": one.kid} for one in signers().values()),
        )
        self.calls = 0

    def standing(self, family_id: str | None, jti: str | None = None) -> Standing:
        self.calls += 1
        self.families.calls.append("standing")
        return Standing(self.families.get_now(family_id or ""), self.keys, denied=jti in self.families.denied)

    def withdraw(self, kid: str) -> None:
        """Publish the keys without that of `kid`, as after `sundial keys revoke`."""
        assert self.keys is not None
        keys = tuple(jwk for jwk in self.keys.keys if jwk["kid"] != kid)
        self.keys = PublicKeys(self.keys.serial + 1, self.keys.as_of, keys)

    def raise_watermark(self, not_before: int) -> None:
        """Honour nothing that was issued before `not_before` (epoch seconds)."""
        assert self.keys is not None
        self.keys = replace(self.keys, serial=self.keys.serial + 1, not_before=not_before)
