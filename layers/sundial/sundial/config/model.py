"""The configuration, as the rest of Sundial sees it: frozen, checked, with no clear secret in it.

Every field names the key that it comes from in its metadata; docs/configuration.md is generated from
these classes. `sundial.config.reader` makes them from a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from sundial.expiry.policies import RefreshTokenPolicy, RefreshTokenSettings
from sundial.settings import setting

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (a name, not a token)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SERVED_GRANTS = ("authorization_code", "refresh_token", "client_credentials", TOKEN_EXCHANGE, DEVICE_GRANT)
"""The grants that need no setting of their own."""
IMPLICIT_GRANT = "implicit"
"""Not a grant of /token: it says that `oauth2.responseTypes` has tokens come from /auth."""
RESPONSE_TYPES = (
    "code",
    "id_token",
    "token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
)
"""OAuth 2.0 Multiple Response Types §3 and §5, OpenID Connect Core §3."""
PASSWORD_GRANT = "password"  # noqa: S105
CONNECTOR_GRANTS = (
    "authorization_code",
    "refresh_token",
    IMPLICIT_GRANT,
    PASSWORD_GRANT,
    DEVICE_GRANT,
    TOKEN_EXCHANGE,
)
"""The grants in which a connector has a part."""


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long everything lives."""

    id_tokens: timedelta = field(
        default=timedelta(hours=24), metadata=setting("idTokens", "ID tokens and access tokens", default="24h")
    )
    auth_requests: timedelta = field(
        default=timedelta(hours=24),
        metadata=setting("authRequests", "a login, from the client's request to its end", default="24h"),
    )
    auth_codes: timedelta = field(
        default=timedelta(seconds=60),
        metadata=setting(
            "authCodes", "an authorization code; at most `10m` (RFC 6749 §4.1.2)", default="60s", ours=True
        ),
    )
    device_requests: timedelta = field(
        default=timedelta(minutes=5),
        metadata=setting("deviceRequests", "a device's request, from its codes to its tokens (RFC 8628)", default="5m"),
    )
    signing_keys: timedelta = field(
        default=timedelta(hours=6),
        metadata=setting(
            "signingKeys",
            "how long a key signs, at least `10m`; `signer.config.keysRotationPeriod`, its newer name in Dex, wins",
            default="6h",
        ),
    )
    refresh_tokens: RefreshTokenSettings = field(
        default=RefreshTokenSettings(), metadata=setting("refreshTokens", "see `expiry.refreshTokens`")
    )


@dataclass(frozen=True, slots=True)
class ClientExpiry:
    """What a connector overrides of `expiry`, and a client of both."""

    id_tokens: timedelta | None = field(
        default=None, metadata=setting("idTokens", "ID tokens and access tokens", default="the wider one", ours=True)
    )
    refresh_tokens: RefreshTokenSettings = field(
        default=RefreshTokenSettings(),
        metadata=setting(
            "refreshTokens",
            "as `expiry.refreshTokens`, field by field; `0` takes a limit away",
            default="the wider ones",
            ours=True,
        ),
    )


@dataclass(frozen=True, slots=True)
class FormerSecret:
    """The secret that a rotation has replaced: it still works up to and including `until` (epoch seconds)."""

    sha256: bytes = field(repr=False)
    until: int


@dataclass(frozen=True, slots=True)
class Client:
    """A client (RFC 6749 §2). `secret_sha256` is the digest of its secret; a public client has none."""

    id: str = field(
        metadata=setting("id", "the `client_id`; or `idEnv`, the variable that holds it", default="required")
    )
    name: str = field(default="", metadata=setting("name", "shown on the consent page", default="the id"))
    secret_sha256: bytes | None = field(
        default=None,
        repr=False,
        metadata=setting(
            "secretHash",
            "SHA-256 of a random secret, in hexadecimal (`sundial config hash-secret --new`); or `secretEnv`, the "
            "variable that holds the secret; or `secret`, the secret in clear, with a warning",
            default="required unless public",
            ours=True,
        ),
    )
    redirect_uris: tuple[str, ...] = field(
        default=(),
        metadata=setting("redirectURIs", "where codes may be sent, compared exactly (RFC 9700 §2.1)", default="[]"),
    )
    public: bool = field(
        default=False,
        metadata=setting(
            "public",
            "the client has no secret; without redirectURIs it may use any loopback port (RFC 8252 §7.3)",
            default="false",
        ),
    )
    trusted_peers: tuple[str, ...] = field(
        default=(),
        metadata=setting("trustedPeers", "clients that may ask for tokens with this one as audience", default="[]"),
    )
    resources: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "resources",
            "APIs that it may have access tokens for: absolute URIs, compared exactly (RFC 8707)",
            default="[]",
            ours=True,
        ),
    )
    own_groups: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "clientCredentialsClaims.groups", "the `groups` of its own tokens (client credentials)", default="[]"
        ),
    )
    allowed_connectors: tuple[str, ...] = field(
        default=(), metadata=setting("allowedConnectors", "ids of the connectors that it offers", default="all")
    )
    logo_url: str = field(default="", metadata=setting("logoURL", "shown on the consent page", default="none"))
    post_logout_redirect_uris: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "postLogoutRedirectURIs", "compared exactly (OpenID Connect RP-Initiated Logout §3)", default="[]"
        ),
    )
    id_token_signed_response_alg: str | None = field(
        default=None,
        metadata=setting(
            "idTokenSignedResponseAlg",
            "the `alg` of its ID tokens, one of signing.algorithms",
            default="the first of them",
            ours=True,
        ),
    )
    expiry: ClientExpiry = field(
        default=ClientExpiry(),
        metadata=setting("expiry", "see `staticClients[].expiry`", default="the wider settings", ours=True),
    )
    former_secret: FormerSecret | None = field(
        default=None, metadata=setting("", "only of a client in the table: `sundial clients rotate-secret`")
    )


@dataclass(frozen=True, slots=True)
class StaticPassword:
    """A local user of the file."""

    email: str = field(metadata=setting("email", "what the user types as login name, in any case", default="required"))
    hash: bytes = field(
        repr=False,
        metadata=setting(
            "hash",
            "bcrypt hash of the password, of cost 10 to 16; or `hashFromEnv`, the variable that holds it",
            default="required",
        ),
    )
    user_id: str = field(metadata=setting("userID", "makes the user's `sub`: it must never change", default="required"))
    username: str = field(default="", metadata=setting("username", "the `name` claim unless `name` is set"))
    name: str = field(default="", metadata=setting("name", "the `name` claim", default="username"))
    preferred_username: str = field(
        default="", metadata=setting("preferredUsername", "the `preferred_username` claim", default="no claim")
    )
    email_verified: bool = field(
        default=True, metadata=setting("emailVerified", "the `email_verified` claim", default="true")
    )
    groups: tuple[str, ...] = field(default=(), metadata=setting("groups", "the `groups` claim", default="[]"))


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """A way to log in. `config` is the connector's own, and checked by it."""

    type: str = field(metadata=setting("type", "which connector", default="required"))
    id: str = field(
        metadata=setting("id", "part of each of its users' `sub`: it must never change", default="required")
    )
    name: str = field(metadata=setting("name", "shown where people choose", default="required"))
    config: object = field(
        default=None, repr=False, metadata=setting("config", "the connector's own settings: see docs/connectors")
    )
    grant_types: tuple[str, ...] = field(
        default=(),
        metadata=setting("grantTypes", "the grants that it serves, of those of `oauth2.grantTypes`", default="all"),
    )
    expiry: ClientExpiry = field(
        default=ClientExpiry(),
        metadata=setting("expiry", "see `staticClients[].expiry`", default="the wider settings", ours=True),
    )


@dataclass(frozen=True, slots=True)
class Pkce:
    """Proof Key for Code Exchange (RFC 7636)."""

    enforce: bool = field(
        default=False, metadata=setting("enforce", "refuse a request without a challenge", default="false")
    )
    code_challenge_methods: tuple[str, ...] = field(
        default=("S256", "plain"),
        metadata=setting("codeChallengeMethodsSupported", "of `S256` and `plain`", default="[S256, plain]"),
    )


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Which flows are served, and how."""

    response_types: tuple[str, ...] = field(
        default=("code",),
        metadata=setting(
            "responseTypes",
            "of `code`, `token` and `id_token`, which are served by themselves and together, and of their "
            "combinations, such as `code id_token`, which are served as they stand; RFC 9700 §2.1.2 advises "
            "against `token`",
            default="[code]",
        ),
    )
    grant_types: tuple[str, ...] = field(
        default=SERVED_GRANTS,
        metadata=setting(
            "grantTypes",
            "of " + ", ".join(f"`{grant}`" for grant in (*SERVED_GRANTS, PASSWORD_GRANT, IMPLICIT_GRANT)),
            default="all; but `password` where there is a passwordConnector, and `implicit` by responseTypes",
        ),
    )
    skip_approval_screen: bool = field(
        default=False, metadata=setting("skipApprovalScreen", "don't ask for consent", default="false")
    )
    always_show_login_screen: bool = field(
        default=False,
        metadata=setting("alwaysShowLoginScreen", "let people choose even from one connector", default="false"),
    )
    password_connector: str | None = field(
        default=None,
        metadata=setting(
            "passwordConnector", "id of the connector that checks the passwords of the password grant", default="none"
        ),
    )
    pkce: Pkce = field(default=Pkce(), metadata=setting("pkce", "see `oauth2.pkce`"))

    def serves(self, response_types: frozenset[str]) -> bool:
        """Return whether a request may ask for these `response_types` at once."""
        alone = {one for one in self.response_types if " " not in one}
        together = {frozenset(one.split()) for one in self.response_types}
        return bool(response_types) and (response_types <= alone or response_types in together)

    @property
    def served_response_types(self) -> tuple[str, ...]:
        """Every response type that is served, as OpenID Connect spells it (Discovery: response_types_supported).

        One with a code is of no use where no code can be exchanged.
        """
        grants_codes = "authorization_code" in self.grant_types
        offered = (one for one in RESPONSE_TYPES if grants_codes or "code" not in one.split())
        return tuple(one for one in offered if self.serves(frozenset(one.split())))


@dataclass(frozen=True, slots=True)
class Signing:
    """The signing keys."""

    algorithms: tuple[str, ...] = field(
        default=("RS256",),
        metadata=setting(
            "algorithms",
            "the `alg`s that there are keys for, of `RS256` and `ES256`; the first is the default",
            default="[RS256], or signer.config.algorithm",
            ours=True,
        ),
    )
    publish_ahead: timedelta = field(
        default=timedelta(hours=3),
        metadata=setting(
            "publishAhead",
            "how long a key stands in the JWKS before it signs, at least `10m`: longer than any verifier caches",
            default="3h",
            ours=True,
        ),
    )
    signer: str = field(
        default="secret",
        metadata=setting("signer", "where the private keys are: `secret`, the key ring", default="secret", ours=True),
    )


@dataclass(frozen=True, slots=True)
class Web:
    """Headers of the answers."""

    allowed_origins: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "allowedOrigins", "origins of browser apps (CORS), such as `https://app.example.com`; or `*`", default="[]"
        ),
    )
    allowed_headers: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "allowedHeaders", "request headers of theirs, beside Authorization and Content-Type", default="[]"
        ),
    )
    headers: Mapping[str, str] = field(
        default_factory=_empty,
        metadata=setting("headers", "response headers to add, such as `X-Frame-Options`", default="none"),
    )


@dataclass(frozen=True, slots=True)
class Frontend:
    """How the pages look."""

    issuer: str = field(
        default="Sundial", metadata=setting("issuer", "the name at the top of each page", default="Sundial")
    )
    logo_url: str = field(default="", metadata=setting("logoURL", "the logo at the top of each page", default="none"))
    theme: str = field(
        default="auto", metadata=setting("theme", "`light`, `dark`, or `auto`: as the reader's system", default="auto")
    )
    dir: str = field(
        default="",
        metadata=setting(
            "dir", "a folder, relative to the file's, whose `theme.css` is added to the pages", default="none"
        ),
    )
    theme_css: str = field(default="", metadata=setting("", "the text of that theme.css, read at compile time"))


@dataclass(frozen=True, slots=True)
class Migration:
    """What goes on from the provider before this one."""

    dex_refresh_tokens: bool = field(
        default=False,
        metadata=setting(
            "dexRefreshTokens",
            "the refresh tokens that Dex gave out are taken, for logins that `sundial import-dex storage` has imported;"
            " one that is presented costs a read, forged ones too: take this out when Dex's last login is over",
            default="false",
            ours=True,
        ),
    )


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
        default_factory=_empty,
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
