"""Rings for tests: a policy, key pairs that cost nothing, and the two stores in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

from sundial.errors import temporarily_unavailable
from sundial.keys.algorithms import KeyPair
from sundial.keys.jwks import PublicKeys
from sundial.keys.policy import KeyPolicy
from sundial.keys.ring import Ring, SigningKey, from_json, to_json

T0 = 1_800_000_000
MINUTE, HOUR, DAY = 60, 3600, 86400

POLICY = KeyPolicy(
    algorithms=("RS256",),
    signs_for=timedelta(hours=6),
    publish_ahead=timedelta(hours=3),
    longest_token=timedelta(hours=24),
    longest_mac=timedelta(hours=3960),
)
"""Dex's defaults, and Sundial's."""

_numbers = count(1)


def fake_pair(alg: str) -> KeyPair:
    """Return a key pair of no mathematics: for tests of when, not of how."""
    kid = f"{alg}-{next(_numbers)}"
    return KeyPair({"kid": kid, "alg": alg, "use": "sig", "kty": "EC" if alg[0] == "E" else "RSA"}, f"private {kid}")


def a_key(kid: str, alg: str = "RS256", **changes: object) -> SigningKey:
    """Return a signing key that was made, and since when published, at T0."""
    key = SigningKey(kid, alg, {"kid": kid, "alg": alg, "use": "sig"}, f"private {kid}", T0, published_at=T0)
    return replace(key, **changes)  # type: ignore[arg-type]


def nothing_happens(_call: str) -> None:
    """The usual network."""


@dataclass
class MemoryVault:
    """A RingStore in memory, by way of the JSON document.

    `network` is told of each call before it is made, and of each write once more after it: what it
    raises is a crash there.
    """

    network: Callable[[str], None] = nothing_happens
    document: str | None = None
    version: int = 0
    writes: int = 0
    broken: bool = False

    def read(self) -> tuple[Ring | None, str | None]:
        self.network("read the ring")
        if self.broken:
            raise temporarily_unavailable("the vault is out of reach", detail="GetSecretValue: broken")
        return (None, None) if self.document is None else (from_json(self.document), str(self.version))

    def replace(self, ring: Ring, expected_version: str | None) -> bool:
        document = to_json(ring)
        self.network("replace the ring")
        if expected_version != (None if self.document is None else str(self.version)):
            return False
        self.document, self.version, self.writes = document, self.version + 1, self.writes + 1
        self.network("the ring is replaced")
        return True

    @property
    def ring(self) -> Ring:
        assert self.document is not None
        return from_json(self.document)


@dataclass
class MemoryJwks:
    """A JwksStore in memory. `on_publish` is given what was served before and what is served now."""

    network: Callable[[str], None] = nothing_happens
    on_publish: Callable[[PublicKeys | None, PublicKeys], None] = lambda _before, _after: None
    served: PublicKeys | None = None
    calls: list[str] = field(default_factory=list)
    broken: bool = False

    def load(self) -> PublicKeys | None:
        self.network("load the JWKS")
        self.calls.append("load")
        if self.broken:
            raise temporarily_unavailable("the table is out of reach")
        return None if self.served is None else PublicKeys.from_item(self.served.to_item())

    def publish(self, keys: PublicKeys) -> bool:
        self.network("publish the JWKS")
        self.calls.append("publish")
        before = self.served
        if before is not None and (before.serial, before.as_of) > (keys.serial, keys.as_of):
            return False
        self.served = PublicKeys.from_item(keys.to_item())
        self.on_publish(before, self.served)
        self.network("the JWKS is published")
        return True

    @property
    def kids(self) -> set[str]:
        assert self.served is not None
        return {jwk["kid"] for jwk in self.served.keys}
