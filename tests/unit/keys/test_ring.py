"""The ring as it stands at an instant, and as a document."""

from __future__ import annotations

import json

import pytest

from sundial.keys.ring import (
    MacKey,
    Ring,
    RingFormatError,
    from_json,
    mac_key,
    mac_key_by_id,
    next_instant,
    public_keys,
    signing_key,
    to_json,
)
from tests.support.keys import T0, a_key

FIRST = a_key("first", signs_from=T0, signs_until=T0 + 100, published_until=T0 + 500)
SECOND = a_key("second", signs_from=T0 + 100)
PENDING = a_key("pending", published_at=None)
MACS = (
    MacKey("00000001", bytes(32), T0, T0, T0 + 1000, T0 + 2000),
    MacKey("00000002", bytes(range(32)), T0, T0 + 1000),
)
RING = Ring(7, (FIRST, SECOND, PENDING), MACS, not_before=T0 - 5)


@pytest.mark.parametrize(
    ("now", "kid"), [(T0, "first"), (T0 + 99, "first"), (T0 + 100, "second"), (T0 + 10**9, "second")]
)
def test_the_next_key_signs_from_its_instant_on_and_the_last_one_without_end(now: int, kid: str) -> None:
    key = signing_key(RING, "RS256", now)
    assert key is not None
    assert key.kid == kid


def test_nothing_signs_before_the_first_instant_nor_for_an_algorithm_without_keys() -> None:
    assert signing_key(RING, "RS256", T0 - 1) is None
    assert signing_key(RING, "ES256", T0) is None


def test_the_last_key_of_a_retired_algorithm_stops_at_its_end() -> None:
    ring = Ring(1, (a_key("last", signs_from=T0, signs_until=T0 + 10),))
    assert signing_key(ring, "RS256", T0 + 9) is not None
    assert signing_key(ring, "RS256", T0 + 10) is None


def test_a_key_is_published_from_when_it_is_pending_until_its_end() -> None:
    assert [key.kid for key in public_keys(RING, T0)] == ["first", "second", "pending"]
    assert [key.kid for key in public_keys(RING, T0 + 500)] == ["first", "second", "pending"]
    assert [key.kid for key in public_keys(RING, T0 + 501)] == ["second", "pending"]


def test_a_key_that_has_no_end_any_more_is_published_whatever_was_said_before() -> None:
    ring = Ring(1, (a_key("goes on", signs_from=T0, signs_until=None, published_until=T0 + 10),))
    assert [key.kid for key in public_keys(ring, T0 + 11)] == ["goes on"]


def test_mac_keys_follow_each_other_and_older_ones_are_found_by_id() -> None:
    assert mac_key(RING, T0 - 1) is None
    assert mac_key(RING, T0 + 999) == MACS[0]
    assert mac_key(RING, T0 + 1000) == MACS[1]
    assert mac_key_by_id(RING, "00000001") == MACS[0]
    assert mac_key_by_id(RING, "ffffffff") is None


def test_the_ring_names_the_next_instant_at_which_another_key_signs() -> None:
    assert next_instant(RING, T0 - 1) == T0
    assert next_instant(RING, T0) == T0 + 100
    assert next_instant(RING, T0 + 100) == T0 + 1000
    assert next_instant(RING, T0 + 1000) is None


def test_a_ring_comes_back_from_its_document_as_it_was() -> None:
    assert from_json(to_json(RING)) == RING


def test_the_document_spends_nothing_of_a_secrets_64_kilobytes_on_spaces() -> None:
    document = to_json(RING)
    assert len(document) == len(json.dumps(json.loads(document), separators=(",", ":")))


def test_neither_a_ring_nor_an_error_shows_a_private_key() -> None:
    assert "private first" in to_json(RING)
    assert "private" not in repr(RING)
    assert str(bytes(range(32))) not in repr(RING)
    broken = to_json(RING)[:-1]
    with pytest.raises(RingFormatError) as caught:
        from_json(broken)
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_ring_that_was_written_before_settings_were_remembered_has_none_to_remember() -> None:
    document = json.loads(to_json(RING))
    for name in ("season", "retention", "cached_until"):
        del document[name]
    ring = from_json(json.dumps(document))
    assert (ring.season, ring.retention, ring.cached_until) == (0, 0, 0)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"format": 2}, "the ring has format 2; this version reads 1"),
        ({"format": 1}, r"the document is not a key ring \(KeyError\)"),
    ],
)
def test_the_error_says_what_is_wrong(document: dict[str, int], why: str) -> None:
    with pytest.raises(RingFormatError, match=why):
        from_json(json.dumps(document))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        json.dumps({"format": 2}),
        json.dumps({"format": 1, "serial": 1, "not_before": 0, "signing_keys": [{"kid": "x"}], "mac_keys": []}),
        json.dumps({"format": 1, "serial": 1, "not_before": 0, "signing_keys": [], "mac_keys": [{"secret": "?"}]}),
    ],
)
def test_what_is_not_a_ring_of_this_format_is_refused(document: str) -> None:
    with pytest.raises(RingFormatError):
        from_json(document)
