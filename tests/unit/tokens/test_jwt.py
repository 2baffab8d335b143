"""Signing: what this makes, PyJWT reads; and a key signs by its own algorithm alone."""

from __future__ import annotations

import jwt
import pytest

from sundial.keys.algorithms import ALGORITHMS, from_jwk, load_private_key, make_key_pair, signature
from sundial.keys.cache import Signer
from sundial.tokens.jwt import half_hash, sign


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_token_is_read_back_by_a_library_that_did_not_make_it(alg: str) -> None:
    pair = make_key_pair(alg)
    signer = Signer("the-kid", alg, load_private_key(pair.private_pem))
    claims = {"sub": "Zoë ☀", "aud": ["a", "b"], "exp": 4102444800, "nested": {"one": None, "two": True}}
    token = sign(signer, claims, typ="at+jwt")
    assert jwt.get_unverified_header(token) == {"alg": alg, "kid": "the-kid", "typ": "at+jwt"}
    assert "=" not in token
    assert jwt.decode(token, from_jwk(pair.public_jwk), algorithms=[alg], audience="a") == claims


@pytest.mark.parametrize(("made_for", "asked"), [("ES256", "RS256"), ("RS256", "ES256"), ("ES384", "ES256")])
def test_a_key_signs_by_no_algorithm_but_its_own(made_for: str, asked: str) -> None:
    key = load_private_key(make_key_pair(made_for).private_pem)
    with pytest.raises(TypeError):
        signature(key, asked, b"a message")


def test_a_half_hash_is_that_of_openid_connect_core_a3() -> None:
    access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert half_hash(access_token, "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
