"""Any OAuth 2.0 provider with an endpoint that says who a token is of (Dex: `oauth`). It can't be refreshed.

See docs/connectors/oauth.md for its settings.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sundial.connectors.api_login import ApiLogin, authorized, text
from sundial.connectors.base import Attempt
from sundial.connectors.http import Conversation, Http
from sundial.connectors.mapping import group_names
from sundial.connectors.oauth2 import OAuth2Client
from sundial.connectors.settings import Registration, read_registration, read_trust, read_url
from sundial.connectors.tls import Trust
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section


@dataclass(frozen=True, slots=True)
class Keys:
    """Where a user's attributes stand in what the provider answers."""

    user_id: str = "id"
    user_name: str = "user_name"
    preferred_username: str = "preferred_username"
    email: str = "email"
    email_verified: str = "email_verified"
    groups: str = "groups"


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """Dex: `connectors[].config` of an `oauth`."""

    registration: Registration
    authorization_url: str
    token_url: str
    user_info_url: str
    scopes: tuple[str, ...] = ()
    keys: Keys = field(default_factory=Keys)
    trust: Trust = field(default_factory=Trust)


class OAuthConnector(ApiLogin):
    """Logs in with the authorization code grant, and asks the provider's user info endpoint."""

    groups_are = "a list in the user info, or in an access token that is a JWT"

    def __init__(self, id: str, name: str, settings: OAuthSettings) -> None:
        client = OAuth2Client(name, settings.registration)
        super().__init__(id, name, client, Http(name, settings.trust), _UserInfo(settings))

    @staticmethod
    def read(section: Section, issuer: str | None) -> OAuthSettings:
        """Return the settings."""
        for key in ("authorizationURL", "tokenURL", "userInfoURL"):
            section.required(key)
        mapping, defaults = section.section("claimMapping"), Keys()
        keys = Keys(
            section.text("userIDKey") or defaults.user_id,
            mapping.text("userNameKey") or defaults.user_name,
            mapping.text("preferredUsernameKey") or defaults.preferred_username,
            mapping.text("emailKey") or defaults.email,
            mapping.text("emailVerifiedKey") or defaults.email_verified,
            mapping.text("groupsKey") or defaults.groups,
        )
        mapping.close()
        return OAuthSettings(
            read_registration(section, issuer),
            read_url(section, "authorizationURL"),
            read_url(section, "tokenURL"),
            read_url(section, "userInfoURL"),
            section.texts("scopes"),
            keys,
            read_trust(section),
        )


class _UserInfo:
    """The provider's endpoints."""

    def __init__(self, settings: OAuthSettings) -> None:
        self._settings = settings
        self.authorization_endpoint = settings.authorization_url
        self.token_endpoint = settings.token_url

    def scopes(self, _asked: frozenset[str]) -> list[str]:
        """Return those of the file."""
        return list(self._settings.scopes)

    def parameters(self, _attempt: Attempt) -> dict[str, str]:
        """There is nothing more to say."""
        return {}

    def user(self, talk: Conversation, access_token: str, scopes: frozenset[str]) -> Claims:
        """Return the user (see Api)."""
        answer = authorized(talk.get(self._settings.user_info_url, token=access_token))
        profile, keys = answer.document(), self._settings.keys
        number = profile.get(keys.user_id)
        user_id = str(number) if type(number) in (int, str) else ""
        if not user_id:
            raise answer.failed(f"no {keys.user_id} in it")
        groups = (*_groups(profile, keys.groups), *_groups(_payload(access_token), keys.groups))
        return Claims(
            user_id=user_id,
            username=text(profile, keys.user_name),
            preferred_username=text(profile, keys.preferred_username),
            email=text(profile, keys.email),
            email_verified=profile.get(keys.email_verified) is True,
            groups=tuple(dict.fromkeys(groups)) if "groups" in scopes else (),
        )


def _groups(document: dict[str, Any], key: str) -> tuple[str, ...]:
    return group_names(document.get(key, [])) or ()


def _payload(access_token: str) -> dict[str, Any]:
    """Return what an access token says that is a JWT. It came from the token endpoint over TLS: nobody else made it."""
    parts = access_token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}
