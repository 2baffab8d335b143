"""Google accounts and Google Workspace (Dex: `google`). See docs/connectors/google.md for its settings.

https://developers.google.com/identity/openid-connect/openid-connect
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sundial.connectors.api_login import MOST_PAGES, text
from sundial.connectors.base import Arrival, Attempt, Departure, Identity, InterruptedRefreshError
from sundial.connectors.http import Conversation, Http, unbelievable
from sundial.connectors.mapping import allowed_groups
from sundial.connectors.oidc import OidcConnector, OidcSettings, read_prompt
from sundial.connectors.settings import Registration, read_registration, read_secret
from sundial.errors import OAuthError, server_error
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section

_ANY_DOMAIN = "*"
_READ_GROUPS = "https://www.googleapis.com/auth/admin.directory.group.readonly"
_MOST_GROUPS = 1000
_TOKEN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Directory:
    """Google Workspace's directory, which a service account reads in an administrator's name."""

    admins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The administrator by domain; `*` is for every other one."""
    service_account: str = field(default="", repr=False)
    """The service account's key, which is JSON; or else it is in the file of `service_account_file`."""
    service_account_file: str = ""
    transitive: bool = False
    url: str = "https://admin.googleapis.com"


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """Dex: `connectors[].config` of a `google`."""

    registration: Registration
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    hosted_domains: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    directory: Directory = field(default_factory=Directory)
    prompt: str = "consent"
    issuer: str = "https://accounts.google.com"


class GoogleConnector:
    """OpenID Connect with Google's ways: `hd`, `access_type`, and groups that come from the directory."""

    groups_are = "groups of Google Workspace, by their addresses, through a service account"

    def __init__(self, id: str, name: str, settings: GoogleSettings) -> None:
        self.id = id
        self.name = name
        self._settings = settings
        self._http = Http(name)
        self._oidc = OidcConnector(
            id,
            name,
            OidcSettings(
                settings.issuer,
                settings.registration,
                scopes=settings.scopes,
                challenge="S256",
                hosted_domains=settings.hosted_domains,
                prompt=settings.prompt,
            ),
        )

    @staticmethod
    def read(section: Section, issuer: str | None) -> GoogleSettings:
        """Return the settings."""
        return GoogleSettings(
            read_registration(section, issuer),
            ("openid", *dict.fromkeys(section.texts("scopes") or ("profile", "email"))),
            section.texts("hostedDomains"),
            section.texts("groups"),
            _read_directory(section),
            read_prompt(section),
        )

    def begin(self, attempt: Attempt, state: str, now: int) -> Departure:
        """Return Google's authorization endpoint (see RedirectLogin)."""
        return self._oidc.begin(replace(attempt, max_age=None), state, now)  # it has no way to ask for a new login

    def finish(self, attempt: Attempt, arrival: Arrival) -> Identity:
        """Return who logged in (see RedirectLogin)."""
        talk = self._http.conversation()
        identity = self._oidc.finish(attempt, arrival, talk=talk)
        return replace(identity, claims=self._with_groups(talk, identity.claims, attempt.scopes, arrival.now))

    def refresh_upstream(self, identity: Identity, scopes: frozenset[str], now: int) -> Identity | None:
        """Return the user as they stand now (see UpstreamRefresh)."""
        talk = self._http.conversation()
        present = self._oidc.refresh_upstream(identity, scopes, now, talk=talk)
        if present is None:
            return None
        try:
            return replace(present, claims=self._with_groups(talk, present.claims, scopes, now))
        except OAuthError as error:
            if error.code == "access_denied":
                return None
            raise InterruptedRefreshError(present.upstream, error) from None

    def _with_groups(self, talk: Conversation, claims: Claims, scopes: frozenset[str], now: int) -> Claims:
        """Return the user with their groups; those who must be in one are looked up whatever the client asks for.

        The directory knows people by their address alone: of one that isn't verified it tells nothing of this user.
        """
        settings = self._settings
        if not settings.directory.admins or not (settings.groups or "groups" in scopes):
            return claims
        reader = _Reader(self.name, settings.directory, talk, now)
        groups = reader.groups_of(claims.email) if claims.email_verified else []
        return replace(claims, groups=allowed_groups(groups, settings.groups))


class _Reader:
    """Reads the groups of one user (https://developers.google.com/workspace/admin/directory/reference/rest/v1/groups)."""

    def __init__(self, name: str, directory: Directory, talk: Conversation, now: int) -> None:
        self._name = name
        self._directory = directory
        self._talk = talk
        self._now = now
        self._tokens: dict[str, str] = {}

    def groups_of(self, email: str) -> list[str]:
        """Return the groups of a user, and with `transitive` those that these are in: each once, circles or not."""
        found: dict[str, None] = {}
        to_ask = [email]
        while to_ask:
            for group in self._listed(to_ask.pop(0)):
                if group not in found:
                    found[group] = None
                    if self._directory.transitive:
                        to_ask.append(group)
                if len(found) > _MOST_GROUPS:
                    raise unbelievable(self._name, f"more than {_MOST_GROUPS} groups")
        return list(found)

    def _listed(self, member: str) -> Iterator[str]:
        """Yield the groups that a user or a group is a direct member of, over the pages of the list."""
        query = {"userKey": member, "maxResults": "200"}
        for _ in range(MOST_PAGES):
            url = f"{self._directory.url}/admin/directory/v1/groups?{urlencode(query)}"
            document = self._talk.get(url, token=self._token(member)).ok().document()
            groups = document.get("groups")
            for group in groups if isinstance(groups, list) else ():
                if isinstance(group, dict) and text(group, "email"):
                    yield text(group, "email")
            if not text(document, "nextPageToken"):
                return
            query["pageToken"] = text(document, "nextPageToken")
        raise unbelievable(self._name, "pages of groups without an end")

    def _token(self, member: str) -> str:
        """Return an access token in the name of the administrator of a member's domain (RFC 7523 §2.1)."""
        admins = self._directory.admins
        admin = admins.get(member.rpartition("@")[2]) or admins.get(_ANY_DOMAIN)
        if admin is None:
            raise server_error("this login can't be checked", detail="domainToAdminEmail names nobody for this domain")
        if admin not in self._tokens:
            self._tokens[admin] = self._ask_for_token(admin)
        return self._tokens[admin]

    def _ask_for_token(self, admin: str) -> str:
        """https://developers.google.com/identity/protocols/oauth2/service-account"""
        import jwt

        key = self._key()
        claims = {
            "iss": key["client_email"],
            "sub": admin,
            "scope": _READ_GROUPS,
            "aud": key["token_uri"],
            "iat": self._now,
            "exp": self._now + _TOKEN_SECONDS,
        }
        assertion = jwt.encode(claims, key["private_key"], "RS256", {"kid": key.get("private_key_id")})
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        answer = self._talk.post_form(key["token_uri"], form).ok()
        token = text(answer.document(), "access_token")
        if not token:
            raise answer.failed("no access token in it")
        return token

    def _key(self) -> dict[str, Any]:
        directory = self._directory
        try:
            key = json.loads(directory.service_account or Path(directory.service_account_file).read_text("utf-8"))
            if all(isinstance(key[name], str) for name in ("client_email", "private_key", "token_uri")):
                return dict(key)
        except (OSError, ValueError, TypeError, KeyError):
            pass
        raise server_error("this login can't be checked", detail="the service account's key can't be read")


def _read_directory(section: Section) -> Directory:
    admins = section.section("domainToAdminEmail")
    by_domain = {domain: email for domain in admins if (email := admins.text(domain))}
    if section.states("adminEmail"):
        section.warn("adminEmail", "is Dex's older setting", "write 'domainToAdminEmail: {\"*\": …}'")
        by_domain[_ANY_DOMAIN] = section.text("adminEmail") or ""
    account, file = read_secret(section, "serviceAccount", required=False), section.text("serviceAccountFilePath") or ""
    if (account or file) and not by_domain:
        key = "serviceAccount" if account else "serviceAccountFilePath"
        section.error(key, "stands without domainToAdminEmail", "name the administrator to act for")
    if by_domain and not (account or file or section.states("serviceAccount")):
        section.error("domainToAdminEmail", "stands without a service account", "write 'serviceAccount: $NAME'")
    transitive = section.flag("fetchTransitiveGroupMembership")
    if section.states("groups") and not by_domain:
        section.error("groups", "stands without domainToAdminEmail", "without the directory nobody's groups are known")
    return Directory(MappingProxyType(by_domain), account, file, transitive)
