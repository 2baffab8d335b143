"""What the configuration comes to for the life of keys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sundial.expiry.policies import RefreshTokenPolicy
from sundial.keys.policy import key_policy, refresh_token_lifetime
from tests.support.config import APP, MINIMAL, make_config

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_an_empty_section_means_dexs_defaults_and_ours() -> None:
    policy = key_policy(make_config())
    assert policy.algorithms == ("RS256",)
    assert (policy.signs_for, policy.publish_ahead, policy.longest_token) == (6 * HOUR, 3 * HOUR, DAY)
    assert policy.longest_mac is None, "without limits a refresh token is immortal"


def test_the_longest_lifetime_of_any_client_counts() -> None:
    policy = key_policy(make_config(APP + "    expiry: {idTokens: 72h}\nexpiry: {idTokens: 1h}\n"))
    assert policy.longest_token == 3 * DAY


@pytest.mark.parametrize(
    ("policy", "lifetime"),
    [
        (RefreshTokenPolicy(), None),
        (RefreshTokenPolicy(absolute_lifetime=9 * DAY), 9 * DAY),
        (RefreshTokenPolicy(valid_if_not_used_for=DAY), DAY),
        (RefreshTokenPolicy(valid_if_not_used_for=DAY, reuse_interval=HOUR), DAY + HOUR),
        (RefreshTokenPolicy(valid_if_not_used_for=DAY, absolute_lifetime=9 * DAY), DAY),
        (RefreshTokenPolicy(valid_if_not_used_for=9 * DAY, absolute_lifetime=DAY), DAY),
        (RefreshTokenPolicy(disable_rotation=True, valid_if_not_used_for=DAY), None),
        (RefreshTokenPolicy(disable_rotation=True, valid_if_not_used_for=DAY, absolute_lifetime=9 * DAY), 9 * DAY),
    ],
)
def test_how_long_one_refresh_token_can_be_of_use(policy: RefreshTokenPolicy, lifetime: timedelta | None) -> None:
    assert refresh_token_lifetime(policy) == lifetime


def test_a_mac_key_outlives_the_longest_refresh_token_of_any_client_and_connector() -> None:
    limits = "expiry: {refreshTokens: {absoluteLifetime: 100h}}\n"
    assert key_policy(make_config(APP + limits)).longest_mac == 100 * HOUR
    longer = "    expiry: {refreshTokens: {absoluteLifetime: 300h}}\n"
    assert key_policy(make_config(APP + longer + limits)).longest_mac == 300 * HOUR
    immortal = "    expiry: {refreshTokens: {absoluteLifetime: 0}}\n"
    assert key_policy(make_config(APP + immortal + limits)).longest_mac is None


def test_a_client_that_an_operator_adds_is_covered_whatever_the_clients_of_the_file_state() -> None:
    shorter = "    expiry: {refreshTokens: {absoluteLifetime: 1h}}\n"
    limits = "expiry: {refreshTokens: {absoluteLifetime: 100h}}\n"
    assert key_policy(make_config(APP + shorter + limits)).longest_mac == 100 * HOUR
    assert key_policy(make_config(MINIMAL + limits)).longest_mac == 100 * HOUR
    assert key_policy(make_config(MINIMAL)).longest_mac is None


def test_a_mac_key_outlives_a_login_that_takes_its_time() -> None:
    short = "expiry: {authRequests: 24h, refreshTokens: {absoluteLifetime: 1h}}\n"
    assert key_policy(make_config(APP + short)).longest_mac == DAY


def test_mac_keys_are_kept_for_as_long_as_a_device_code_lives() -> None:
    limits = "expiry: {authRequests: 1h, deviceRequests: 30h, refreshTokens: {absoluteLifetime: 2h}}\n"
    assert key_policy(make_config(APP + limits)).longest_mac == 30 * HOUR


def test_a_mac_key_outlives_a_code_where_nothing_else_lives_longer() -> None:
    short = "expiry: {authCodes: 9m, authRequests: 5m, deviceRequests: 5m, refreshTokens: {absoluteLifetime: 1m}}\n"
    assert key_policy(make_config(APP + short)).longest_mac == timedelta(minutes=9)


def test_what_a_connector_states_for_its_refresh_tokens_counts() -> None:
    connector = (
        "connectors: [{type: mockCallback, id: m, name: M, expiry: {refreshTokens: {absoluteLifetime: 300h}}}]\n"
    )
    limits = "expiry: {refreshTokens: {absoluteLifetime: 100h}}\n"
    assert key_policy(make_config(APP + connector + limits)).longest_mac == 300 * HOUR
