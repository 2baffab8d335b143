"""The refresh rule, case by case and at each boundary (the table of docs/architecture.md, "A refresh")."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.expiry.policies import RefreshTokenPolicy
from sundial.expiry.refresh import Refresh, decide
from tests.support.families import LOGIN_AT, a_family, a_login

T1 = LOGIN_AT + 1000
UNLIMITED = RefreshTokenPolicy()
WITH_WINDOW = RefreshTokenPolicy(reuse_interval=timedelta(seconds=30))


@pytest.mark.parametrize(
    ("policy", "presented", "now", "outcome"),
    [
        (UNLIMITED, 3, T1, Refresh.ROTATE),
        (UNLIMITED, 2, T1, Refresh.REPLAY),
        (WITH_WINDOW, 3, T1 + 30, Refresh.REST),
        (WITH_WINDOW, 3, T1 + 31, Refresh.ROTATE),
        (WITH_WINDOW, 2, T1 + 29, Refresh.RETRY),
        (WITH_WINDOW, 2, T1 + 30, Refresh.RETRY),
        (WITH_WINDOW, 2, T1 + 31, Refresh.REPLAY),
        (WITH_WINDOW, 1, T1, Refresh.REPLAY),
        (WITH_WINDOW, 2, T1 - 5, Refresh.RETRY),
        (RefreshTokenPolicy(disable_rotation=True), 3, T1, Refresh.KEEP),
        (RefreshTokenPolicy(disable_rotation=True), 2, T1, Refresh.REPLAY),
        (UNLIMITED, 4, T1, Refresh.IMPOSSIBLE),
        (RefreshTokenPolicy(valid_if_not_used_for=timedelta(hours=1)), 3, T1 + 3600, Refresh.ROTATE),
        (RefreshTokenPolicy(valid_if_not_used_for=timedelta(hours=1)), 3, T1 + 3601, Refresh.EXPIRED),
        (RefreshTokenPolicy(absolute_lifetime=timedelta(hours=1)), 3, LOGIN_AT + 3600, Refresh.ROTATE),
        (RefreshTokenPolicy(absolute_lifetime=timedelta(hours=1)), 3, LOGIN_AT + 3601, Refresh.EXPIRED),
        (
            RefreshTokenPolicy(absolute_lifetime=timedelta(seconds=1010), reuse_interval=timedelta(seconds=30)),
            2,
            T1 + 11,
            Refresh.EXPIRED,
        ),
    ],
)
def test_each_case_of_the_rule(policy: RefreshTokenPolicy, presented: int, now: int, outcome: Refresh) -> None:
    family = a_family(generation=3, rotated_at=T1)
    assert decide(family, family.client_id, presented, now, policy) is outcome


def test_no_family_and_a_revoked_one_and_anothers_are_refused() -> None:
    family = a_family()
    assert decide(None, family.client_id, 1, T1, UNLIMITED) is Refresh.REFUSED
    assert decide(a_family(revoked_at=T1), family.client_id, 1, T1, UNLIMITED) is Refresh.REFUSED
    assert decide(family, "another-app", 1, T1, UNLIMITED) is Refresh.REFUSED


def test_a_login_without_offline_access_and_an_unredeemed_code_have_nothing_to_refresh() -> None:
    assert decide(a_family(generation=0), "example-app", 0, T1, UNLIMITED) is Refresh.REFUSED
    assert decide(a_login(), "example-app", 1, T1, UNLIMITED) is Refresh.REFUSED


def test_the_watermark_refuses_what_was_issued_before_it() -> None:
    family = a_family(rotated_at=T1)
    assert decide(family, family.client_id, 1, T1 + 9, UNLIMITED, not_before=T1) is Refresh.ROTATE
    assert decide(family, family.client_id, 1, T1 + 9, UNLIMITED, not_before=T1 + 1) is Refresh.REFUSED


durations = st.one_of(st.none(), st.integers(0, 5000).map(lambda seconds: timedelta(seconds=seconds) or None))
policies = st.builds(RefreshTokenPolicy, st.booleans(), durations, durations, durations)


@given(policies, st.integers(1, 6), st.integers(1, 6), st.integers(0, 5000), st.integers(-10, 9000))
def test_the_rule_is_total_and_never_answers_a_dead_family(
    policy: RefreshTokenPolicy, generation: int, presented: int, rotated_after: int, asked_after: int
) -> None:
    family = a_family(generation=generation, rotated_at=LOGIN_AT + rotated_after)
    now = family.rotated_at + asked_after
    outcome = decide(family, family.client_id, presented, now, policy)
    idle, age = timedelta(seconds=asked_after), timedelta(seconds=now - LOGIN_AT)
    dead = (policy.valid_if_not_used_for is not None and idle > policy.valid_if_not_used_for) or (
        policy.absolute_lifetime is not None and age > policy.absolute_lifetime
    )
    assert (outcome is Refresh.EXPIRED) == dead
    if outcome in (Refresh.ROTATE, Refresh.KEEP, Refresh.REST):
        assert presented == generation
    if outcome is Refresh.RETRY:
        assert presented == generation - 1
        assert policy.reuse_interval is not None
        assert idle <= policy.reuse_interval
