"""What is sealed in the browser can be neither read nor made up there."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.web.sealing import Purpose, SealError, seal, unseal
from tests.support.families import LOGIN_AT
from tests.support.token_world import FixedRing

BINDING = "the-value-of-a-cookie-"
PAYLOAD = {"client_id": "app", "state": "naïve \N{SNOWMAN}", "scopes": ["openid"], "asked_at": LOGIN_AT}


@pytest.fixture(scope="module")
def ring() -> FixedRing:
    return FixedRing()


def sealed_by(ring: FixedRing) -> str:
    return seal(ring, Purpose.REQUEST, BINDING, PAYLOAD, LOGIN_AT)


def test_what_was_sealed_comes_back_as_it_was(ring: FixedRing) -> None:
    assert unseal(ring, Purpose.REQUEST, BINDING, sealed_by(ring)) == PAYLOAD


def test_a_sealed_value_needs_no_encoding_in_a_url_and_shows_nothing_of_its_content(ring: FixedRing) -> None:
    sealed = sealed_by(ring)
    assert sealed.replace("-", "").replace("_", "").isalnum()
    assert sealed.isascii()
    assert b"app" not in urlsafe_b64decode(sealed + "==")


def test_the_same_payload_is_sealed_differently_each_time(ring: FixedRing) -> None:
    assert sealed_by(ring) != sealed_by(ring)


@pytest.mark.parametrize("purpose", [Purpose.LOGIN, Purpose.POSTED])
def test_a_value_sealed_for_one_purpose_opens_for_no_other(ring: FixedRing, purpose: Purpose) -> None:
    with pytest.raises(SealError):
        unseal(ring, purpose, BINDING, sealed_by(ring))


@pytest.mark.parametrize("binding", ["", "the-value-of-a-cookie", "the-cookie-of-another-"])
def test_a_value_sealed_for_one_browser_opens_in_no_other(ring: FixedRing, binding: str) -> None:
    with pytest.raises(SealError):
        unseal(ring, Purpose.REQUEST, binding, sealed_by(ring))


def test_a_value_opens_after_the_key_has_rotated_and_not_once_it_is_gone() -> None:
    ring = FixedRing()
    sealed = sealed_by(ring)
    ring.rotate_mac_key()
    assert unseal(ring, Purpose.REQUEST, BINDING, sealed) == PAYLOAD
    del ring.macs[0]
    with pytest.raises(SealError):
        unseal(ring, Purpose.REQUEST, BINDING, sealed)


def spelt(raw: bytes | bytearray) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


@pytest.mark.parametrize("change", ["{}=", "{}==", "[{}]", " {}", "{}\n", '"{}"', "%{}"])
def test_a_value_has_one_spelling(ring: FixedRing, change: str) -> None:
    sealed = sealed_by(ring)
    assert spelt(urlsafe_b64decode(sealed + "==")) == sealed
    with pytest.raises(SealError):
        unseal(ring, Purpose.REQUEST, BINDING, change.format(sealed))


def test_a_value_of_another_version_does_not_open(ring: FixedRing) -> None:
    raw = urlsafe_b64decode(sealed_by(ring) + "==")
    with pytest.raises(SealError):
        unseal(ring, Purpose.REQUEST, BINDING, spelt(b"\x02" + raw[1:]))


@given(st.data())
def test_a_value_of_which_any_bit_is_altered_does_not_open(data: st.DataObject) -> None:
    ring = FixedRing()
    raw = bytearray(urlsafe_b64decode(sealed_by(ring) + "=="))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealError):
        unseal(ring, Purpose.REQUEST, BINDING, spelt(raw))


@given(st.integers(0, 60))
def test_a_value_that_is_cut_short_does_not_open(length: int) -> None:
    ring = FixedRing()
    with pytest.raises(SealError):
        unseal(ring, Purpose.REQUEST, BINDING, sealed_by(ring)[:length])


@given(st.text())
def test_no_text_whatever_does_anything_but_not_open(text: str) -> None:
    with pytest.raises(SealError):
        unseal(FixedRing(), Purpose.REQUEST, BINDING, text)
