"""Configurations for tests: what a test doesn't say has a default, so that it says only what it is about."""

from __future__ import annotations

from collections.abc import Mapping

from sundial.config.model import Config
from sundial.config.reader import config_from_yaml

SECRET = "a-secret-of-a-test"
"""The clear secret of `APP`, whose configuration holds the digest."""

APP = """\
issuer: https://id.example.com
enablePasswordDB: true
staticClients:
  - id: app
    name: The App
    secretHash: cd4e57bc33d9c976fa33a2c9a2aea3a57a829b84a68a1f99d3002c18893d976a
    redirectURIs: [https://app.example.com/callback]
"""
"""One confidential client, local users."""


def make_config(yaml_text: str = APP, environment: Mapping[str, str] | None = None) -> Config:
    """Return the configuration that `yaml_text` comes to; raises ConfigError, which lists every problem."""
    return config_from_yaml(yaml_text, environment or {})
