"""A family in itself: what a rotation changes, and its last second."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sundial.expiry.family import expires_at
from sundial.expiry.policies import RefreshTokenPolicy
from tests.support.families import LOGIN_AT, a_family


def test_a_rotation_makes_the_next_generation_now_and_changes_nothing_else() -> None:
    family = a_family(generation=3)
    rotated = family.rotated(LOGIN_AT + 5, change_id="this one", mac_key_id="00c0ffe1")
    assert rotated == replace(
        family,
        generation=4,
        rotated_at=LOGIN_AT + 5,
        last_used_at=LOGIN_AT + 5,
        change_id="this one",
        mac_key_id="00c0ffe1",
    )


@pytest.mark.parametrize(
    ("absolute", "idle", "last"),
    [
        (None, None, None),
        (100, None, LOGIN_AT + 100),
        (None, 40, LOGIN_AT + 50),
        (100, 40, LOGIN_AT + 50),
        (30, 40, LOGIN_AT + 30),
    ],
)
def test_the_last_second_is_that_of_the_earlier_limit(absolute: int | None, idle: int | None, last: int | None) -> None:
    policy = RefreshTokenPolicy(
        absolute_lifetime=None if absolute is None else timedelta(seconds=absolute),
        valid_if_not_used_for=None if idle is None else timedelta(seconds=idle),
    )
    assert expires_at(LOGIN_AT, LOGIN_AT + 10, policy) == last
