"""A whole file, and what its sections come to together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from sundial.config.model.clients import Client
from sundial.config.model.lifetimes import Expiry
from sundial.config.model.logins import ConnectorConfig, StaticPassword
from sundial.config.model.oauth2 import OAuth2
from sundial.config.model.pages import Frontend, Web
from sundial.config.model.signing import Migration, Signing
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.settings import setting


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration file."""

    issuer: str = field(
        metadata=setting(
            "issuer",
            "the URL under which clients reach this: https, or http on loopback; a path is kept, and all is under it",
            default="required",
        )
    )
    clients: Mapping[str, Client] = field(
        default_factory=lambda: MappingProxyType({}),
        metadata=setting("staticClients", "see `staticClients[]`; they win over the table's clients", default="[]"),
    )
    connectors: tuple[ConnectorConfig, ...] = field(
        default=(), metadata=setting("connectors", "see `connectors[]`", default="[]")
    )
    enable_password_db: bool = field(
        default=False,
        metadata=setting("enablePasswordDB", "local users, as the connector `local`", default="false"),
    )
    static_passwords: tuple[StaticPassword, ...] = field(
        default=(),
        metadata=setting("staticPasswords", "see `staticPasswords[]`; they win over the table's users", default="[]"),
    )
    expiry: Expiry = field(default=Expiry(), metadata=setting("expiry", "see `expiry`"))
    oauth2: OAuth2 = field(default=OAuth2(), metadata=setting("oauth2", "see `oauth2`"))
    signing: Signing = field(default=Signing(), metadata=setting("signing", "see `signing`", ours=True))
    web: Web = field(default_factory=Web, metadata=setting("web", "see `web`"))
    frontend: Frontend = field(default=Frontend(), metadata=setting("frontend", "see `frontend`"))
    migration: Migration = field(default=Migration(), metadata=setting("migration", "see `migration`", ours=True))
    log_level: str = field(
        default="INFO",
        metadata=setting(
            "logger.level",
            "`debug`, `info`, `warn` or `error`; in Lambda `debug` is `info`, because the template lets nothing below"
            " that through (`ApplicationLogLevel`: the SDK's own debug lines hold secrets)",
            default="info",
        ),
    )

    @property
    def longest_id_token_lifetime(self) -> timedelta:
        """The longest that any ID or access token can live: how long a retired key must stay published."""
        blocks = (*(client.expiry for client in self.clients.values()), *(one.expiry for one in self.connectors))
        return max((self.expiry.id_tokens, *(block.id_tokens for block in blocks if block.id_tokens)))

    def connector(self, connector_id: str) -> ConnectorConfig | None:
        """Return the connector of that id, `local` (the local users) included."""
        return next((one for one in self.connectors if one.id == connector_id), None)

    def allows(self, connector_id: str, grant: str) -> bool:
        """Return whether logins of a connector may be had, and used, by `grant` (Dex: connectors[].grantTypes)."""
        connector = self.connector(connector_id)
        return connector is None or not connector.grant_types or grant in connector.grant_types

    def refreshes(self, connector_id: str) -> bool:
        """Return whether refresh tokens of a connector's logins are ever taken back."""
        return "refresh_token" in self.oauth2.grant_types and self.allows(connector_id, "refresh_token")

    def refresh_policy(self, client: Client, connector_id: str) -> RefreshTokenPolicy:
        """Return the refresh token policy of `client` and a connector: global, then connector, then client."""
        connector = self.connector(connector_id)
        return RefreshTokenPolicy.of(
            self.expiry.refresh_tokens,
            connector.expiry.refresh_tokens if connector else None,
            client.expiry.refresh_tokens,
        )

    def id_token_lifetime(self, client: Client, connector_id: str) -> timedelta:
        """Return how long ID and access tokens live for `client` and a connector."""
        connector = self.connector(connector_id)
        return client.expiry.id_tokens or (connector.expiry.id_tokens if connector else None) or self.expiry.id_tokens

    def signing_algorithm(self, client: Client) -> str:
        """Return the `alg` of `client`'s ID tokens (OpenID Connect Registration: id_token_signed_response_alg)."""
        return client.id_token_signed_response_alg or self.signing.algorithms[0]

    def url(self, path: str) -> str:
        """Return the absolute URL of `path` (`/token`) under the issuer, whether or not that ends with a slash."""
        return self.issuer.rstrip("/") + path
