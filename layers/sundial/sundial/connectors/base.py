"""What a connector is, and what it may be able to do: each ability is a type of its own.

What a connector can't do is no setting of it but a fact of its type: one that is neither Refreshable nor
an UpstreamRefresh nor a Lookup never yields a refresh token, and discovery, the consent page and the table in
docs/connectors know it from here.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from sundial.errors import OAuthError
from sundial.expiry.family import Claims


class Connector(Protocol):
    """One way to log in (Dex: `connectors[]`)."""

    @property
    def id(self) -> str:
        """The id in the configuration: part of each user's `sub`, and of the connector's URLs."""

    @property
    def name(self) -> str:
        """What people are shown."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as an upstream provider knows them, and what is needed to ask it again.

    `upstream` is the connector's own text, a refresh token in most cases: it is kept encrypted, under a key
    of KMS, and given to nobody but the connector. Empty where the provider can't be asked again.
    """

    claims: Claims
    upstream: str = field(default="", repr=False)
    authenticated_at: int | None = None
    """When the user logged in there, in epoch seconds; None where the provider doesn't say."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One browser's way to a provider and back: what the first and the last step of a redirect login share.

    It is sealed into `state`, which no other browser can open. `scopes` are those that the client asked for.
    """

    callback_url: str
    """Where the provider is to send the browser: the issuer's /callback."""
    scopes: frozenset[str]
    seed: str = field(repr=False)
    """128 random bits, of this attempt alone."""
    login_hint: str = ""
    max_age: int | None = None
    """How long ago the provider may have logged the user in, in seconds: 0 for never before now, None for ever."""

    def derived(self, purpose: str) -> str:
        """Return a secret of this attempt for `purpose`, such as a PKCE verifier: 43 unreserved characters."""
        digest = hmac.digest(self.seed.encode("ascii"), purpose.encode("ascii"), "sha256")
        return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes. With `form`, it is to POST those fields there (SAML's POST binding)."""

    url: str
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the browser came back with, on any of the routes of /callback.

    `parameters` are those of the query, or of the form; `headers` have their names in lower case. `now`
    is epoch seconds.
    """

    parameters: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    now: int
    own_path: bool = False
    """Whether it was /callback/{connector}, the path of this connector alone."""


class DeclinedError(Exception):
    """The user, or the provider on their behalf, said no: the client is told `access_denied` (RFC 6749 §4.1.2.1)."""


class InterruptedRefreshError(Exception):
    """The provider gave out a new token and then failed: nobody can tell how the user stands.

    `upstream` is what there is to keep now, `error` what happened.
    """

    def __init__(self, upstream: str, error: OAuthError) -> None:
        super().__init__(error.code)
        self.upstream = upstream
        self.error = error


@runtime_checkable
class PasswordLogin(Connector, Protocol):
    """A connector that checks a password itself, typed into a page of ours."""

    @property
    def prompt(self) -> str:
        """What the page asks for beside the password, such as "Email address"."""

    def log_in(self, username: str, password: str) -> Claims | None:
        """Return the user, or None where there is no such user or the password is wrong.

        Which of the two it was shows neither in the answer nor in the time it takes. Raises
        `temporarily_unavailable` (503) where the users can't be looked up, and `upstream_failed` (502) where
        what is found can't be used.
        """


@runtime_checkable
class RedirectLogin(Connector, Protocol):
    """A connector that sends the browser elsewhere to log in, and is told there who it was."""

    def begin(self, attempt: Attempt, state: str, now: int, /) -> Departure:
        """Return where the browser is to go, from where it comes back with `state`.

        Raises `temporarily_unavailable` (503) where the provider has to be asked and can't be reached.
        """

    def finish(self, attempt: Attempt, arrival: Arrival, /) -> Identity:
        """Return who logged in, once everything that the provider said has been checked.

        Raises DeclinedError; `access_denied` (403), in words for the user, for one who may not log in here;
        `temporarily_unavailable` (503) where the provider can't be reached; and `upstream_failed` (502)
        where it says what can't be believed.
        """


@runtime_checkable
class ShortState(Protocol):
    """A redirect login whose `state` has to be short: a longer one waits in a cookie, as LuggageCookie has it."""

    @property
    def longest_state(self) -> int:
        """How many characters the provider has to carry at most."""


@runtime_checkable
class Refreshable(Connector, Protocol):
    """A connector that knows its users itself, and so how one stands without a new login."""

    def refresh(self, user_tag: bytes, since: int, /) -> Claims | None:
        """Return the user of that tag (`tokens.subject.user_tag`) as they stand now, None where they are gone.

        None too where a login of `since` (epoch seconds) is over, as after a change of the password. Raises
        `temporarily_unavailable` (503) where nobody can tell; nothing is lost then.
        """


@runtime_checkable
class UpstreamRefresh(Connector, Protocol):
    """A connector that can ask its provider how a user stands, with what it kept of their login."""

    def refresh_upstream(self, identity: Identity, scopes: frozenset[str], now: int, /) -> Identity | None:
        """Return the user as they stand now, None where the provider says that they are gone.

        `identity` is what the login, or the last refresh, came to; the answer's `upstream` takes the place
        of its. `scopes` are those granted. Raises `temporarily_unavailable` (503) or `upstream_failed` (502)
        where nobody can tell, and InterruptedRefreshError where what `upstream` holds has changed meanwhile.
        Never called twice at once for one login: what `upstream` holds may be good for one use.
        """


@runtime_checkable
class Lookup(Connector, Protocol):
    """A connector that finds a user again by what is known of them, with no secret of theirs, as a directory does."""

    def look_up(self, claims: Claims, scopes: frozenset[str], now: int, /) -> Claims | None:
        """Return the user as they stand now, None where they are gone.

        `claims` are those of the login, or of the last refresh; `scopes` are those granted. Raises
        `temporarily_unavailable` (503) where nobody can tell.
        """


@runtime_checkable
class Groups(Connector, Protocol):
    """A connector that knows which groups its users belong to (scope `groups`)."""

    @property
    def groups_are(self) -> str:
        """What the groups are, in words for the documentation."""


@runtime_checkable
class TokenExchange(Connector, Protocol):
    """A connector that takes a token of its provider for a login (RFC 8693; Dex: `connector_id` at /token)."""

    @property
    def subject_token_types(self) -> frozenset[str]:
        """The token types that it takes (RFC 8693 §3); empty where its settings allow none."""

    def exchange(self, subject_token: str, subject_token_type: str, now: int, /) -> Claims | None:
        """Return the user that the token stands for, None where the token is good for nothing here.

        Raises `access_denied` and `temporarily_unavailable` as RedirectLogin does.
        """


@runtime_checkable
class Logout(Connector, Protocol):
    """A connector whose provider can end its own session of the user (OpenID Connect RP-Initiated Logout)."""

    def logout_url(self, return_to: str, now: int, /) -> str:
        """Return where to send the browser, which then comes back to `return_to`; empty where there is no such place.

        Raises `temporarily_unavailable` (503) where the provider has to be asked and can't be reached.
        """


def may_refresh(connector: Connector, upstream: str) -> bool:
    """Return whether a login through `connector`, of which it keeps `upstream`, can be refreshed."""
    return isinstance(connector, Refreshable | Lookup) or (isinstance(connector, UpstreamRefresh) and bool(upstream))
