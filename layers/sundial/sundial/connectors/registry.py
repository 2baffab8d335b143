"""The connectors of a configuration, ready to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sundial.connectors.base import Connector
from sundial.connectors.password import PasswordConnector

if TYPE_CHECKING:
    from sundial.config.model import ConnectorConfig
    from sundial.deployment import Deployment


def open_connectors(deployment: Deployment) -> tuple[Connector, ...]:
    """Return the deployment's connectors, in the order of the file. Makes no network call."""
    return tuple(_open(settings, deployment) for settings in deployment.config.connectors)


def _open(settings: ConnectorConfig, deployment: Deployment) -> Connector:
    if settings.type == "password":
        static_users = deployment.config.static_passwords
        return PasswordConnector(settings.id, settings.name, static_users, lambda: deployment.directory)
    raise ValueError(f"connector {settings.id!r} has the unknown type {settings.type!r}")
