"""What connectors keep of a login, encrypted: a data key of KMS's for each family, AES-GCM under it.

The family keeps the data key wrapped, and only KMS unwraps it, for a caller who names that family. What a
provider gives out later is encrypted under the same data key, which asks nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sundial.errors import OAuthError, server_error
from sundial.expiry.family import Upstream
from sundial.store.aws import unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from mypy_boto3_kms import KMSClient

PURPOSE = "sundial upstream token"
"""What the key is used for, in each encryption context; the template's policies allow no other."""
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Opened:
    """What a connector keeps of a login, and the key to put the next such thing in its place."""

    text: str = field(repr=False)
    _cipher: AESGCM = field(repr=False)
    _family_id: str

    def reseal(self, text: str) -> bytes:
        """Return `text` encrypted as `text` was; no network call."""
        return _encrypt(self._cipher, self._family_id, text)


class Envelopes(Protocol):
    """Encrypts what connectors keep. Each method is one network round trip, and raises a 503 where that fails."""

    def seal(self, family_id: str, text: str, /) -> Upstream:
        """Return `text` encrypted for a family, under a new key."""

    def open(self, family_id: str, upstream: Upstream, /) -> Opened:
        """Return what was sealed for that family."""


class NoEnvelopes:
    """Where no connector keeps anything."""

    def seal(self, family_id: str, _text: str) -> Upstream:
        """Refuse (see Envelopes)."""
        raise _no_key(family_id)

    def open(self, family_id: str, _upstream: Upstream) -> Opened:
        """Refuse (see Envelopes)."""
        raise _no_key(family_id)


class KmsEnvelopes:
    """Envelopes under one KMS key (template.yaml: KeyRingKey)."""

    def __init__(self, client: Callable[[], KMSClient], key_id: str) -> None:
        """`client` is called when KMS is first needed: who only has local users never reaches for it."""
        self._client = client
        self._key_id = key_id

    def seal(self, family_id: str, text: str) -> Upstream:
        """Return `text` encrypted for a family (see Envelopes): one GenerateDataKey."""
        with unavailable("the encryption key"):
            made = self._client().generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=_context(family_id)
            )
        return Upstream(made["CiphertextBlob"], _encrypt(_cipher(made["Plaintext"]), family_id, text))

    def open(self, family_id: str, upstream: Upstream) -> Opened:
        """Return what was sealed for that family (see Envelopes): one Decrypt."""
        from cryptography.exceptions import InvalidTag

        with unavailable("the encryption key"):
            found = self._client().decrypt(
                KeyId=self._key_id, CiphertextBlob=upstream.wrapped_key, EncryptionContext=_context(family_id)
            )
        cipher = _cipher(found["Plaintext"])
        nonce, sealed = upstream.ciphertext[:_NONCE_BYTES], upstream.ciphertext[_NONCE_BYTES:]
        try:
            text = cipher.decrypt(nonce, sealed, family_id.encode("ascii"))
        except (InvalidTag, ValueError):
            raise server_error("this login is damaged; log in again", detail="what the connector kept") from None
        return Opened(text.decode("utf-8"), cipher, family_id)


def _no_key(family_id: str) -> OAuthError:
    return server_error("this login can't be kept", detail=f"there is no KMS key for {family_id}")


def _context(family_id: str) -> dict[str, str]:
    return {"purpose": PURPOSE, "family": family_id}


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _encrypt(cipher: AESGCM, family_id: str, text: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, text.encode("utf-8"), family_id.encode("ascii"))
