"""The ring in the memory of a function: which key signs now, without asking anybody."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sundial.errors import OAuthError, temporarily_unavailable
from sundial.keys import ring as rings
from sundial.keys.algorithms import PrivateKey, PublicKey, from_jwk, load_private_key
from sundial.keys.policy import RING_CACHE, RING_STALENESS, seconds
from sundial.keys.ring import MacKey, Ring, SigningKey
from sundial.keys.stores import RingReader
from sundial.observe import logger

_RETRY_AFTER = 5
"""Seconds between a failed reload and the next."""
_JITTER = 0.2
"""The part of RING_CACHE by which functions differ, so that they don't all reload at once."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, parsed: what signs a token, and what its header says of it."""

    kid: str
    alg: str
    key: PrivateKey


class LoadedRing:
    """One version of the ring, its private keys parsed when they first sign and kept parsed."""

    def __init__(self, ring: Ring, algorithms: Sequence[str] = (), signers: dict[str, Signer] | None = None) -> None:
        """`algorithms` are those of the configuration; `signers`, by `kid`, what an earlier version has parsed."""
        self.ring = ring
        self._algorithms = algorithms
        kids = {key.kid for key in ring.signing_keys if key.private_pem is not None}
        self.signers = {kid: signer for kid, signer in (signers or {}).items() if kid in kids}
        self._mac_keys = {key.id: key for key in ring.mac_keys}

    @property
    def not_before(self) -> int:
        """The operator's watermark (epoch seconds): nothing issued before it is honoured."""
        return self.ring.not_before

    def signer(self, alg: str, now: int) -> Signer:
        """Return what signs with `alg` at `now` (epoch seconds).

        An algorithm's first key has to be published for `signing.publishAhead`. Until then the algorithm
        that it replaces in the configuration, if it does, stands in for it. Otherwise this raises
        `temporarily_unavailable` (503): a token whose key a verifier has not seen yet is worse than none.
        """
        key = rings.signing_key(self.ring, alg, now) or self._stand_in(now)
        if key is None or key.private_pem is None:
            raise self._no_key(alg, now)
        signer = self.signers.get(key.kid)
        if signer is None:
            signer = self.signers[key.kid] = Signer(key.kid, key.alg, load_private_key(key.private_pem))
        return signer

    def mac(self, now: int) -> MacKey:
        """Return the MAC key for what is made at `now`; raises a 503 for a ring without one."""
        key = rings.mac_key(self.ring, now)
        if key is None:
            raise temporarily_unavailable("there are no keys yet; try again soon", retry_after=30, detail="no MAC key")
        return key

    def mac_by_id(self, key_id: str) -> MacKey | None:
        """Return the MAC key that made something, None where it is unknown or no longer kept."""
        return self._mac_keys.get(key_id)

    def key(self, kid: str) -> tuple[str, PublicKey] | None:
        """Return the `alg` and the public key of that `kid`, None where it has left the ring."""
        key = next((key for key in self.ring.signing_keys if key.kid == kid), None)
        return None if key is None else (key.alg, from_jwk(key.public_jwk))

    def _stand_in(self, now: int) -> SigningKey | None:
        """Return the active key of an algorithm that has left the configuration, while there is one."""
        gone = dict.fromkeys(key.alg for key in self.ring.signing_keys if key.alg not in self._algorithms)
        active = (rings.signing_key(self.ring, alg, now) for alg in (gone if self._algorithms else ()))
        return next((key for key in active if key is not None), None)

    def _no_key(self, alg: str, now: int) -> OAuthError:
        planned = [
            key.signs_from - now
            for key in self.ring.signing_keys
            if key.alg == alg and key.signs_from is not None and key.signs_from > now
        ]
        if planned:
            return temporarily_unavailable(
                f"the {alg} key was published too recently to sign; it signs in {min(planned)} seconds",
                retry_after=min(planned),
            )
        return temporarily_unavailable(f"there is no {alg} key yet; try again soon", retry_after=30)


class RingCache:
    """The ring of a vault, kept in memory until it may have changed."""

    def __init__(
        self,
        vault: RingReader,
        algorithms: Sequence[str] = (),
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`algorithms` are those of the configuration (`signing.algorithms`)."""
        self._vault = vault
        self._algorithms = algorithms
        self._uniform = uniform
        self._loaded: LoadedRing | None = None
        self._version: str | None = None
        self._loaded_at = 0
        self._reload_at = 0

    def current(self, now: int) -> LoadedRing:
        """Return the ring as it stands at `now` (epoch seconds).

        It is read again at the next instant that it names itself, and after five minutes at the most,
        less some jitter. Where that fails the old one goes on, for RING_STALENESS at the most; where
        there is none, or it is too old, that raises `temporarily_unavailable` (503).
        """
        if self._loaded is None or now >= self._reload_at:
            try:
                return self._reload(now)
            except OAuthError as error:
                last_at = self._loaded_at + seconds(RING_STALENESS)
                if self._loaded is None or now > last_at:
                    raise
                logger.warning("the old key ring goes on", loaded_at=self._loaded_at, detail=error.detail)
                self._reload_at = min(now + _RETRY_AFTER, last_at + 1)
        return self._loaded

    def _reload(self, now: int) -> LoadedRing:
        ring, version = self._vault.read()
        if ring is None:
            raise temporarily_unavailable(
                "there are no keys yet; try again soon", retry_after=30, detail="the first rotation has not run"
            )
        if self._loaded is None or version != self._version:
            self._loaded = LoadedRing(ring, self._algorithms, self._loaded.signers if self._loaded else None)
            self._version = version
        self._loaded_at = now
        longest = int(seconds(RING_CACHE) * self._uniform(1 - _JITTER, 1))
        instant = rings.next_instant(ring, now)
        self._reload_at = now + longest if instant is None else min(instant, now + longest)
        return self._loaded
