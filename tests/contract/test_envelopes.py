"""What connectors keep is encrypted under a key of KMS's that opens for its own family alone."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest
from botocore.config import Config

from sundial.errors import OAuthError
from sundial.store.envelopes import KmsEnvelopes, NoEnvelopes
from tests.support.leak_watch import LEAKS
from tests.support.stack import OwnStack

SECRET = "a refresh token of a provider"
FAMILY, OTHER = "ZmFtaWx5IG9mIGEgdGVzdA", "YW5vdGhlciBmYW1pbHkgIQ"


@pytest.fixture
def envelopes(stack: OwnStack) -> KmsEnvelopes:
    LEAKS.secret("an upstream refresh token", SECRET)
    return KmsEnvelopes(lambda: stack.kms, stack.environment["SUNDIAL_KMS_KEY"])


def test_what_is_sealed_opens_again_and_is_not_to_be_read_meanwhile(envelopes: KmsEnvelopes) -> None:
    sealed = envelopes.seal(FAMILY, SECRET)
    assert SECRET.encode() not in sealed.ciphertext + sealed.wrapped_key
    opened = envelopes.open(FAMILY, sealed)
    assert opened.text == SECRET
    assert SECRET not in repr(opened) + repr(sealed)


def test_what_comes_later_is_sealed_under_the_same_key_without_asking_kms(envelopes: KmsEnvelopes) -> None:
    sealed = envelopes.seal(FAMILY, SECRET)
    later = replace(sealed, ciphertext=envelopes.open(FAMILY, sealed).reseal("the next one"))
    assert envelopes.open(FAMILY, later).text == "the next one"


def test_the_same_text_is_never_sealed_alike(envelopes: KmsEnvelopes) -> None:
    sealed = envelopes.seal(FAMILY, SECRET)
    opened = envelopes.open(FAMILY, sealed)
    assert len({sealed.ciphertext, opened.reseal(SECRET), opened.reseal(SECRET)}) == 3


def test_another_family_opens_nothing(envelopes: KmsEnvelopes) -> None:
    sealed = envelopes.seal(FAMILY, SECRET)
    with pytest.raises(OAuthError) as refused:
        envelopes.open(OTHER, sealed)
    assert refused.value.status == 503


def test_what_has_been_changed_opens_no_more(envelopes: KmsEnvelopes) -> None:
    sealed, other = envelopes.seal(FAMILY, SECRET), envelopes.seal(FAMILY, SECRET)
    flipped = sealed.ciphertext[:-1] + bytes((sealed.ciphertext[-1] ^ 1,))
    for damaged in (flipped, other.ciphertext, b""):
        with pytest.raises(OAuthError) as refused:
            envelopes.open(FAMILY, replace(sealed, ciphertext=damaged))
        assert (refused.value.code, SECRET in str(refused.value)) == ("server_error", False)


def test_a_kms_that_cannot_be_reached_is_a_503() -> None:
    nowhere = boto3.client(
        "kms",
        endpoint_url="http://127.0.0.1:9",
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=1, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(OAuthError) as refused:
        KmsEnvelopes(lambda: nowhere, "a-key").seal(FAMILY, SECRET)
    assert (refused.value.code, refused.value.status) == ("temporarily_unavailable", 503)


def test_without_a_key_nothing_is_kept() -> None:
    for call in (lambda: NoEnvelopes().seal(FAMILY, SECRET), lambda: NoEnvelopes().open(FAMILY, None)):  # type: ignore[arg-type]
        with pytest.raises(OAuthError) as refused:
            call()
        assert refused.value.code == "server_error"
