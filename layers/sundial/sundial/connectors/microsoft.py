"""Microsoft Entra ID and Microsoft accounts (Dex: `microsoft`). See docs/connectors/microsoft.md for its settings.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sundial.connectors.api_login import Pages, RefreshingApiLogin, authorized, text
from sundial.connectors.base import Attempt
from sundial.connectors.http import Conversation, Http
from sundial.connectors.mapping import allowed_groups
from sundial.connectors.oauth2 import OAuth2Client
from sundial.connectors.settings import Registration, read_registration, read_url
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section

_LOGIN, _GRAPH = "https://login.microsoftonline.com", "https://graph.microsoft.com"
_SCOPES = ("user.read",)
_NO_ORGANISATION = frozenset(("common", "consumers", "organizations"))
_MOST_IDS = 1000
"""That getByIds takes at once."""
_FIELDS = ("name", "email", "mailNickname", "onPremisesSamAccountName")


@dataclass(frozen=True, slots=True)
class MicrosoftSettings:
    """Dex: `connectors[].config` of a `microsoft`."""

    registration: Registration
    tenant: str = "common"
    api_url: str = _LOGIN
    graph_url: str = _GRAPH
    scopes: tuple[str, ...] = _SCOPES
    groups: tuple[str, ...] = ()
    only_security_groups: bool = False
    group_names: bool = True
    """Whether a group is called by its name, or by its id."""
    only_allowed_groups: bool = False
    email_to_lowercase: bool = False
    prompt: str = ""
    domain_hint: str = ""
    preferred_username_field: str = ""


class MicrosoftConnector(RefreshingApiLogin):
    """Logs in at the v2.0 endpoint, and asks Microsoft Graph."""

    groups_are = "groups of the tenant, by name or by id"

    def __init__(self, id: str, name: str, settings: MicrosoftSettings) -> None:
        client = OAuth2Client(name, settings.registration, in_body=True)
        super().__init__(id, name, client, Http(name), Microsoft(name, settings))

    @staticmethod
    def read(section: Section, issuer: str | None) -> MicrosoftSettings:
        """Return the settings."""
        if section.states("clientAssertion"):
            section.error("clientAssertion", "is the path of a file, and functions have none", "use clientSecret")
        section.flag("batchGroupLookups")  # they always are
        tenant, groups = section.text("tenant") or "common", section.texts("groups")
        if groups and tenant in _NO_ORGANISATION:
            message = f"stands with the tenant '{tenant}', which has no groups: any account would be let in"
            section.error("groups", message, "write 'tenant: …', the id of your own")
        return MicrosoftSettings(
            registration=read_registration(section, issuer),
            tenant=tenant,
            api_url=read_url(section, "apiURL", default=_LOGIN).rstrip("/"),
            graph_url=read_url(section, "graphURL", default=_GRAPH).rstrip("/"),
            scopes=section.texts("scopes") or _SCOPES,
            groups=groups,
            only_security_groups=section.flag("onlySecurityGroups"),
            group_names=section.choice("groupNameFormat", ("name", "id"), default="name") == "name",
            only_allowed_groups=section.flag("useGroupsAsWhitelist"),
            email_to_lowercase=section.flag("emailToLowercase"),
            prompt=section.text("promptType") or "",
            domain_hint=section.text("domainHint") or "",
            preferred_username_field=section.choice("preferredUsernameField", _FIELDS, default=""),
        )


class Microsoft:
    """The provider's endpoints, and Microsoft Graph."""

    def __init__(self, name: str, settings: MicrosoftSettings) -> None:
        self._name = name
        self._settings = settings
        base = f"{settings.api_url}/{settings.tenant}/oauth2/v2.0"
        self.authorization_endpoint = f"{base}/authorize"
        self.token_endpoint = f"{base}/token"

    def scopes(self, asked: frozenset[str]) -> list[str]:
        """https://learn.microsoft.com/en-us/graph/permissions-reference"""
        scopes = list(self._settings.scopes)
        if self._needs_groups(asked):
            scopes.append("directory.read.all")
        if "offline_access" in asked:
            scopes.append("offline_access")
        return list(dict.fromkeys(scopes))

    def parameters(self, attempt: Attempt) -> dict[str, str]:
        """Return which account is to be proposed, and how the user is asked."""
        settings = self._settings
        prompt = "login" if attempt.max_age == 0 else settings.prompt
        return {"prompt": prompt, "domain_hint": settings.domain_hint, "login_hint": attempt.login_hint}

    def user(self, talk: Conversation, access_token: str, scopes: frozenset[str]) -> Claims:
        """Return the user (see Api): GET /me (https://learn.microsoft.com/en-us/graph/api/user-get)."""
        fields = "id,displayName,userPrincipalName,mailNickname,onPremisesSamAccountName"
        answer = authorized(talk.get(f"{self._settings.graph_url}/v1.0/me?$select={fields}", token=access_token))
        profile = answer.document()
        if not text(profile, "id"):
            raise answer.failed("no user in it")
        email = text(profile, "userPrincipalName")
        if self._settings.email_to_lowercase:
            email = email.lower()
        names = {"name": text(profile, "displayName"), "email": email}
        field = self._settings.preferred_username_field
        return Claims(
            user_id=text(profile, "id"),
            username=text(profile, "displayName"),
            preferred_username=names.get(field) or (text(profile, field) if field else ""),
            email=email,
            email_verified=True,
            groups=self._groups(talk, access_token) if self._needs_groups(scopes) else (),
        )

    def _needs_groups(self, scopes: frozenset[str]) -> bool:
        wanted = self._settings.groups or "groups" in scopes
        return bool(wanted) and self._settings.tenant not in _NO_ORGANISATION

    def _groups(self, talk: Conversation, token: str) -> tuple[str, ...]:
        groups = self._group_ids(talk, token)
        if self._settings.group_names:
            batches = (groups[start : start + _MOST_IDS] for start in range(0, len(groups), _MOST_IDS))
            groups = [name for ids in batches for name in self._names_of(talk, token, ids)]
        allowed = allowed_groups(groups, self._settings.groups)
        return allowed if self._settings.only_allowed_groups else tuple(groups)

    def _group_ids(self, talk: Conversation, token: str) -> list[str]:
        """https://learn.microsoft.com/en-us/graph/api/directoryobject-getmembergroups, nested groups included"""
        asked = {"securityEnabledOnly": self._settings.only_security_groups}
        return [one for one in self._post(talk, token, "/v1.0/me/getMemberGroups", asked) if isinstance(one, str)]

    def _names_of(self, talk: Conversation, token: str, ids: list[str]) -> Iterator[str]:
        """https://learn.microsoft.com/en-us/graph/api/directoryobject-getbyids"""
        asked = {"ids": ids, "types": ["group"]}
        for group in self._post(talk, token, "/v1.0/directoryObjects/getByIds", asked):
            if isinstance(group, dict) and text(group, "displayName"):
                yield text(group, "displayName")

    def _post(self, talk: Conversation, token: str, path: str, asked: dict[str, Any]) -> Iterator[Any]:
        """Yield the values of an answer, over its pages (https://learn.microsoft.com/en-us/graph/paging)."""
        pages = Pages(self._name, f"{self._settings.graph_url}{path}")
        for url in pages:
            answer = authorized(talk.post_json(url, asked, token=token))
            document = answer.document()
            values = document.get("value")
            if not isinstance(values, list):
                raise answer.failed("no values in it")
            yield from values
            pages.follow(text(document, "@odata.nextLink"))
