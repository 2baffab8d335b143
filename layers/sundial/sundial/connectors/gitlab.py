"""GitLab, of the cloud or one's own (Dex: `gitlab`). See docs/connectors/gitlab.md for its settings.

https://docs.gitlab.com/api/oauth2/ and https://docs.gitlab.com/integration/openid_connect_provider/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sundial.connectors.api_login import Pages, RefreshingApiLogin, UnauthorizedError, authorized, listed, text
from sundial.connectors.base import Attempt
from sundial.connectors.http import Conversation, Http
from sundial.connectors.mapping import allowed_groups, group_names
from sundial.connectors.oauth2 import OAuth2Client
from sundial.connectors.oidc import ACCESS_TOKEN, ANYBODY
from sundial.connectors.settings import Registration, as_pem, read_registration, read_url
from sundial.connectors.tls import Trust
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section

_CLOUD = "https://gitlab.com"
_PER_PAGE = 100
_ROLES = ("owner", "maintainer", "developer")
"""Those that userinfo tells, the highest first."""
_LEVELS = {
    5: "minimal_access",
    10: "guest",
    15: "planner",
    20: "reporter",
    25: "security_manager",
    30: "developer",
    40: "maintainer",
    50: "owner",
    60: "admin",
}
"""https://docs.gitlab.com/api/access_requests/#valid-access-levels"""


@dataclass(frozen=True, slots=True)
class GitLabSettings:
    """Dex: `connectors[].config` of a `gitlab`."""

    registration: Registration
    base_url: str = _CLOUD
    groups: tuple[str, ...] = ()
    use_login_as_id: bool = False
    with_permissions: bool = False
    inherited_groups: bool = False
    trust: Trust = field(default_factory=Trust)
    exchange_audiences: tuple[str, ...] = ()


class GitLabConnector(RefreshingApiLogin):
    """Logs in with an OAuth application of GitLab."""

    groups_are = "groups, by their paths; with `getGroupsPermission`, each role too, as `group:role`"

    def __init__(self, id: str, name: str, settings: GitLabSettings) -> None:
        client = OAuth2Client(name, settings.registration, in_body=True)
        self._gitlab = GitLab(name, settings)
        super().__init__(id, name, client, Http(name, settings.trust), self._gitlab)

    @staticmethod
    def read(section: Section, issuer: str | None) -> GitLabSettings:
        """Return the settings."""
        return GitLabSettings(
            read_registration(section, issuer),
            read_url(section, "baseURL", default=_CLOUD).rstrip("/"),
            section.texts("groups"),
            section.flag("useLoginAsID"),
            section.flag("getGroupsPermission"),
            section.flag("inheritedGroups"),
            _read_trust(section),
            section.texts("exchangeAudiences"),
        )

    @property
    def subject_token_types(self) -> frozenset[str]:
        """Access tokens (see TokenExchange)."""
        return frozenset((ACCESS_TOKEN,))

    def exchange(self, subject_token: str, _subject_token_type: str, _now: int) -> Claims | None:
        """Return whose token it is (see TokenExchange); it must be for Sundial, or for one of `exchangeAudiences`."""
        talk = self._http.conversation()
        try:
            if not self._gitlab.is_for_us(talk, subject_token):
                return None
            return self._gitlab.user(talk, subject_token, frozenset(("groups",)))
        except UnauthorizedError:
            return None


class GitLab:
    """The provider's endpoints, and its API."""

    def __init__(self, name: str, settings: GitLabSettings) -> None:
        self._name = name
        self._settings = settings
        self.authorization_endpoint = f"{settings.base_url}/oauth/authorize"
        self.token_endpoint = f"{settings.base_url}/oauth/token"

    def scopes(self, asked: frozenset[str]) -> list[str]:
        """Return `read_user`; for groups `openid`, which userinfo wants, and for inherited ones `read_api`."""
        scopes = ["read_user"]
        if self._needs_groups(asked):
            scopes += ["openid", "read_api"] if self._settings.inherited_groups else ["openid"]
        return scopes

    def parameters(self, _attempt: Attempt) -> dict[str, str]:
        """There is nothing more to say."""
        return {}

    def user(self, talk: Conversation, access_token: str, scopes: frozenset[str]) -> Claims:
        """Return the user (see Api): GET /api/v4/user (https://docs.gitlab.com/api/users/)."""
        answer = authorized(talk.get(f"{self._settings.base_url}/api/v4/user", token=access_token))
        profile = answer.document()
        login, number = text(profile, "username"), profile.get("id")
        if not login or type(number) is not int:
            raise answer.failed("no user in it")
        groups: tuple[str, ...] = ()
        if self._needs_groups(scopes):
            groups = allowed_groups(self._groups(talk, access_token, number), self._settings.groups)
        return Claims(
            user_id=login if self._settings.use_login_as_id else str(number),
            username=text(profile, "name") or text(profile, "email"),
            preferred_username=login,
            email=text(profile, "email"),
            email_verified=True,
            groups=groups,
        )

    def is_for_us(self, talk: Conversation, access_token: str) -> bool:
        """Ask which application a token is of (https://docs.gitlab.com/api/oauth2/#retrieve-the-token-information)."""
        audiences = (self._settings.registration.client_id, *self._settings.exchange_audiences)
        if ANYBODY in audiences:
            return True
        answer = authorized(talk.get(f"{self._settings.base_url}/oauth/token/info", token=access_token))
        application = answer.document().get("application")
        return isinstance(application, dict) and application.get("uid") in audiences

    def _needs_groups(self, scopes: frozenset[str]) -> bool:
        return bool(self._settings.groups) or "groups" in scopes

    def _groups(self, talk: Conversation, token: str, user: int) -> list[str]:
        if self._settings.inherited_groups:
            return self._inherited_groups(talk, token, user)
        answer = authorized(talk.get(f"{self._settings.base_url}/oauth/userinfo", token=token))
        claims = answer.document()
        groups = list(group_names(claims.get("groups", [])) or ())
        if self._settings.with_permissions:
            groups += [f"{group}:{role}" for group in groups if (role := _role(group, claims))]
        return groups

    def _inherited_groups(self, talk: Conversation, token: str, user: int) -> list[str]:
        records = list(self._group_records(talk, token))
        groups = [path for one in records if (path := text(one, "full_path") or text(one, "path"))]
        if self._settings.with_permissions:
            for one, path in zip(records, list(groups), strict=False):
                role = self._effective_role(talk, token, one.get("id"), user)
                groups += [f"{path}:{role}"] if role else []
        return groups

    def _group_records(self, talk: Conversation, token: str) -> Iterator[dict[str, Any]]:
        """https://docs.gitlab.com/api/groups/#list-groups"""
        base = f"{self._settings.base_url}/api/v4/groups?all_available=false&per_page={_PER_PAGE}"
        pages, number = Pages(self._name, f"{base}&page=1"), 1
        for url in pages:
            items = listed(authorized(talk.get(url, token=token)))
            yield from items
            number += 1
            pages.follow(f"{base}&page={number}" if len(items) == _PER_PAGE else None)

    def _effective_role(self, talk: Conversation, token: str, group: object, user: int) -> str:
        """https://docs.gitlab.com/api/members/, inherited members included"""
        answer = talk.get(f"{self._settings.base_url}/api/v4/groups/{group}/members/all/{user}", token=token)
        if answer.status in (403, 404):
            return ""
        level = authorized(answer).document().get("access_level")
        return _LEVELS.get(level, "") if isinstance(level, int) else ""


def _role(group: str, claims: Mapping[str, Any]) -> str:
    """Return the highest role that userinfo tells for a group: one in a group above counts in those below it."""
    for role in _ROLES:
        paths = group_names(claims.get(f"https://gitlab.org/claims/groups/{role}", [])) or ()
        if any(group == path or group.startswith(f"{path}/") for path in paths):
            return role
    return ""


def _read_trust(section: Section) -> Trust:
    """Dex: rootCAData, which a Dex file has in base64."""
    data = section.text("rootCAData")
    if data is None:
        return Trust()
    if (pem := as_pem(data)) is None:
        section.error("rootCAData", "is not a certificate in PEM", "paste the certificate, or its base64")
        return Trust()
    return Trust((pem,))
