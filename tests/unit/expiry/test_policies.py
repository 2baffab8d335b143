"""What the layers of refresh token settings come to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sundial.expiry.policies import OnReplay, RefreshTokenPolicy, RefreshTokenSettings

HOUR = timedelta(hours=1)


def test_nothing_stated_is_dexs_default_rotation_without_grace_and_without_limits() -> None:
    assert RefreshTokenPolicy.of(RefreshTokenSettings(), None) == RefreshTokenPolicy(
        disable_rotation=False,
        reuse_interval=None,
        valid_if_not_used_for=None,
        absolute_lifetime=None,
        on_replay=OnReplay.REVOKE,
    )


def test_each_layer_overrides_the_ones_before_field_by_field() -> None:
    policy = RefreshTokenPolicy.of(
        RefreshTokenSettings(True, HOUR, 3 * HOUR, HOUR),
        RefreshTokenSettings(absolute_lifetime=2 * HOUR, on_replay=OnReplay.REJECT),
        RefreshTokenSettings(disable_rotation=False),
    )
    assert policy == RefreshTokenPolicy(
        disable_rotation=False,
        reuse_interval=HOUR,
        valid_if_not_used_for=3 * HOUR,
        absolute_lifetime=2 * HOUR,
        on_replay=OnReplay.REJECT,
    )


def test_a_layer_that_is_not_there_leaves_the_ones_after_it_in_force() -> None:
    """A connector without settings of its own, and a client that has some."""
    policy = RefreshTokenPolicy.of(RefreshTokenSettings(reuse_interval=HOUR), None, RefreshTokenSettings(True))
    assert policy == RefreshTokenPolicy(disable_rotation=True, reuse_interval=HOUR)


def test_a_stated_zero_takes_away_what_a_wider_layer_had_set() -> None:
    policy = RefreshTokenPolicy.of(
        RefreshTokenSettings(reuse_interval=HOUR, valid_if_not_used_for=HOUR),
        RefreshTokenSettings(reuse_interval=timedelta(0), valid_if_not_used_for=timedelta(0)),
    )
    assert policy.reuse_interval is None
    assert policy.valid_if_not_used_for is None


@pytest.mark.parametrize(
    ("settings", "never_ends"),
    [
        (RefreshTokenSettings(), False),
        (RefreshTokenSettings(disable_rotation=True), True),
        (RefreshTokenSettings(disable_rotation=True, reuse_interval=HOUR), True),
        (RefreshTokenSettings(disable_rotation=True, valid_if_not_used_for=HOUR), False),
        (RefreshTokenSettings(disable_rotation=True, absolute_lifetime=HOUR), False),
        (RefreshTokenSettings(disable_rotation=True, absolute_lifetime=timedelta(0)), True),
    ],
)
def test_a_token_never_ends_only_without_rotation_and_without_a_limit(
    settings: RefreshTokenSettings, never_ends: bool
) -> None:
    assert RefreshTokenPolicy.of(settings).never_ends is never_ends
