"""What the rotation asks of the secret and of the published item; `keys.vault` and `keys.jwks` keep them on AWS."""

from __future__ import annotations

from typing import Protocol

from sundial.keys.jwks import PublicKeys
from sundial.keys.ring import Ring


class RingReader(Protocol):
    """Reads the ring."""

    def read(self) -> tuple[Ring | None, str | None]:
        """Return the ring and the version that holds it; None and None, or None and a version, where there is none.

        Raises `temporarily_unavailable` (503) where that can't be told.
        """


class RingStore(RingReader, Protocol):
    """Keeps the ring, and replaces it by compare-and-set."""

    def replace(self, ring: Ring, expected_version: str | None) -> bool:
        """Make `ring` current if `expected_version` still is; return whether it now is. False changes nothing."""


class JwksStore(Protocol):
    """Keeps the JWKS as it is served."""

    def load(self) -> PublicKeys | None:
        """Return it as it stands, None before the first publication."""

    def publish(self, keys: PublicKeys) -> bool:
        """Make `keys` the served JWKS, unless that of a newer ring is: then return False and change nothing."""
