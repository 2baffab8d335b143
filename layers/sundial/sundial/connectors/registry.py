"""The connectors of a configuration: their settings read, and they themselves ready to use.

A connector's file is imported only where its type is configured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sundial.connectors import base
from sundial.connectors.base import Connector

if TYPE_CHECKING:
    from sundial.config.model import Config, ConnectorConfig
    from sundial.config.section import Section
    from sundial.deployment import Deployment

_CLASSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "authproxy": ("authproxy", "AuthProxyConnector"),
        "ldap": ("ldap", "LdapConnector"),
        "github": ("github", "GitHubConnector"),
        "gitlab": ("gitlab", "GitLabConnector"),
        "google": ("google", "GoogleConnector"),
        "microsoft": ("microsoft", "MicrosoftConnector"),
        "mockCallback": ("mock", "MockCallback"),
        "mockPassword": ("mock", "MockPassword"),
        "oauth": ("oauth", "OAuthConnector"),
        "oidc": ("oidc", "OidcConnector"),
        "saml": ("saml", "SamlConnector"),
        "samlExperimental": ("saml", "SamlConnector"),  # Dex: its name before 2.0
    }
)
"""The type of a connector in a file: its module in this package, and its class there. A class has a static method
`read(section, issuer)`, which returns its settings, and is made of an id, a name and those."""

SERVED: tuple[str, ...] = tuple(_CLASSES)
"""The types that a file may name."""

_METHODS: Mapping[type, str] = MappingProxyType(
    {
        base.PasswordLogin: "log_in",
        base.RedirectLogin: "begin",
        base.Refreshable: "refresh",
        base.UpstreamRefresh: "refresh_upstream",
        base.Lookup: "look_up",
        base.Groups: "groups_are",
        base.TokenExchange: "exchange",
        base.Logout: "logout_url",
    }
)
"""What tells that a class has an ability, without an instance of it."""


def read_settings(type: str, section: Section, issuer: str | None) -> object:
    """Return the settings that `section`, a connector's `config`, comes to; every problem of it is noted there.

    `issuer` is None where that itself can't be used.
    """
    read: Callable[[Section, str | None], object] = _class_of(type).read
    settings = read(section, issuer)
    section.close()
    return settings


def open_connectors(deployment: Deployment) -> tuple[Connector, ...]:
    """Return the deployment's connectors, in the order of the file. Makes no network call."""
    return tuple(_open(settings, deployment) for settings in deployment.config.connectors)


def abilities(type: str) -> frozenset[type]:
    """Return what connectors of a type can do, as the types of `connectors.base`."""
    made = _class_of(type)
    return frozenset(ability for ability, method in _METHODS.items() if hasattr(made, method))


def groups_are(type: str) -> str:
    """Return what the groups of a type's users are, in words; empty where they have none."""
    return getattr(_class_of(type), "groups_are", "")


def can_refresh(config: Config) -> bool:
    """Return whether any login of this configuration may yield a refresh token (scope `offline_access`)."""
    refreshing = {base.Refreshable, base.UpstreamRefresh, base.Lookup}
    return any(refreshing & abilities(connector.type) for connector in config.connectors)


def _open(connector: ConnectorConfig, deployment: Deployment) -> Connector:
    made = _class_of(connector.type)
    opened: Connector
    if connector.type == "password":
        static_users = deployment.config.static_passwords
        opened = made(connector.id, connector.name, static_users, lambda: deployment.directory)
    else:
        opened = made(connector.id, connector.name, connector.config)
    return opened


def _class_of(type: str) -> Any:
    module, name = ("password", "PasswordConnector") if type == "password" else _CLASSES[type]
    return getattr(import_module(f"sundial.connectors.{module}"), name)
