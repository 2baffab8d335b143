"""The signing keys of the tests, made once for the whole run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sundial.keys.cache import Signer


@cache
def signers() -> Mapping[str, Signer]:
    """Return one signer an algorithm."""
    return {
        "RS256": Signer("rsa-key", "RS256", rsa.generate_private_key(65537, 2048)),
        "ES256": Signer("ec-key", "ES256", ec.generate_private_key(ec.SECP256R1())),
    }


@cache
def rsa_key(number: int) -> rsa.RSAPrivateKey:
    """Return the RSA key of that number, the same for the whole run."""
    return rsa.generate_private_key(65537, 2048)
