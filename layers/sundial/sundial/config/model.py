"""The configuration, as the rest of Sundial sees it: frozen, checked, with no clear secret in it.

Every field names the Dex key it comes from in its metadata; docs/configuration.md is generated from
these classes. `sundial.config.reader` makes them from a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sundial.expiry.policies import RefreshTokenPolicy, RefreshTokenSettings
from sundial.settings import setting


@dataclass(frozen=True, slots=True)
class ClientExpiry:
    """`staticClients[].expiry` and `connectors[].expiry` (ours): what they override of the global section."""

    id_tokens: timedelta | None = field(
        default=None,
        metadata=setting("idTokens", "lifetime of ID and access tokens", default="expiry.idTokens", ours=True),
    )
    refresh_tokens: RefreshTokenSettings = field(
        default=RefreshTokenSettings(),
        metadata=setting("refreshTokens", "overrides expiry.refreshTokens field by field", ours=True),
    )


@dataclass(frozen=True, slots=True)
class Client:
    """A client (`staticClients[]`, RFC 6749 §2). `secret_sha256` is the digest of its secret; a public one has none."""

    id: str = field(metadata=setting("id", "the client_id; `idEnv` names a variable that holds it"))
    name: str = field(default="", metadata=setting("name", "shown on the consent page", default="the id"))
    secret_sha256: bytes | None = field(
        default=None,
        repr=False,
        metadata=setting(
            "secretHash",
            "SHA-256 of a high-entropy secret, in hexadecimal; or `secret`, or `secretEnv`",
            ours=True,
        ),
    )
    redirect_uris: tuple[str, ...] = field(
        default=(), metadata=setting("redirectURIs", "compared exactly (RFC 9700 §2.1)")
    )
    public: bool = field(
        default=False,
        metadata=setting(
            "public", "no secret; with no redirectURIs it may use any loopback port (RFC 8252 §7.3)", default="false"
        ),
    )
    trusted_peers: tuple[str, ...] = field(
        default=(), metadata=setting("trustedPeers", "clients that may ask for tokens with this one as audience")
    )
    allowed_connectors: tuple[str, ...] = field(
        default=(), metadata=setting("allowedConnectors", "ids of the connectors to offer", default="all")
    )
    logo_url: str = field(default="", metadata=setting("logoURL", "shown on the consent page"))
    post_logout_redirect_uris: tuple[str, ...] = field(
        default=(), metadata=setting("postLogoutRedirectURIs", "compared exactly (RP-Initiated Logout §3)")
    )
    id_token_signed_response_alg: str | None = field(
        default=None,
        metadata=setting(
            "idTokenSignedResponseAlg", "one of signing.algorithms", default="the first of them", ours=True
        ),
    )
    expiry: ClientExpiry = field(
        default=ClientExpiry(), metadata=setting("expiry", "overrides of the global section", ours=True)
    )


@dataclass(frozen=True, slots=True)
class StaticPassword:
    """A local user (`staticPasswords[]`)."""

    email: str = field(metadata=setting("email", "what the user types as login name; compared without regard to case"))
    hash: bytes = field(
        repr=False, metadata=setting("hash", "bcrypt hash of the password; `hashFromEnv` names a variable")
    )
    user_id: str = field(metadata=setting("userID", "stays the same for the life of the user: it makes the `sub`"))
    username: str = field(default="", metadata=setting("username", "the `name` claim unless `name` is set"))
    name: str = field(default="", metadata=setting("name", "the `name` claim", default="username"))
    preferred_username: str = field(default="", metadata=setting("preferredUsername", "the `preferred_username` claim"))
    email_verified: bool = field(
        default=True, metadata=setting("emailVerified", "the `email_verified` claim", default="true")
    )
    groups: tuple[str, ...] = field(default=(), metadata=setting("groups", "the `groups` claim"))


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """A connector (`connectors[]`). `config` is the connector's own, checked by the connector's own rules."""

    type: str = field(metadata=setting("type", "which connector"))
    id: str = field(metadata=setting("id", "part of each user's `sub`: it must never change"))
    name: str = field(metadata=setting("name", "shown to people"))
    config: Mapping[str, Any] = field(
        default_factory=dict, repr=False, metadata=setting("config", "the connector's own settings")
    )
    expiry: ClientExpiry = field(
        default=ClientExpiry(), metadata=setting("expiry", "overrides of the global section", ours=True)
    )


@dataclass(frozen=True, slots=True)
class Expiry:
    """The `expiry` section: how long everything lives."""

    id_tokens: timedelta = field(
        default=timedelta(hours=24), metadata=setting("idTokens", "ID tokens and access tokens", default="24h")
    )
    auth_requests: timedelta = field(
        default=timedelta(hours=24),
        metadata=setting("authRequests", "from the request to the end of the login", default="24h"),
    )
    auth_codes: timedelta = field(
        default=timedelta(seconds=60),
        metadata=setting("authCodes", "an authorization code (RFC 6749 §4.1.2)", default="60s", ours=True),
    )
    device_requests: timedelta = field(
        default=timedelta(minutes=5), metadata=setting("deviceRequests", "a device request", default="5m")
    )
    signing_keys: timedelta = field(
        default=timedelta(hours=6), metadata=setting("signingKeys", "how long a key signs", default="6h")
    )
    refresh_tokens: RefreshTokenSettings = field(
        default=RefreshTokenSettings(), metadata=setting("refreshTokens", "see below")
    )


@dataclass(frozen=True, slots=True)
class Pkce:
    """`oauth2.pkce` (RFC 7636)."""

    enforce: bool = field(
        default=False, metadata=setting("enforce", "refuse a code request without a challenge", default="false")
    )
    code_challenge_methods: tuple[str, ...] = field(
        default=("S256", "plain"),
        metadata=setting("codeChallengeMethodsSupported", "of `S256` and `plain`", default="[S256, plain]"),
    )


@dataclass(frozen=True, slots=True)
class OAuth2:
    """The `oauth2` section."""

    response_types: tuple[str, ...] = field(
        default=("code",), metadata=setting("responseTypes", "of `code`, `token`, `id_token`", default="[code]")
    )
    grant_types: tuple[str, ...] = field(
        default=("authorization_code", "refresh_token"),
        metadata=setting("grantTypes", "the grants to serve", default="all that are served"),
    )
    skip_approval_screen: bool = field(
        default=False, metadata=setting("skipApprovalScreen", "do not ask for consent", default="false")
    )
    always_show_login_screen: bool = field(
        default=False,
        metadata=setting("alwaysShowLoginScreen", "show the chooser even with one connector", default="false"),
    )
    password_connector: str | None = field(
        default=None, metadata=setting("passwordConnector", "the connector of the password grant")
    )
    pkce: Pkce = field(default=Pkce(), metadata=setting("pkce", "see below"))


@dataclass(frozen=True, slots=True)
class Signing:
    """The `signing` section (ours)."""

    algorithms: tuple[str, ...] = field(
        default=("RS256",), metadata=setting("algorithms", "the keys that the ring keeps", default="[RS256]", ours=True)
    )
    publish_ahead: timedelta = field(
        default=timedelta(hours=3),
        metadata=setting(
            "publishAhead", "how long a key stands in the JWKS before it may sign", default="3h", ours=True
        ),
    )
    signer: str = field(
        default="secret",
        metadata=setting("signer", "where the private keys are: `secret`, the key ring", default="secret", ours=True),
    )


@dataclass(frozen=True, slots=True)
class Web:
    """The `web` section, as far as it means something without a server."""

    allowed_origins: tuple[str, ...] = field(
        default=(), metadata=setting("allowedOrigins", "CORS origins of discovery, keys, token and userinfo")
    )
    allowed_headers: tuple[str, ...] = field(
        default=(), metadata=setting("allowedHeaders", "CORS request headers beside Authorization and Content-Type")
    )
    headers: Mapping[str, str] = field(
        default_factory=dict, metadata=setting("headers", "response headers to add to every page")
    )


@dataclass(frozen=True, slots=True)
class Frontend:
    """The `frontend` section."""

    issuer: str = field(default="Sundial", metadata=setting("issuer", "the name at the top of each page"))
    logo_url: str = field(default="", metadata=setting("logoURL", "the logo at the top of each page"))
    theme: str = field(
        default="auto", metadata=setting("theme", "`auto` follows the reader; `light`, `dark`", default="auto")
    )
    dir: str = field(default="", metadata=setting("dir", "a folder whose theme.css is added to the pages"))
    theme_css: str = field(
        default="", metadata=setting("", "the text of that theme.css, read when the file is compiled")
    )


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration file."""

    issuer: str = field(
        metadata=setting("issuer", "https, or http on loopback; a path is kept: every endpoint lives under it")
    )
    clients: Mapping[str, Client] = field(default_factory=dict, metadata=setting("staticClients", "by id"))
    connectors: tuple[ConnectorConfig, ...] = field(default=(), metadata=setting("connectors", "how users log in"))
    enable_password_db: bool = field(
        default=False, metadata=setting("enablePasswordDB", "local users, as the connector `local`", default="false")
    )
    static_passwords: tuple[StaticPassword, ...] = field(
        default=(), metadata=setting("staticPasswords", "local users of the file; they win over the table's")
    )
    expiry: Expiry = field(default=Expiry(), metadata=setting("expiry", "how long everything lives"))
    oauth2: OAuth2 = field(default=OAuth2(), metadata=setting("oauth2", "which flows, and how"))
    signing: Signing = field(default=Signing(), metadata=setting("signing", "the keys", ours=True))
    web: Web = field(default_factory=Web, metadata=setting("web", "CORS and headers"))
    frontend: Frontend = field(default=Frontend(), metadata=setting("frontend", "how the pages look"))
    log_level: str = field(
        default="INFO", metadata=setting("logger.level", "debug, info, warn or error", default="info")
    )

    def connector(self, connector_id: str) -> ConnectorConfig | None:
        """Return the connector of that id, `local` (the password database) included."""
        return next((one for one in self.connectors if one.id == connector_id), None)

    def refresh_policy(self, client: Client, connector_id: str) -> RefreshTokenPolicy:
        """Return the refresh token policy for `client` and a connector: global, then connector, then client."""
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

    @property
    def longest_id_token_lifetime(self) -> timedelta:
        """The longest that any ID or access token can live: how long a retired key must stay published."""
        blocks = (*(client.expiry for client in self.clients.values()), *(one.expiry for one in self.connectors))
        return max(self.expiry.id_tokens, *(block.id_tokens for block in blocks if block.id_tokens), timedelta())

    def url(self, path: str) -> str:
        """Return the absolute URL of `path` (`/token`) under the issuer, whether or not that ends with a slash."""
        return self.issuer.rstrip("/") + path

    def signing_algorithm(self, client: Client) -> str:
        """Return the `alg` of `client`'s ID tokens (OpenID Connect Registration: id_token_signed_response_alg)."""
        return client.id_token_signed_response_alg or self.signing.algorithms[0]
