"""GitHub and GitHub Enterprise (Dex: `github`). See docs/connectors/github.md for its settings.

https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sundial.connectors.api_login import Pages, RefreshingApiLogin, authorized, listed, text
from sundial.connectors.base import Attempt
from sundial.connectors.http import Answer, Conversation, Http, unbelievable
from sundial.connectors.mapping import not_in_a_group
from sundial.connectors.oauth2 import OAuth2Client
from sundial.connectors.settings import Registration, as_pem, read_registration
from sundial.connectors.tls import Trust
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section

_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next"?')
_VERSION = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


@dataclass(frozen=True, slots=True)
class Org:
    """An organisation whose members may log in; with `teams`, those of them alone."""

    name: str
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """Dex: `connectors[].config` of a `github`."""

    registration: Registration
    orgs: tuple[Org, ...] = ()
    only_org: str = ""
    """Dex's older `org`: its teams are the groups, and whoever is in none of them logs in all the same."""
    web_url: str = "https://github.com"
    api_url: str = "https://api.github.com"
    is_enterprise: bool = False
    trust: Trust = field(default_factory=Trust)
    team_name_field: str = "name"
    load_all_groups: bool = False
    use_login_as_id: bool = False
    preferred_email_domain: str = ""


class GitHubConnector(RefreshingApiLogin):
    """Logs in with an OAuth app, or with a GitHub App whose tokens expire."""

    groups_are = "teams, as `org:team`; with `loadAllGroups`, organisations too"

    def __init__(self, id: str, name: str, settings: GitHubSettings) -> None:
        client = OAuth2Client(name, settings.registration, in_body=True)
        super().__init__(id, name, client, Http(name, settings.trust), GitHub(name, settings))

    @staticmethod
    def read(section: Section, issuer: str | None) -> GitHubSettings:
        """Return the settings."""
        registration = read_registration(section, issuer)
        org, orgs = section.text("org") or "", tuple(_read_orgs(section))
        if org and orgs:
            section.error("org", "stands beside orgs", "keep orgs")
        elif org:
            section.warn(
                "org", "is Dex's older setting", f"write 'orgs: [{{name: {org}}}]', and only its members log in"
            )
        host = section.text("hostName") or ""
        if "/" in host or ":" in host:
            section.error(
                "hostName", "is more than the name of a host", "write it without 'https://' and without a path"
            )
        hosted = (
            {"web_url": f"https://{host}", "api_url": f"https://{host}/api/v3", "is_enterprise": True} if host else {}
        )
        preferred = section.text("preferredEmailDomain") or ""
        if preferred.endswith("*"):
            section.error("preferredEmailDomain", "ends with '*'", "write a domain, such as '*.example.com'")
        return GitHubSettings(
            registration,
            orgs,
            org,
            **hosted,  # type: ignore[arg-type]
            trust=_read_trust(section, host),
            team_name_field=section.choice("teamNameField", ("name", "slug", "both"), default="name"),
            load_all_groups=section.flag("loadAllGroups"),
            use_login_as_id=section.flag("useLoginAsID"),
            preferred_email_domain=preferred,
        )


class GitHub:
    """The provider's endpoints, and its REST API."""

    def __init__(self, name: str, settings: GitHubSettings) -> None:
        self._name = name
        self._settings = settings
        self.authorization_endpoint = f"{settings.web_url}/login/oauth/authorize"
        self.token_endpoint = f"{settings.web_url}/login/oauth/access_token"

    def scopes(self, asked: frozenset[str]) -> list[str]:
        """https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps"""
        return ["user:email", "read:org"] if self._needs_groups(asked) else ["user:email"]

    def parameters(self, attempt: Attempt) -> dict[str, str]:
        """Return the account that GitHub is to propose."""
        return {"login": attempt.login_hint}

    def user(self, talk: Conversation, access_token: str, scopes: frozenset[str]) -> Claims:
        """Return the user (see Api): GET /user, and what else the settings ask for."""
        answer = self._get(talk, f"{self._settings.api_url}/user", access_token)
        profile = answer.document()
        login, number = text(profile, "login"), profile.get("id")
        if not login or type(number) is not int:
            raise answer.failed("no user in it")
        email = text(profile, "email")
        if not email or self._settings.preferred_email_domain:
            email = self._email(talk, access_token)
        return Claims(
            user_id=login if self._settings.use_login_as_id else str(number),
            username=text(profile, "name") or login,
            preferred_username=login,
            email=email,
            email_verified=True,
            groups=self._groups(talk, access_token, login, scopes) if self._needs_groups(scopes) else (),
        )

    def _needs_groups(self, scopes: frozenset[str]) -> bool:
        return bool(self._settings.orgs or self._settings.only_org or "groups" in scopes)

    def _email(self, talk: Conversation, token: str) -> str:
        """Return the first verified address of the preferred domain, else the primary one if it is verified."""
        primary = ""
        for email in self._all(talk, "/user/emails", token):
            # An Enterprise server verifies no addresses: its accounts are the company's own.
            verified = email.get("verified") is True or self._settings.is_enterprise
            address = text(email, "email")
            if verified and self._is_preferred(address.rpartition("@")[2]):
                return address
            if verified and email.get("primary") is True:
                primary = address
        if not primary:
            raise unbelievable(self._name, "the user has no verified address")
        return primary

    def _is_preferred(self, domain: str) -> bool:
        """Dex: preferredEmailDomain, where `*` stands for one label."""
        wanted = self._settings.preferred_email_domain
        if not wanted:
            return False
        labels, own = wanted.split("."), domain.split(".")
        return len(labels) == len(own) and all(a in ("*", b) for a, b in zip(labels, own, strict=True))

    def _groups(self, talk: Conversation, token: str, login: str, scopes: frozenset[str]) -> tuple[str, ...]:
        if self._settings.orgs:
            return self._groups_of_orgs(talk, token, login)
        if self._settings.only_org:
            return tuple(team for org, team in self._teams(talk, token) if org == self._settings.only_org)
        if "groups" in scopes and self._settings.load_all_groups:
            return self._all_groups(talk, token)
        return ()

    def _groups_of_orgs(self, talk: Conversation, token: str, login: str) -> tuple[str, ...]:
        """Return the teams of the configured organisations; raises where the user is in none of what is asked for."""
        teams = list(self._teams(talk, token))
        groups: list[str] = []
        may_log_in = False
        for org in self._settings.orgs:
            if not self._is_member(talk, token, org.name, login):
                continue
            own = [team for of, team in teams if of == org.name and (not org.teams or team in org.teams)]
            may_log_in = may_log_in or not org.teams or bool(own)
            groups += [f"{org.name}:{team}" for team in own]
        if not may_log_in:
            raise not_in_a_group()
        return tuple(dict.fromkeys(groups))

    def _all_groups(self, talk: Conversation, token: str) -> tuple[str, ...]:
        teams = list(self._teams(talk, token))
        groups: list[str] = []
        for org in self._all(talk, "/user/orgs", token):
            name = text(org, "login")
            groups += [name, *(f"{name}:{team}" for of, team in teams if of == name)]
        return tuple(groups)

    def _teams(self, talk: Conversation, token: str) -> Iterator[tuple[str, str]]:
        """Yield the organisation and the name of each of the user's teams, as `teamNameField` names it."""
        fields = {"name": ("name",), "slug": ("slug",), "both": ("name", "slug")}[self._settings.team_name_field]
        for team in self._all(talk, "/user/teams", token):
            org = team.get("organization")
            for key in fields:
                yield text(org, "login") if isinstance(org, dict) else "", text(team, key)

    def _is_member(self, talk: Conversation, token: str, org: str, login: str) -> bool:
        """https://docs.github.com/en/rest/orgs/members#check-organization-membership-for-a-user"""
        url = f"{self._settings.api_url}/orgs/{quote(org, safe='')}/members/{quote(login, safe='')}"
        answer = talk.get(url, token=token, headers=_VERSION)
        if answer.status in (302, 404):
            return False
        return authorized(answer).status == 204

    def _all(self, talk: Conversation, path: str, token: str) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, over its pages (https://docs.github.com/en/rest/using-the-rest-api)."""
        pages = Pages(self._name, f"{self._settings.api_url}{path}?per_page=100")
        for url in pages:
            answer = self._get(talk, url, token)
            yield from listed(answer)
            following = _NEXT.search(answer.headers.get("link", ""))
            pages.follow(following[1] if following else None)

    def _get(self, talk: Conversation, url: str, token: str) -> Answer:
        return authorized(talk.get(url, token=token, headers=_VERSION))


def _read_orgs(section: Section) -> Iterator[Org]:
    for org in section.sections("orgs"):
        yield Org(org.required("name"), org.texts("teams"))
        org.close()


def _read_trust(section: Section, host: str) -> Trust:
    root = section.text("rootCA")
    if root is None:
        return Trust()
    if not host:
        section.error("rootCA", "stands without hostName", "it is for a server of your own: name that, or remove it")
    if (pem := as_pem(root)) is None:
        section.error("rootCA", "is not a certificate in PEM", "paste the certificate itself, or its base64")
        return Trust()
    return Trust((pem,))
