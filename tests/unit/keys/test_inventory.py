"""The ring as an operator is shown it: each key's state and instants, and nothing private."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sundial.keys.inventory import inventory
from sundial.keys.jwks import PublicKeys
from sundial.keys.ring import MacKey, Ring
from sundial.keys.transitions import next_change_at
from sundial.version import VERSION
from tests.support.keys import DAY, HOUR, POLICY, T0, a_key

SWITCH = T0 + 6 * HOUR
FIRST = a_key("first", signs_from=T0, signs_until=SWITCH, published_until=T0 + 2 * DAY)
SECOND = a_key("second", signs_from=SWITCH)
THIRD = a_key("third", published_at=None)
MACS = (
    MacKey("00000001", b"private one " * 3, T0, T0, T0 + 30 * DAY, T0 + 200 * DAY),
    MacKey("00000002", b"private two " * 3, T0, T0 + 30 * DAY),
)
RING = Ring(7, (FIRST, SECOND, THIRD), MACS, not_before=T0 - 5)


def states(ring: Ring, now: int) -> dict[str, str]:
    shown = inventory(ring, None, POLICY, now)
    return {key["kid"]: key["state"] for key in (*shown["signing_keys"], *shown["mac_keys"])}


@pytest.mark.parametrize(
    ("now", "first", "second"),
    [
        (T0 - 1, "pending", "pending"),
        (T0, "active", "pending"),
        (SWITCH - 1, "active", "pending"),
        (SWITCH, "retired", "active"),
    ],
)
def test_a_signing_key_is_pending_then_active_then_retired(now: int, first: str, second: str) -> None:
    assert states(replace(RING, mac_keys=()), now) == {"first": first, "second": second, "third": "pending"}


@pytest.mark.parametrize(
    ("now", "first", "second"),
    [(T0 - 1, "pending", "pending"), (T0, "active", "pending"), (T0 + 30 * DAY, "retired", "active")],
)
def test_so_is_a_mac_key(now: int, first: str, second: str) -> None:
    assert states(replace(RING, signing_keys=(SECOND,)), now) == {
        "second": "active" if now >= SWITCH else "pending",
        "00000001": first,
        "00000002": second,
    }


def test_of_keys_that_begin_in_the_same_second_the_later_one_is_active_and_the_other_retired() -> None:
    first, second = a_key("first", signs_from=T0, signs_until=T0), a_key("second", signs_from=T0)
    macs = MacKey("00000001", bytes(32), T0, T0, T0), MacKey("00000002", bytes(32), T0, T0)
    assert states(Ring(1, (first, second), macs), T0) == {
        "first": "retired",
        "second": "active",
        "00000001": "retired",
        "00000002": "active",
    }


def test_of_two_algorithms_each_has_its_active_key() -> None:
    other = a_key("other", "ES256", signs_from=T0)
    assert states(Ring(1, (FIRST, other)), T0) == {"first": "active", "other": "active"}


def test_a_key_is_overdue_one_second_after_its_successor_should_sign() -> None:
    ring = Ring(1, (a_key("alone", signs_from=T0), THIRD))
    for now, overdue in ((T0 + 6 * HOUR, False), (T0 + 6 * HOUR + 1, True)):
        alone, third = inventory(ring, None, POLICY, now)["signing_keys"]
        assert (alone["overdue"], third["overdue"]) == (overdue, False)
    retired, _, _ = inventory(RING, None, POLICY, T0 + DAY)["signing_keys"]
    assert retired["overdue"] is False


def test_the_document_is_the_one_that_the_operators_page_describes() -> None:
    served = PublicKeys(6, T0 - 60, (FIRST.public_jwk,))
    assert inventory(RING, served, POLICY, T0) == {
        "at": T0,
        "version": VERSION,
        "serial": 7,
        "not_before": T0 - 5,
        "next_change_at": next_change_at(RING, POLICY, T0),
        "algorithms": ["RS256"],
        "signing_keys": [
            {
                "kid": "first",
                "alg": "RS256",
                "state": "active",
                "overdue": False,
                "created_at": T0,
                "published_at": T0,
                "signs_from": T0,
                "signs_until": SWITCH,
                "published_until": T0 + 2 * DAY,
                "jwk": {"kid": "first", "alg": "RS256", "use": "sig"},
            },
            {
                "kid": "second",
                "alg": "RS256",
                "state": "pending",
                "overdue": False,
                "created_at": T0,
                "published_at": T0,
                "signs_from": SWITCH,
                "signs_until": None,
                "published_until": None,
                "jwk": {"kid": "second", "alg": "RS256", "use": "sig"},
            },
            {
                "kid": "third",
                "alg": "RS256",
                "state": "pending",
                "overdue": False,
                "created_at": T0,
                "published_at": None,
                "signs_from": None,
                "signs_until": None,
                "published_until": None,
                "jwk": {"kid": "third", "alg": "RS256", "use": "sig"},
            },
        ],
        "mac_keys": [
            {
                "kid": "00000001",
                "alg": "MAC",
                "state": "active",
                "created_at": T0,
                "signs_from": T0,
                "signs_until": T0 + 30 * DAY,
                "kept_until": T0 + 200 * DAY,
            },
            {
                "kid": "00000002",
                "alg": "MAC",
                "state": "pending",
                "created_at": T0,
                "signs_from": T0 + 30 * DAY,
                "signs_until": None,
                "kept_until": None,
            },
        ],
        "published": {"serial": 6, "as_of": T0 - 60, "keys": [{"kid": "first", "alg": "RS256", "use": "sig"}]},
    }


def test_nothing_private_is_in_it() -> None:
    assert "private" not in json.dumps(inventory(RING, None, POLICY, T0))


def test_before_the_first_rotation_it_is_empty() -> None:
    shown = inventory(Ring(), None, POLICY, T0)
    assert (shown["signing_keys"], shown["mac_keys"]) == ([], [])
    assert shown["next_change_at"] is shown["published"] is None
