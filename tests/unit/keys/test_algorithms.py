"""Key pairs: made, checked, published and read back."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sundial.keys import algorithms
from sundial.keys.algorithms import (
    ALGORITHMS,
    KeyCheckError,
    KeyPair,
    from_jwk,
    load_private_key,
    make_key_pair,
    signature,
    thumbprint,
    to_jwk,
)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_what_a_new_key_signs_its_published_half_verifies_in_a_library_that_nobody_here_wrote(alg: str) -> None:
    pair = make_key_pair(alg)
    token = jwt.encode({"sub": "x"}, load_private_key(pair.private_pem), algorithm=alg)
    assert jwt.decode(token, jwt.PyJWK(dict(pair.public_jwk)).key, algorithms=[alg]) == {"sub": "x"}
    assert jwt.decode(token, from_jwk(pair.public_jwk), algorithms=[alg]) == {"sub": "x"}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_jwk_says_what_the_key_is_for_and_holds_nothing_private(alg: str) -> None:
    jwk = make_key_pair(alg).public_jwk
    assert (jwk["alg"], jwk["use"]) == (alg, "sig")
    members = {"n", "e"} if alg[0] == "R" else {"crv", "x", "y"}
    assert set(jwk) == {"kid", "alg", "use", "kty"} | members
    assert to_jwk(from_jwk(jwk), alg) == jwk


@pytest.mark.parametrize(
    ("alg", "curve", "size"),
    [("ES256", ec.SECP256R1(), 32), ("ES384", ec.SECP384R1(), 48), ("ES512", ec.SECP521R1(), 66)],
    ids=["ES256", "ES384", "ES512"],
)
def test_coordinates_are_as_long_as_their_curve_whatever_they_begin_and_end_with(
    alg: str, curve: ec.EllipticCurve, size: int
) -> None:
    for number in range(1, 400):
        key = ec.derive_private_key(number, curve).public_key()
        jwk, point = to_jwk(key, alg), key.public_numbers()
        assert octets(jwk["x"]) == point.x.to_bytes(size, "big")  # RFC 7518 §6.2.1.2
        assert octets(jwk["y"]) == point.y.to_bytes(size, "big")


def test_a_modulus_is_written_without_a_leading_zero() -> None:
    key = make_key_pair("RS256")
    assert len(octets(key.public_jwk["n"])) == 256  # RFC 7518 §6.3.1.1
    assert key.public_jwk["e"] == "AQAB"


def octets(text: str) -> bytes:
    """Return what is written in base64url without padding (RFC 7515 §2)."""
    assert "=" not in text
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_kid_is_the_thumbprint_of_rfc_7638() -> None:
    example = {
        "kty": "RSA",
        "n": (
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
            "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5haj"
            "rn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        ),
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert thumbprint(example) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"  # RFC 7638 §3.1


def test_a_pair_that_does_not_fit_together_is_refused() -> None:
    one, other = make_key_pair("ES256"), make_key_pair("ES256")
    with pytest.raises(KeyCheckError, match=r"^a new ES256 key doesn't verify what it signs$"):
        algorithms._check(KeyPair(other.public_jwk, one.private_pem), "ES256")
    with pytest.raises(KeyCheckError, match=r"^a new RS256 key is of the wrong kind$"):
        algorithms._check(KeyPair(make_key_pair("RS256").public_jwk, one.private_pem), "RS256")


def test_the_arithmetic_of_an_rsa_key_is_checked_when_it_is_made_and_not_at_each_start_of_a_function() -> None:
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d, numbers.dmp1, numbers.dmq1, numbers.iqmp + 2, numbers.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    pem = wrong.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    with pytest.raises(ValueError):
        algorithms._check(KeyPair(to_jwk(wrong.public_key(), "RS256"), pem), "RS256")
    assert load_private_key(pem).public_key() == wrong.public_key()


def test_a_key_of_another_kind_in_the_ring_is_refused() -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TypeError, match=r"^the ring keeps RSA and elliptic curve keys only$"):
        load_private_key(pem.decode("ascii"))


@pytest.mark.parametrize(("alg", "other"), [("RS256", "ES256"), ("ES256", "RS256"), ("ES256", "ES384")])
def test_nothing_is_signed_by_a_key_of_another_kind(alg: str, other: str) -> None:
    key = load_private_key(make_key_pair(other).private_pem)
    with pytest.raises(TypeError, match=rf"^{alg} signs with a key of another kind$"):
        signature(key, alg, b"message")


def test_a_key_pair_does_not_show_its_private_half() -> None:
    assert "PRIVATE" not in repr(make_key_pair("ES256"))


def test_a_point_that_is_not_on_its_curve_is_refused() -> None:
    jwk = make_key_pair("ES256").public_jwk
    with pytest.raises(ValueError):
        from_jwk({**jwk, "x": jwk["y"]})
