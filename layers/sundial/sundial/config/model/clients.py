"""The clients of a file (Dex: `staticClients`), and of the table, which are the like."""

from __future__ import annotations

from dataclasses import dataclass, field

from sundial.config.model.lifetimes import ClientExpiry
from sundial.settings import setting


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
        default=(),
        metadata=setting(
            "allowedConnectors", "ids of the connectors whose logins it may have, and go on with", default="all"
        ),
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
