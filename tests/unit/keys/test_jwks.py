"""The published item: what it says, and the keys in it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sundial.keys.algorithms import make_key_pair, to_jwk
from sundial.keys.jwks import ITEM_ID, PublicKeys

RSA, EC = make_key_pair("RS256"), make_key_pair("ES256")
KEYS = PublicKeys(
    serial=7,
    as_of=1000,
    keys=(RSA.public_jwk, EC.public_jwk),
    published_at={RSA.public_jwk["kid"]: 900},
    next_change_at=2000,
    not_before=5,
)


@pytest.mark.parametrize("keys", [KEYS, replace(KEYS, next_change_at=None, published_at={}, keys=())])
def test_an_item_comes_back_as_it_was(keys: PublicKeys) -> None:
    item = keys.to_item()
    assert item["id"] == {"S": ITEM_ID}
    assert PublicKeys.from_item(item) == keys


def test_the_document_is_a_jwk_set_of_public_members_only() -> None:
    document = json.loads(KEYS.document())
    assert document == {"keys": [dict(RSA.public_jwk), dict(EC.public_jwk)]}
    members = set().union(*document["keys"])
    assert not members & {"d", "p", "q", "dp", "dq", "qi", "k"}


def test_a_key_is_found_by_its_kid_and_parsed_once() -> None:
    keys = PublicKeys(8, 1000, KEYS.keys)
    found = keys.key(EC.public_jwk["kid"])
    assert found is not None
    assert found[0] == "ES256"
    assert to_jwk(found[1], "ES256") == EC.public_jwk
    assert keys.key(EC.public_jwk["kid"]) is found
    assert keys.key("nonesuch") is None
