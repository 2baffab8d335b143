"""The published item on a DynamoDB that behaves: an older ring's JWKS never replaces a newer one's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from sundial.errors import OAuthError
from sundial.keys.algorithms import make_key_pair
from sundial.keys.jwks import PublicKeys, PublicKeyStore
from tests.support.keys import T0
from tests.support.stack import OwnStack

JWK = make_key_pair("ES256").public_jwk
KEYS = PublicKeys(
    serial=5, as_of=T0, keys=(JWK,), published_at={JWK["kid"]: T0}, next_change_at=T0 + 60, not_before=T0 - 1
)


@pytest.fixture
def store(stack: OwnStack) -> PublicKeyStore:
    return PublicKeyStore(stack.dynamodb, stack.public_keys_table)


def test_before_the_first_publication_there_is_nothing(store: PublicKeyStore) -> None:
    assert store.load() is None


def test_what_is_published_is_served_as_it_is(store: PublicKeyStore) -> None:
    assert store.publish(KEYS)
    assert store.load() == KEYS


@pytest.mark.parametrize(
    ("serial", "as_of", "published"),
    [
        (6, T0 - 999, True),
        (5, T0 + 1, True),
        (5, T0, True),  # the SDK's own retry, or another run of the same second
        (5, T0 - 1, False),
        (4, T0 + 999, False),
    ],
)
def test_only_a_newer_ring_or_a_later_look_at_the_same_one_is_published(
    store: PublicKeyStore, serial: int, as_of: int, published: bool
) -> None:
    store.publish(KEYS)
    other = replace(KEYS, serial=serial, as_of=as_of, keys=())
    assert store.publish(other) is published
    assert store.load() == (other if published else KEYS)


def test_of_publications_that_race_the_newest_stays(store: PublicKeyStore) -> None:
    versions = [replace(KEYS, serial=serial, as_of=T0 + serial % 3) for serial in range(1, 33)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(store.publish, versions))
    assert results[-1]
    served = store.load()
    assert served is not None
    assert served.serial == 32


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="https://dynamodb"),
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "GetItem"),
        ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetItem"),
    ],
)
def test_a_table_that_is_out_of_reach_is_a_503(failure: Exception) -> None:
    class Broken:
        def get_item(self, **_: Any) -> Any:
            raise failure

        put_item = get_item

    client: Any = Broken()
    broken = PublicKeyStore(client, "keys")
    for call in (broken.load, lambda: broken.publish(KEYS)):
        with pytest.raises(OAuthError) as caught:
            call()
        assert (caught.value.code, caught.value.status) == ("temporarily_unavailable", 503)
        assert "Retry-After" in caught.value.headers
