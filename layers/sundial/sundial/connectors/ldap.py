"""An LDAP directory (Dex: `ldap`; RFC 4511, RFC 4513): find the user, bind as them, collect their groups.

See docs/connectors/ldap.md for its settings.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from itertools import product
from typing import TYPE_CHECKING

from sundial.connectors.http import unbelievable
from sundial.connectors.ldap_settings import GroupSearch, LdapSettings, read_ldap
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section
    from sundial.connectors.ldap_session import Entry, Session

_AT_ONCE = 50
"""Values in one filter: a level of nested groups is one search, or a few."""


class LdapConnector:
    """Checks a password by binding with it. To refresh, it looks for the user again, by `idAttr`."""

    groups_are = "those that `groupSearch` finds, by their `nameAttr`"

    def __init__(
        self, id: str, name: str, settings: LdapSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` counts seconds for the deadline of a conversation."""
        self.id = id
        self.name = name
        self.prompt = settings.prompt
        self._settings = settings
        self._clock = clock

    @staticmethod
    def read(section: Section, _issuer: str | None) -> LdapSettings:
        """Return the settings."""
        return read_ldap(section)

    def log_in(self, username: str, password: str) -> Claims | None:
        """Return the user (see PasswordLogin).

        An unknown user costs a bind too, of a name that nobody has, so that the clock doesn't tell who exists.
        """
        if not username or not password:
            return None  # RFC 4513 §5.1.2: a bind without a password succeeds
        with self._session() as session:
            user = self._user_named(session, username)
            right = session.accepts(user.dn if user else self._nobody(), password)
            if user is None or not right:
                return None
            session.bind_own_account()
            return self._claims(user, self._groups(session, user))

    def look_up(self, claims: Claims, scopes: frozenset[str], _now: int) -> Claims | None:
        """Return the user as they stand now (see Lookup); their groups where these are among the scopes."""
        with self._session() as session:
            user = self._user_of_id(session, claims.user_id)
            if user is None:
                return None
            return self._claims(user, self._groups(session, user) if "groups" in scopes else ())

    # The user

    def _user_named(self, session: Session, username: str) -> Entry | None:
        users = self._settings.users
        return self._the_user(session, users.base_dn, users.scope, _any_of(users.username, (username,)))

    def _user_of_id(self, session: Session, user_id: str) -> Entry | None:
        users = self._settings.users
        if users.id_attr.lower() != "dn":
            return self._the_user(session, users.base_dn, users.scope, _any_of((users.id_attr,), (user_id,)))
        return self._the_user(session, user_id, "base", "(objectClass=*)")

    def _the_user(self, session: Session, base: str, scope: str, filter: str) -> Entry | None:
        """Return the one entry that the filter finds; two would be one too many to know who it is."""
        settings = self._settings
        found = session.search(base, scope, _both(settings.users.filter, filter), settings.user_attributes, at_most=2)
        if found is None and scope != "base":
            raise unbelievable(self.name, "LDAP: userSearch.baseDN isn't there")
        if not found:
            return None
        if len(found) > 1:
            raise unbelievable(self.name, "LDAP: more than one user fits; see docs/connectors/ldap.md")
        return found[0]

    def _nobody(self) -> str:
        return f"cn={secrets.token_hex(8)},{self._settings.users.base_dn}"

    def _claims(self, user: Entry, groups: tuple[str, ...]) -> Claims:
        users = self._settings.users
        user_id = self._required(user, users.id_attr)
        name = self._required(user, users.name_attr) if users.name_attr else ""
        if users.email_suffix:
            email = f"{name or user_id}@{users.email_suffix}"
        else:
            email = self._required(user, users.email_attr)
        preferred = users.preferred_username_attr
        return Claims(
            user_id=user_id,
            username=name,
            preferred_username=self._required(user, preferred) if preferred else "",
            email=email,
            email_verified=True,
            groups=groups,
        )

    def _required(self, entry: Entry, attribute: str) -> str:
        value = entry.value(attribute)
        if not value:
            raise unbelievable(self.name, f"LDAP: an entry without {attribute}; see docs/connectors/ldap.md")
        return value

    # Their groups

    def _groups(self, session: Session, user: Entry) -> tuple[str, ...]:
        """Return the names of the user's groups, and of the groups that these are in where that is asked for."""
        search = self._settings.groups
        if search is None:
            return ()
        names: dict[str, None] = {}
        for matcher in search.matchers:
            found = self._groups_with(session, search, matcher.group_attr, user.values(matcher.user_attr))
            seen: set[str] = set()
            while new := {group.dn: group for group in found if group.dn not in seen}:
                seen |= new.keys()
                names |= dict.fromkeys(self._required(group, search.name_attr) for group in new.values())
                if not matcher.recursion_attr:
                    break
                found = self._groups_with(session, search, matcher.recursion_attr, new)
        return tuple(names)

    def _groups_with(self, session: Session, search: GroupSearch, attribute: str, values: Iterable[str]) -> list[Entry]:
        found: list[Entry] = []
        stated = tuple(values)
        for start in range(0, len(stated), _AT_ONCE):
            filter = _both(search.filter, _any_of((attribute,), stated[start : start + _AT_ONCE]))
            found += session.search(search.base_dn, search.scope, filter, (search.name_attr,)) or ()
        return found

    def _session(self) -> AbstractContextManager[Session]:
        from sundial.connectors.ldap_session import opened  # here, so that only who logs in or refreshes loads ldap3

        return opened(self.name, self._settings.directory, self._clock)


def _any_of(attributes: Iterable[str], values: Iterable[str]) -> str:
    """Return the filter for an entry that has one of `values` in one of `attributes` (RFC 4515)."""
    from sundial.connectors.ldap_session import escaped

    parts = [f"({attribute}={escaped(value)})" for attribute, value in product(attributes, values)]
    return parts[0] if len(parts) == 1 else f"(|{''.join(parts)})"


def _both(first: str, second: str) -> str:
    return f"(&{first}{second})" if first else second
