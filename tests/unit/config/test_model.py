"""What the rest of Sundial asks of a Config."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from sundial.config import model
from sundial.config.model import Client, ClientExpiry, Config, ConnectorConfig, Expiry, Signing
from sundial.expiry.durations import parse_duration
from sundial.expiry.policies import RefreshTokenSettings

HOUR = timedelta(hours=1)
GLOBAL = Expiry(id_tokens=8 * HOUR, refresh_tokens=RefreshTokenSettings(reuse_interval=HOUR, absolute_lifetime=HOUR))
CONNECTOR = ConnectorConfig(
    "password",
    "local",
    "Email",
    expiry=ClientExpiry(4 * HOUR, RefreshTokenSettings(absolute_lifetime=2 * HOUR)),
)
PLAIN = Client("plain")
OWN = Client(
    "own",
    expiry=ClientExpiry(2 * HOUR, RefreshTokenSettings(valid_if_not_used_for=3 * HOUR)),
    id_token_signed_response_alg="ES256",
)
CONFIG = Config(
    issuer="https://id.example.com",
    clients={"plain": PLAIN, "own": OWN},
    connectors=(CONNECTOR,),
    expiry=GLOBAL,
    signing=Signing(("RS256", "ES256")),
)


def test_a_connector_is_found_by_its_id() -> None:
    assert CONFIG.connector("local") is CONNECTOR
    assert CONFIG.connector("gone") is None


def test_a_refresh_policy_is_the_global_then_the_connectors_then_the_clients() -> None:
    policy = CONFIG.refresh_policy(OWN, "local")
    assert policy.reuse_interval == HOUR
    assert policy.absolute_lifetime == 2 * HOUR
    assert policy.valid_if_not_used_for == 3 * HOUR


def test_a_connector_that_is_gone_overrides_nothing() -> None:
    assert CONFIG.refresh_policy(PLAIN, "gone").absolute_lifetime == HOUR
    assert CONFIG.id_token_lifetime(PLAIN, "gone") == 8 * HOUR


def test_an_id_token_lives_as_long_as_the_narrowest_setting_says() -> None:
    assert CONFIG.id_token_lifetime(PLAIN, "local") == 4 * HOUR
    assert CONFIG.id_token_lifetime(OWN, "local") == 2 * HOUR


def test_the_longest_lifetime_is_that_of_any_of_them() -> None:
    longer = Client("longer", expiry=ClientExpiry(24 * HOUR))
    assert CONFIG.longest_id_token_lifetime == 8 * HOUR
    assert dataclasses.replace(CONFIG, clients={"longer": longer}).longest_id_token_lifetime == 24 * HOUR
    assert Config("https://id.example.com").longest_id_token_lifetime == 24 * HOUR


def test_id_tokens_are_signed_as_the_client_wants_or_else_with_the_first_algorithm() -> None:
    assert CONFIG.signing_algorithm(OWN) == "ES256"
    assert CONFIG.signing_algorithm(PLAIN) == "RS256"


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONFIG.__setattr__("issuer", "https://evil.example.com")
    headers: Any = CONFIG.web.headers
    with pytest.raises(TypeError):
        headers["X-Frame-Options"] = "DENY"


@pytest.mark.parametrize("section", [model.Expiry, model.Signing])
def test_a_default_in_words_is_the_default_in_force(section: type) -> None:
    for field in dataclasses.fields(section):
        if isinstance(field.default, timedelta):
            assert parse_duration(field.metadata["default"]) == field.default
