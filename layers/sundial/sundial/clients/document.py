"""A client of the table, read: its document is an entry of `staticClients[]`, and so is its reader.

The keys behind tokens are kept for as long as the configuration's longest lifetimes ask (`keys.policy`), and
the rotation that keeps them knows the configuration alone. So a client of the table can shorten every
lifetime, and lengthen none beyond the configuration's longest: `check` refuses one that would, and for a
client that was written before the configuration changed, `read` keeps to the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sundial.config.clients import check_connectors, read_client
from sundial.config.model import Client, Config
from sundial.config.problems import Problem, has_errors
from sundial.config.section import Reading, Section
from sundial.expiry.durations import format_duration
from sundial.keys.policy import key_policy, refresh_token_lifetime

LARGEST_DOCUMENT = 8 * 1024
"""Bytes of JSON. A function that has every client of the table in memory holds 24 MB of them at the most."""
_PATH = "staticClients[]"


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest lifetimes that a configuration's keys are kept for."""

    id_token: timedelta
    refresh_token: timedelta | None
    """None where there is no limit."""

    @classmethod
    def of(cls, config: Config) -> Limits:
        """Return the limits of `config`."""
        policy = key_policy(config)
        return cls(policy.longest_token, policy.longest_mac)


def read(document: Mapping[str, Any], config: Config, limits: Limits) -> tuple[Client | None, list[Problem]]:
    """Return the client of a document, within `limits`; None where it doesn't fit `config`, and then why."""
    section, problems = _section(document)
    client = read_client(section, config.expiry, config.signing, config.connectors)
    return (None if has_errors(problems) else _within(client, config, limits)), _named(problems)


def check(document: Mapping[str, Any], config: Config) -> tuple[Client | None, list[Problem]]:
    """Return what `read` does, and refuse besides what an operator is to mend: unknown connectors, long lifetimes."""
    section, problems = _section(document)
    client = read_client(section, config.expiry, config.signing, config.connectors)
    check_connectors(section, config.connectors)
    _check_lifetimes(section.section("expiry"), client, config, Limits.of(config))
    return (None if has_errors(problems) else client), _named(problems)


def _section(document: Mapping[str, Any]) -> tuple[Section, list[Problem]]:
    """Return the document as a section, in which `$NAME` is not taken from anybody's environment; and its problems."""
    reading = Reading({}, {}, literal=True)
    return Section(reading, document, path=_PATH), reading.problems


def _named(problems: list[Problem]) -> list[Problem]:
    """Return each problem once, named as the document has it."""
    return [replace(one, key=one.key.removeprefix(f"{_PATH}.")) for one in dict.fromkeys(problems)]


def _check_lifetimes(section: Section, client: Client, config: Config, limits: Limits) -> None:
    longest = client.expiry.id_tokens
    if longest is not None and longest > limits.id_token:
        known = format_duration(limits.id_token)
        message = f"is longer than {known}, and the signing keys of the deployed configuration are kept for no longer"
        remedy = f"write at most '{known}', or deploy a configuration file in which something has a longer idTokens"
        section.error("idTokens", message, remedy)
    if limits.refresh_token is not None and not _fits(client, config, limits.refresh_token):
        known = format_duration(limits.refresh_token)
        message = f"lets a refresh token live for longer than {known}, and the deployed configuration's MAC keys don't"
        remedy = f"write an absoluteLifetime of at most '{known}', or deploy a configuration file with a longer one"
        section.error("refreshTokens", message, remedy)


def _within(client: Client, config: Config, limits: Limits) -> Client:
    expiry = client.expiry
    if expiry.id_tokens is not None and expiry.id_tokens > limits.id_token:
        expiry = replace(expiry, id_tokens=limits.id_token)
    if limits.refresh_token is not None and not _fits(client, config, limits.refresh_token):
        expiry = replace(expiry, refresh_tokens=replace(expiry.refresh_tokens, absolute_lifetime=limits.refresh_token))
    return replace(client, expiry=expiry)


def _fits(client: Client, config: Config, longest: timedelta) -> bool:
    """Return whether no refresh token of `client` can be of use for more than `longest`, whatever the connector."""
    policies = (config.refresh_policy(client, connector.id) for connector in config.connectors)
    return all((life := refresh_token_lifetime(policy)) is not None and life <= longest for policy in policies)
