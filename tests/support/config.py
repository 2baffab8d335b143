"""Configurations for tests: what a test doesn't say has a default, so that it says only what it is about."""

from __future__ import annotations

from collections.abc import Mapping

from sundial.config.document import parse
from sundial.config.model import Config
from sundial.config.problems import Problem
from sundial.config.reader import config_from_yaml, read

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


MINIMAL = "issuer: https://id.example.com\nenablePasswordDB: true\n"
"""The least that a file says."""


def make_config(yaml_text: str = APP, environment: Mapping[str, str] | None = None) -> Config:
    """Return the configuration that `yaml_text` comes to; raises ConfigError, which lists every problem."""
    return config_from_yaml(yaml_text, environment or {})


def problems_of(
    yaml_text: str, environment: Mapping[str, str] | None = None, *, deferred: bool = False
) -> list[Problem]:
    """Return every problem of a file; where it states no issuer, `yaml_text` stands below MINIMAL."""
    document = parse(_whole(yaml_text))
    return read(document.values, document.lines, environment or {}, deferred=deferred)[1]


def the_problem(yaml_text: str, environment: Mapping[str, str] | None = None, *, deferred: bool = False) -> Problem:
    """Return the only problem of a file."""
    problems = problems_of(yaml_text, environment, deferred=deferred)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def without_problems(yaml_text: str, environment: Mapping[str, str] | None = None) -> Config:
    """Return the configuration of a file that has no problem at all."""
    document = parse(_whole(yaml_text))
    config, problems = read(document.values, document.lines, environment or {})
    assert problems == []
    assert config is not None
    return config


def _whole(yaml_text: str) -> str:
    return yaml_text if yaml_text.startswith("issuer:") or "\nissuer:" in yaml_text else MINIMAL + yaml_text
