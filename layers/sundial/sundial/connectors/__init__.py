"""How users log in: one file a connector, each saying by its types what it can do."""

from sundial.connectors.base import Connector, PasswordLogin, Refreshable
from sundial.connectors.registry import open_connectors

__all__ = ["Connector", "PasswordLogin", "Refreshable", "open_connectors"]
