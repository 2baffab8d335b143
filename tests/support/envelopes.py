"""Envelopes under a key of the tests; `broken` stands for a KMS that can't be reached."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sundial.errors import temporarily_unavailable
from sundial.expiry.family import Upstream
from sundial.store.envelopes import Opened

_NONCE = bytes(12)


class MemoryEnvelopes:
    """Envelopes whose wrapped key is the family's id. `calls` names every round trip it stands for."""

    def __init__(self) -> None:
        self.broken = False
        self.calls: list[str] = []
        self._cipher = AESGCM(bytes(32))

    def seal(self, family_id: str, text: str) -> Upstream:
        self._call("seal")
        sealed = _NONCE + self._cipher.encrypt(_NONCE, text.encode(), family_id.encode())
        return Upstream(family_id.encode(), sealed)

    def open(self, family_id: str, upstream: Upstream) -> Opened:
        self._call("open")
        assert upstream.wrapped_key == family_id.encode()
        return Opened(self.text_of(family_id, upstream), self._cipher, family_id)

    def text_of(self, family_id: str, upstream: Upstream | None) -> str:
        """Return what is kept of a family, without a round trip."""
        assert upstream is not None
        nonce, sealed = upstream.ciphertext[:12], upstream.ciphertext[12:]
        return self._cipher.decrypt(nonce, sealed, family_id.encode()).decode()

    def _call(self, what: str) -> None:
        self.calls.append(what)
        if self.broken:
            raise temporarily_unavailable("the encryption key can't be reached at the moment")
