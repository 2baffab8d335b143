"""The settings of an `ldap` connector (Dex: `connectors[].config`), read and checked without loading ldap3."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sundial.config.general import is_loopback
from sundial.config.problems import HIDDEN
from sundial.connectors.settings import as_pem, read_secret
from sundial.connectors.tls import Trust

if TYPE_CHECKING:
    from sundial.config.section import Section

_ATTRIBUTE = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)(?:;[A-Za-z0-9-]+)*")  # RFC 4512 §2.5
_SCOPES = ("sub", "one")


class Security(StrEnum):
    """How the connection is protected."""

    LDAPS = "TLS from the first byte"
    START_TLS = "TLS after StartTLS (RFC 4511 §4.14)"
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the directory is, and as whom it is searched: as nobody where `bind_dn` is empty."""

    host: str
    port: int
    security: Security = Security.LDAPS
    trust: Trust = field(default_factory=Trust)
    """Where it names authorities, these alone are trusted, as in Dex."""
    bind_dn: str = ""
    bind_password: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    """PEM, with its key; empty where TLS is to know nobody."""


@dataclass(frozen=True, slots=True)
class UserSearch:
    """How a user is found, and which attributes become claims."""

    base_dn: str
    username: tuple[str, ...]
    """The attributes that may hold what the user types."""
    filter: str = ""
    scope: str = "sub"
    id_attr: str = "uid"
    email_attr: str = "mail"
    email_suffix: str = ""
    name_attr: str = ""
    preferred_username_attr: str = ""


@dataclass(frozen=True, slots=True)
class UserMatcher:
    """A user is in a group whose `group_attr` holds a value of the user's `user_attr`."""

    user_attr: str
    group_attr: str
    recursion_attr: str = ""
    """The attribute that holds the DNs of the groups that are in a group; empty where these don't count."""


@dataclass(frozen=True, slots=True)
class GroupSearch:
    """How the groups of a user are found."""

    base_dn: str
    name_attr: str
    matchers: tuple[UserMatcher, ...]
    filter: str = ""
    scope: str = "sub"


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """Dex: `connectors[].config` of an `ldap`."""

    directory: Directory
    users: UserSearch
    groups: GroupSearch | None = None
    prompt: str = "Username"

    @property
    def user_attributes(self) -> tuple[str, ...]:
        """What is asked for of a user's entry."""
        users, matchers = self.users, self.groups.matchers if self.groups else ()
        named = (users.id_attr, users.email_attr, users.name_attr, users.preferred_username_attr)
        return tuple(filter(None, (*named, *(matcher.user_attr for matcher in matchers))))


def read_ldap(section: Section) -> LdapSettings:
    """Return the settings."""
    if section.section("kerberos").flag("enabled"):
        section.error("kerberos", "is not supported: a function has no keytab", "remove it")
    return LdapSettings(
        directory=_read_directory(section),
        users=_read_users(section.section("userSearch")),
        groups=_read_groups(section.section("groupSearch")),
        prompt=section.text("usernamePrompt") or "Username",
    )


def _read_directory(section: Section) -> Directory:
    security = _read_security(section)
    host, port = _read_host(section, security)
    if security is Security.NONE and host and not is_loopback(host):
        message = "sends every password across the network in clear"
        section.warn("insecureNoSSL", message, "use LDAPS, or 'startTLS: true'")
    bind_dn, bind_password = section.text("bindDN") or "", read_secret(section, "bindPW", required=False)
    for key, other in (("bindDN", "bindPW"), ("bindPW", "bindDN")):
        if section.states(key) and not section.states(other):
            remedy = f"write '{other}: …', or remove both to search as nobody"
            section.error(key, f"stands without {other}", remedy, shown=HIDDEN)
    return Directory(
        host, port, security, _read_trust(section), bind_dn, bind_password, _read_client_certificate(section)
    )


def _read_security(section: Section) -> Security:
    clear, start_tls = section.flag("insecureNoSSL"), section.flag("startTLS")
    if clear and start_tls:
        section.error("insecureNoSSL", "contradicts 'startTLS: true'", "remove one of the two")
    if start_tls:
        return Security.START_TLS
    return Security.NONE if clear else Security.LDAPS


def _read_host(section: Section, security: Security) -> tuple[str, int]:
    """Return `host`, and the port that it names, or the usual one."""
    usual = 636 if security is Security.LDAPS else 389
    text = section.required("host")
    try:
        url = urlsplit(f"//{text}")
        host, port = url.hostname or "", url.port or usual
    except ValueError:
        host, port = "", usual
    if text and (not host or "/" in text or "@" in text):
        section.error("host", "is not a host, with a port or without", "write 'ldap.example.com' or a host and ':636'")
    return host, port


def _read_trust(section: Section) -> Trust:
    """Return `rootCA` or `rootCAData`, and `insecureSkipVerify`."""
    verify = not section.flag("insecureSkipVerify")
    if not verify:
        message = "lets anybody on the way be the directory, and read every password"
        section.warn("insecureSkipVerify", message, "put the directory's authority in rootCA instead")
    return Trust(tuple(_pems(section, "rootCA", "rootCAData")), verify)


def _pems(section: Section, *keys: str, shown: str | None = None) -> Iterator[str]:
    for key in keys:
        if (text := section.text(key)) is None:
            continue
        if (pem := as_pem(text)) is not None:
            yield pem
        else:
            remedy = "paste the certificate, from '-----BEGIN CERTIFICATE-----' on, or its base64"
            section.error(key, "is not a certificate in PEM; no file is read here", remedy, shown=shown)


def _read_client_certificate(section: Section) -> str:
    """Return `clientCert` and `clientKey`, in PEM: in Dex, these are files."""
    certificate = "".join(_pems(section, "clientCert", shown=HIDDEN))
    key = read_secret(section, "clientKey", required=False)
    if section.states("clientCert") != section.states("clientKey"):
        section.error("clientCert", "and clientKey go together", "write both, or neither", shown=HIDDEN)
    return f"{key.strip()}\n{certificate}" if certificate and key else ""


def _read_users(section: Section) -> UserSearch:
    if not section.states("username"):
        section.error("username", "is missing", "write 'username: uid', the attribute that holds what people type")
    search = UserSearch(
        base_dn=section.required("baseDN"),
        username=tuple(_attributes(section, "username")),
        filter=_read_filter(section),
        scope=section.choice("scope", _SCOPES, default="sub"),
        id_attr=_attribute(section, "idAttr") or "uid",
        email_attr=_attribute(section, "emailAttr") or "mail",
        email_suffix=section.text("emailSuffix") or "",
        name_attr=_attribute(section, "nameAttr"),
        preferred_username_attr=_attribute(section, "preferredUsernameAttr"),
    )
    section.close()
    return search


def _read_groups(section: Section) -> GroupSearch | None:
    """Return `groupSearch`, None where it names no `baseDN`: then nobody has groups (Dex)."""
    base_dn = section.text("baseDN")
    search = GroupSearch(
        base_dn=base_dn or "",
        name_attr=_attribute(section, "nameAttr"),
        matchers=tuple(_read_matchers(section)),
        filter=_read_filter(section),
        scope=section.choice("scope", _SCOPES, default="sub"),
    )
    if base_dn and not search.name_attr:
        section.error("nameAttr", "is missing", "write 'nameAttr: cn', the attribute that holds a group's name")
    if base_dn and not search.matchers:
        section.error("userMatchers", "is missing", "write '- {userAttr: DN, groupAttr: member}' under it")
    section.close()
    return search if base_dn else None


def _read_matchers(section: Section) -> Iterator[UserMatcher]:
    """Yield `userMatchers`; older files have one, its keys beside the others of `groupSearch`."""
    listed = [_matcher(one, required=True) for one in section.sections("userMatchers")]
    alone = _matcher(section, required=False)
    yield from listed or ([alone] if alone.user_attr and alone.group_attr else ())


def _matcher(section: Section, *, required: bool) -> UserMatcher:
    for key in ("userAttr", "groupAttr"):
        if required and not section.states(key):
            section.error(key, "is missing", f"write '{key}: …'")
    matcher = UserMatcher(*(_attribute(section, key) for key in ("userAttr", "groupAttr", "recursionGroupAttr")))
    if required:
        section.close()
    return matcher


def _attribute(section: Section, key: str) -> str:
    """Return the name of an attribute, empty where there is none."""
    return next(_attributes(section, key), "")


def _attributes(section: Section, key: str) -> Iterator[str]:
    for name in section.text_or_texts(key):
        if _ATTRIBUTE.fullmatch(name):
            yield name
        else:
            section.error(key, "is not the name of an attribute", "write a name, such as 'uid'")


def _read_filter(section: Section) -> str:
    text = (section.text("filter") or "").strip()
    if text and not (text.startswith("(") and text.endswith(")") and text.count("(") == text.count(")")):
        section.error(
            "filter", "is not a filter", "write one in parentheses, such as '(objectClass=person)' (RFC 4515)"
        )
    return text
