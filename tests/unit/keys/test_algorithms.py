"""Key pairs: made, checked, published and read back."""

from __future__ import annotations

import jwt
import pytest

from sundial.keys import algorithms
from sundial.keys.algorithms import (
    ALGORITHMS,
    KeyCheckError,
    KeyPair,
    from_jwk,
    load_private_key,
    make_key_pair,
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


def test_a_pair_that_does_not_fit_together_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = make_key_pair("ES256"), make_key_pair("ES256")
    with pytest.raises(KeyCheckError):
        algorithms._check(KeyPair(other.public_jwk, one.private_pem), "ES256")
    with pytest.raises(KeyCheckError):
        algorithms._check(KeyPair(make_key_pair("RS256").public_jwk, one.private_pem), "RS256")


def test_a_key_pair_does_not_show_its_private_half() -> None:
    assert "PRIVATE" not in repr(make_key_pair("ES256"))


def test_a_point_that_is_not_on_its_curve_is_refused() -> None:
    jwk = make_key_pair("ES256").public_jwk
    with pytest.raises(ValueError):
        from_jwk({**jwk, "x": jwk["y"]})
