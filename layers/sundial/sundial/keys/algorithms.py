"""Making and checking key pairs: what each `alg` needs (RFC 7518 §3.1), and keys as JWKs (RFC 7517)."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_RSA_BITS = 2048
"""What every consumer takes; AWS STS and Kubernetes among them."""
_HASHES: Mapping[str, HashAlgorithm] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_CURVES: Mapping[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
_ECDSA = {alg: ec.ECDSA(_HASHES[alg[2:]]) for alg in _CURVES}
_CURVE_NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}  # RFC 7638 §3.2

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""The `alg` values that a key can be made for. AWS STS takes each of them."""


class KeyCheckError(Exception):
    """A key that has just been made doesn't verify what it signs: nothing may ever be signed with it."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair as the ring keeps it: its JWK (with `kid`, `alg`, `use`) and its private half as PKCS #8 PEM."""

    public_jwk: Mapping[str, str]
    private_pem: str = field(repr=False)


def make_key_pair(alg: str) -> KeyPair:
    """Return a new key pair for `alg`, checked: what it signs, its published half verifies.

    Raises KeyCheckError where that fails, and then the pair must not be used.
    """
    private: PrivateKey
    if alg in _CURVES:
        private = ec.generate_private_key(_CURVES[alg])
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    pair = KeyPair(to_jwk(private.public_key(), alg), pem)
    _check(pair, alg)
    return pair


def load_private_key(pem: str) -> PrivateKey:
    """Return the private key of a PEM that `make_key_pair` made.

    The check of an RSA key's arithmetic, some 55 ms at every load, is left out: `make_key_pair` has
    made it, and only the rotation can write the ring.
    """
    key = load_pem_private_key(pem.encode("ascii"), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError("the ring keeps RSA and elliptic curve keys only")
    return key


def signature(key: PrivateKey, alg: str, message: bytes) -> bytes:
    """Return the JWS signature of `message` (RFC 7518 §3.3 and §3.4: an elliptic curve's as R and S of fixed size).

    Raises TypeError for a key that is not of `alg`.
    """
    curve = _CURVES.get(alg)
    if curve is None and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, PKCS1v15(), _HASHES[alg[2:]])
    if curve is None or not isinstance(key, ec.EllipticCurvePrivateKey) or key.key_size != curve.key_size:
        raise TypeError(f"{alg} signs with a key of another kind")
    size = (curve.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(message, _ECDSA[alg]))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def to_jwk(key: PublicKey, alg: str) -> dict[str, str]:
    """Return a public key as a JWK whose `kid` is its thumbprint (RFC 7517 §4, RFC 7518 §6)."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        point, size = key.public_numbers(), (key.curve.key_size + 7) // 8
        members = {"kty": "EC", "crv": _CURVE_NAMES[alg], "x": _encode(point.x, size), "y": _encode(point.y, size)}
    else:
        numbers = key.public_numbers()
        members = {"kty": "RSA", "n": _encode(numbers.n), "e": _encode(numbers.e)}
    return {"kid": thumbprint(members), "alg": alg, "use": "sig", **members}


def from_jwk(jwk: Mapping[str, str]) -> PublicKey:
    """Return the public key of a JWK that `to_jwk` made. Raises ValueError for a point that is not on its curve."""
    if jwk["kty"] == "EC":
        return ec.EllipticCurvePublicNumbers(_decode(jwk["x"]), _decode(jwk["y"]), _CURVES[jwk["alg"]]).public_key()
    return rsa.RSAPublicNumbers(_decode(jwk["e"]), _decode(jwk["n"])).public_key()


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of a JWK in base64url (RFC 7638 §3)."""
    required = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode("ascii")
    return urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode("ascii")


def _check(pair: KeyPair, alg: str) -> None:
    """Sign with the stored form and verify with the published form: the two that will meet again."""
    from cryptography.exceptions import InvalidSignature

    message, digest = b"sundial key check", _HASHES[alg[2:]]
    private = load_pem_private_key(pair.private_pem.encode("ascii"), password=None)  # checks RSA arithmetic, once
    public = from_jwk(pair.public_jwk)
    try:
        if isinstance(private, rsa.RSAPrivateKey) and isinstance(public, rsa.RSAPublicKey):
            public.verify(private.sign(message, PKCS1v15(), digest), message, PKCS1v15(), digest)
        elif isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(private.sign(message, ec.ECDSA(digest)), message, ec.ECDSA(digest))
        else:
            raise KeyCheckError(f"a new {alg} key is of the wrong kind")
    except InvalidSignature:
        raise KeyCheckError(f"a new {alg} key doesn't verify what it signs") from None


def _encode(number: int, size: int | None = None) -> str:
    """Return an unsigned big-endian integer in base64url (RFC 7518 §2), padded with zeros to `size` bytes."""
    raw = number.to_bytes(size or (number.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
