"""The `ldap` connector before OpenLDAP's slapd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sundial.connectors.ldap import LdapConnector
from sundial.connectors.ldap_settings import Directory, GroupSearch, LdapSettings, Security, UserMatcher, UserSearch
from sundial.errors import OAuthError
from sundial.expiry.family import Claims
from tests.support.slapd import GROUPS, PEOPLE, SEARCHER, SEARCHER_PASSWORD, Slapd

NOW = 1_800_000_000
NO_SCOPES: frozenset[str] = frozenset()
GROUPS_SCOPE = frozenset(("openid", "groups"))
USERS = UserSearch(PEOPLE, ("uid", "mail"), "(objectClass=inetOrgPerson)", name_attr="cn")
MEMBERS = GroupSearch(GROUPS, "cn", (UserMatcher("DN", "member"),), "(objectClass=groupOfNames)")
NESTED = replace(MEMBERS, matchers=(UserMatcher("DN", "member", "member"),))
USER = Claims("jane", "Jane Doe", email="jane@example.com", email_verified=True)


def in_clear(port: int, **changes: Any) -> Directory:
    whole = Directory("127.0.0.1", port, Security.NONE, bind_dn=SEARCHER, bind_password=SEARCHER_PASSWORD)
    return replace(whole, **changes)


def connector(slapd: Slapd, **changes: Any) -> LdapConnector:
    settings = LdapSettings(in_clear(slapd.port), USERS)
    return LdapConnector("ldap", "The Directory", replace(settings, **changes))


def refusal(act: Callable[[], object]) -> OAuthError:
    with pytest.raises(OAuthError) as refused:
        act()
    return refused.value
