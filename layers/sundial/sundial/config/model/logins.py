"""How people log in (Dex: `connectors`), and the local users of a file (Dex: `staticPasswords`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sundial.config.model.lifetimes import ClientExpiry
from sundial.settings import setting


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
