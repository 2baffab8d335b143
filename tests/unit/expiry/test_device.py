"""The device rule: who gets tokens, who waits, and who has to wait for longer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.expiry.device import INTERVAL, POLLS_REMEMBERED, DeviceLogin, Poll, decide, is_over, is_too_soon
from tests.support.families import LOGIN_AT, a_family

NOW = LOGIN_AT
ALLOWED = DeviceLogin(a_family(resources=("https://a.example",)))
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("login", "client_id", "resources", "outcome"),
    [
        (DeviceLogin(), "example-app", NONE, Poll.PENDING),
        (DeviceLogin(polls=(NOW - 5,)), "example-app", NONE, Poll.PENDING),
        (DeviceLogin(polls=(NOW - 4,)), "example-app", NONE, Poll.SLOW_DOWN),
        (DeviceLogin(revoked_at=NOW), "example-app", NONE, Poll.DENIED),
        (replace(ALLOWED, revoked_at=NOW), "example-app", NONE, Poll.DENIED),
        (ALLOWED, "example-app", NONE, Poll.GRANT),
        (ALLOWED, "example-app", frozenset(("https://a.example",)), Poll.GRANT),
        (ALLOWED, "example-app", frozenset(("https://b.example",)), Poll.WRONG_TARGET),
        (DeviceLogin(a_family()), "example-app", frozenset(("https://b.example",)), Poll.GRANT),
        (ALLOWED, "another-app", NONE, Poll.REFUSED),
        (replace(ALLOWED, polls=(NOW - 99,)), "example-app", NONE, Poll.USED),
    ],
)
def test_a_poll_comes_to(login: DeviceLogin, client_id: str, resources: frozenset[str], outcome: Poll) -> None:
    assert decide(login, client_id, resources, NOW) is outcome


@pytest.mark.parametrize(
    ("now", "not_before", "over"),
    [
        (NOW + 300, 0, None),
        (NOW + 301, 0, Poll.EXPIRED),
        (NOW + 300, NOW, None),
        (NOW + 300, NOW + 1, Poll.REFUSED),
    ],
)
def test_a_code_is_alive_at_its_last_second_and_not_from_before_the_watermark(
    now: int, not_before: int, over: Poll | None
) -> None:
    assert is_over(NOW, NOW + 300, now, not_before) is over


def test_each_poll_that_comes_too_soon_makes_the_interval_five_seconds_longer() -> None:
    once, twice = (NOW + 1, NOW), (NOW + 2, NOW + 1, NOW)
    assert [is_too_soon(once, NOW + 1 + pause) for pause in (9, 10)] == [True, False]
    assert [is_too_soon(twice, NOW + 2 + pause) for pause in (14, 15)] == [True, False]
    in_time = (NOW + 11, NOW + 1, NOW)
    assert [is_too_soon(in_time, NOW + 11 + pause) for pause in (9, 10)] == [True, False]


def test_the_first_poll_is_never_too_soon() -> None:
    assert not is_too_soon((), NOW)


@given(st.lists(st.integers(INTERVAL, 60), max_size=20))
def test_who_keeps_the_interval_is_never_too_soon(pauses: list[int]) -> None:
    polls: tuple[int, ...] = (NOW,)
    now = NOW
    for pause in pauses:
        now += pause
        assert not is_too_soon(polls, now)
        polls = (now, *polls)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_who_waits_five_seconds_longer_each_time_is_never_slowed_down_twice_in_a_row(pauses: list[int]) -> None:
    """A device that does as it is told (RFC 8628 §3.5), after any number of mistakes."""
    polls: tuple[int, ...] = (NOW,)
    now, interval = NOW, INTERVAL
    for pause in pauses:
        now += pause
        if is_too_soon(polls, now):
            interval += INTERVAL
        polls = (now, *polls)
        now += min(interval, INTERVAL * (POLLS_REMEMBERED + 1))
        assert not is_too_soon(polls, now)
        polls = (now, *polls)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50))
def test_who_never_slows_down_is_asked_to_wait_for_25_seconds_at_most(pauses: list[int]) -> None:
    polls: tuple[int, ...] = (NOW,)
    now = NOW
    for pause in pauses:
        now += pause
        assert is_too_soon(polls, now)
        polls = (now, *polls)
    assert not is_too_soon(polls, now + INTERVAL * (POLLS_REMEMBERED + 1))
