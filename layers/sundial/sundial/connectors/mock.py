"""Connectors for trying out (Dex: `mockCallback`, `mockPassword`): everybody is Kilgore Trout. Not for production."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sundial.connectors.base import Arrival, Attempt, Departure, Identity
from sundial.expiry.family import Claims
from sundial.tokens.subject import user_tag as tag_of

if TYPE_CHECKING:
    from sundial.config.section import Section

_USER = Claims(
    user_id="0-385-28089-0",
    username="Kilgore Trout",
    email="kilgore@kilgore.trout",
    email_verified=True,
)
_AUTHOR = Claims(_USER.user_id, _USER.username, "", _USER.email, _USER.email_verified, groups=("authors",))


class MockCallback:
    """Sends the browser straight to the callback: a login without a question."""

    groups_are = "`authors`"

    def __init__(self, id: str, name: str, _settings: object) -> None:
        self.id = id
        self.name = name

    @staticmethod
    def read(_section: Section, _issuer: str | None) -> None:
        """There is nothing to set."""

    def begin(self, attempt: Attempt, state: str, _now: int) -> Departure:
        """Return the callback itself (see RedirectLogin)."""
        return Departure(f"{attempt.callback_url}?{urlencode({'state': state})}")

    def finish(self, _attempt: Attempt, _arrival: Arrival) -> Identity:
        """Return the one user (see RedirectLogin)."""
        return Identity(_AUTHOR)

    def refresh(self, user_tag: bytes, _since: int) -> Claims | None:
        """Return the one user (see Refreshable)."""
        return _AUTHOR if user_tag == tag_of(_AUTHOR.user_id) else None

    @property
    def subject_token_types(self) -> frozenset[str]:
        """Any is as good as another (see TokenExchange)."""
        kinds = ("access_token", "id_token", "jwt")
        return frozenset(f"urn:ietf:params:oauth:token-type:{kind}" for kind in kinds)

    def exchange(self, _subject_token: str, _subject_token_type: str, _now: int) -> Claims | None:
        """Return the one user (see TokenExchange)."""
        return _AUTHOR


@dataclass(frozen=True, slots=True)
class MockPasswordSettings:
    """Dex: `connectors[].config` of a `mockPassword`."""

    username: str
    password: str = field(repr=False)


class MockPassword:
    """Knows one user name and one password, which stand in the file."""

    prompt = "Username"

    def __init__(self, id: str, name: str, settings: MockPasswordSettings) -> None:
        self.id = id
        self.name = name
        self._settings = settings

    @staticmethod
    def read(section: Section, _issuer: str | None) -> MockPasswordSettings:
        """Return the settings; both are required."""
        return MockPasswordSettings(section.required("username"), section.required("password", secret=True))

    def log_in(self, username: str, password: str) -> Claims | None:
        """Return the one user (see PasswordLogin)."""
        right = (self._settings.username, self._settings.password)
        same = [hmac.compare_digest(a.encode(), b.encode()) for a, b in zip((username, password), right, strict=True)]
        return _USER if all(same) else None

    def refresh(self, user_tag: bytes, _since: int) -> Claims | None:
        """Return the one user (see Refreshable)."""
        return _USER if user_tag == tag_of(_USER.user_id) else None
