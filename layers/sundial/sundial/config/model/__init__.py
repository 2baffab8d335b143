"""The configuration, as the rest of Sundial sees it: frozen, checked, with no clear secret in it. A file a section.

Every field names the key that it comes from in its metadata; docs/configuration.md is generated from
these classes. `sundial.config.reader` makes them from a document.
"""

from sundial.config.model.clients import Client, FormerSecret
from sundial.config.model.file import Config
from sundial.config.model.lifetimes import ClientExpiry, Expiry
from sundial.config.model.logins import ConnectorConfig, StaticPassword
from sundial.config.model.oauth2 import (
    CONNECTOR_GRANTS,
    DEVICE_GRANT,
    IMPLICIT_GRANT,
    PASSWORD_GRANT,
    RESPONSE_TYPES,
    SERVED_GRANTS,
    TOKEN_EXCHANGE,
    OAuth2,
    Pkce,
)
from sundial.config.model.pages import Frontend, Web
from sundial.config.model.signing import Migration, Signing

__all__ = [
    "CONNECTOR_GRANTS",
    "DEVICE_GRANT",
    "IMPLICIT_GRANT",
    "PASSWORD_GRANT",
    "RESPONSE_TYPES",
    "SERVED_GRANTS",
    "TOKEN_EXCHANGE",
    "Client",
    "ClientExpiry",
    "Config",
    "ConnectorConfig",
    "Expiry",
    "FormerSecret",
    "Frontend",
    "Migration",
    "OAuth2",
    "Pkce",
    "Signing",
    "StaticPassword",
    "Web",
]
