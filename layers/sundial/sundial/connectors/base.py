"""What a connector is, and what it may be able to do: each ability is a type of its own."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from sundial.config.model import Config
from sundial.expiry.family import Claims


class Connector(Protocol):
    """One way to log in (Dex: `connectors[]`)."""

    @property
    def id(self) -> str:
        """The id in the configuration: part of each user's `sub`, and of the connector's URLs."""

    @property
    def name(self) -> str:
        """What people are shown."""


@runtime_checkable
class PasswordLogin(Connector, Protocol):
    """A connector that checks a password itself, typed into a page of ours."""

    @property
    def prompt(self) -> str:
        """What the page asks for beside the password, such as "Email address"."""

    def log_in(self, username: str, password: str) -> Claims | None:
        """Return the user, or None where there is no such user or the password is wrong.

        Which of the two it was shows neither in the answer nor in the time it takes. Raises
        `temporarily_unavailable` (503) where the users can't be looked up.
        """


@runtime_checkable
class Refreshable(Connector, Protocol):
    """A connector that can say how a user stands without a new login; only these yield refresh tokens."""

    def refresh(self, user_tag: bytes) -> Claims | None:
        """Return the user of that tag (`tokens.subject.user_tag`) as they stand now, None where they are gone.

        Raises `temporarily_unavailable` (503) where nobody can tell; nothing is lost then.
        """


@runtime_checkable
class TokenExchange(Connector, Protocol):
    """A connector that vouches for its own provider's tokens (RFC 8693; Dex: `connector_id` at the token endpoint)."""

    def exchange(self, token: str, token_type: str) -> Claims | None:
        """Return the user that an upstream token is about, None where the upstream does not vouch for it.

        `token_type` is one of RFC 8693 §3, an access token's or an ID token's; a connector that can't tell of that
        type answers None. Raises `temporarily_unavailable` (503) where the upstream can't be reached.
        """


def grantable(scopes: frozenset[str], connector: Connector, config: Config) -> frozenset[str]:
    """Return `scopes` without `offline_access` where nothing could ever be refreshed (RFC 6749 §3.3 allows it)."""
    if isinstance(connector, Refreshable) and "refresh_token" in config.oauth2.grant_types:
        return scopes
    return scopes - {"offline_access"}
