"""The settings of an `ldap` connector: Dex's, read and checked."""

from __future__ import annotations

import base64
import subprocess
import sys
from textwrap import indent

import pytest

from sundial.config.problems import Severity
from sundial.connectors.ldap_settings import (
    Directory,
    GroupSearch,
    LdapSettings,
    Security,
    UserMatcher,
    UserSearch,
    read_ldap,
)
from sundial.connectors.tls import Trust
from tests.support.certificates import authority
from tests.support.config import make_config, problems_of

CA = authority()
USERS = "userSearch: {baseDN: 'ou=people,dc=example', username: uid}"


def connectors(*settings: str) -> str:
    text = "\n".join(settings)
    return f"connectors:\n  - type: ldap\n    id: ldap\n    name: LDAP\n    config:\n{indent(text, ' ' * 6)}\n"


def read(*settings: str, **environment: str) -> LdapSettings:
    config = make_config(f"issuer: https://id.example.com\n{connectors(*settings)}", environment)
    settings_read = config.connectors[0].config
    assert isinstance(settings_read, LdapSettings)
    return settings_read


def problems(*settings: str) -> list[tuple[Severity, str, str]]:
    return [
        (problem.severity, problem.key.removeprefix("connectors[0].config."), problem.message)
        for problem in problems_of(connectors(*settings))
    ]


def test_every_key_that_dex_has() -> None:
    settings = read(
        "host: ldap.example.com:1636",
        "startTLS: false",
        f"rootCAData: {base64.b64encode(CA.pem.encode()).decode()}",
        "bindDN: cn=dex,dc=example",
        "bindPW: $LDAP_PASSWORD",
        "usernamePrompt: Staff number",
        "userSearch:",
        "  baseDN: ou=people,dc=example",
        "  filter: (objectClass=person)",
        "  username: [uid, mail]",
        "  scope: one",
        "  idAttr: entryUUID",
        "  emailAttr: email",
        "  emailSuffix: example.com",
        "  nameAttr: cn",
        "  preferredUsernameAttr: uid",
        "groupSearch:",
        "  baseDN: ou=groups,dc=example",
        "  filter: (objectClass=groupOfNames)",
        "  scope: one",
        "  userMatchers:",
        "    - {userAttr: DN, groupAttr: member, recursionGroupAttr: member}",
        "    - {userAttr: uid, groupAttr: memberUid}",
        "  nameAttr: cn",
        LDAP_PASSWORD="hunter2",
    )
    assert settings == LdapSettings(
        Directory("ldap.example.com", 1636, Security.LDAPS, Trust((CA.pem,)), "cn=dex,dc=example", "hunter2"),
        UserSearch(
            "ou=people,dc=example",
            ("uid", "mail"),
            "(objectClass=person)",
            "one",
            "entryUUID",
            "email",
            "example.com",
            "cn",
            "uid",
        ),
        GroupSearch(
            "ou=groups,dc=example",
            "cn",
            (UserMatcher("DN", "member", "member"), UserMatcher("uid", "memberUid")),
            "(objectClass=groupOfNames)",
            "one",
        ),
        "Staff number",
    )
    assert set(settings.user_attributes) == {"entryUUID", "email", "cn", "uid", "DN"}


def test_what_is_left_out_is_as_dex_documents_it() -> None:
    assert read("host: ldap.example.com", USERS) == LdapSettings(
        Directory("ldap.example.com", 636), UserSearch("ou=people,dc=example", ("uid",))
    )


@pytest.mark.parametrize(
    ("settings", "port"),
    [("", 636), ("startTLS: true", 389), ("insecureNoSSL: true", 389)],
)
def test_the_usual_port_is_that_of_the_protection(settings: str, port: int) -> None:
    assert read("host: localhost", USERS, settings).directory.port == port
    assert read("host: 'localhost:1389'", USERS, settings).directory.port == 1389
    assert read("host: '[::1]'", USERS, settings).directory.host == "::1"


def test_the_keys_of_older_files_for_groups() -> None:
    matcher = "userAttr: uid, groupAttr: memberUid, recursionGroupAttr: member"
    groups = f"groupSearch: {{baseDN: ou=groups, nameAttr: cn, {matcher}}}"
    assert read("host: h", USERS, groups).groups == GroupSearch(
        "ou=groups", "cn", (UserMatcher("uid", "memberUid", "member"),)
    )


def test_groups_without_a_base_are_none_as_in_dex() -> None:
    assert read("host: h", USERS, "groupSearch: {nameAttr: cn}").groups is None


def test_a_certificate_of_ones_own_is_read_with_its_key() -> None:
    own = CA.issue("sundial")
    text = "clientCert: |\n" + indent(own.pem, "  ")
    settings = read("host: h", USERS, text, "clientKey: $KEY", KEY=own.key_pem)
    assert own.pem in settings.directory.client_certificate
    assert own.key_pem in settings.directory.client_certificate


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["host: h"], [("userSearch.username", "is missing"), ("userSearch.baseDN", "is missing")]),
        ([USERS], [("host", "is missing")]),
        (["host: ldap://h", USERS], [("host", "is not a host, with a port or without")]),
        (["host: 'h:port'", USERS], [("host", "is not a host, with a port or without")]),
        (
            ["host: h", USERS, "startTLS: true", "insecureNoSSL: true"],
            [("insecureNoSSL", "contradicts 'startTLS: true'")],
        ),
        (
            ["host: h", USERS, "rootCA: /etc/dex/ldap.ca"],
            [("rootCA", "is not a certificate in PEM; no file is read here")],
        ),
        (["host: h", USERS, "bindDN: cn=x"], [("bindDN", "stands without bindPW")]),
        (
            ["host: h", USERS, "bindPW: $PW"],
            [("bindPW", "the environment variable PW is not set"), ("bindPW", "stands without bindDN")],
        ),
        (
            ["host: h", USERS, "clientKey: $KEY"],
            [("clientKey", "the environment variable KEY is not set"), ("clientCert", "and clientKey go together")],
        ),
        (["host: h", USERS, "kerberos: {enabled: true}"], [("kerberos", "is not supported: a function has no keytab")]),
        (
            ["host: h", "userSearch: {baseDN: b, username: 'uid=*)(x'}"],
            [("userSearch.username", "is not the name of an attribute")],
        ),
        (
            ["host: h", "userSearch: {baseDN: b, username: uid, filter: objectClass=person}"],
            [("userSearch.filter", "is not a filter")],
        ),
        (["host: h", "userSearch: {baseDN: b, username: uid, scope: base}"], [("userSearch.scope", "is unknown")]),
        (
            ["host: h", USERS, "groupSearch: {baseDN: b}"],
            [("groupSearch.nameAttr", "is missing"), ("groupSearch.userMatchers", "is missing")],
        ),
        (
            ["host: h", USERS, "groupSearch: {baseDN: b, nameAttr: cn, userMatchers: [{userAttr: DN}]}"],
            [("groupSearch.userMatchers[0].groupAttr", "is missing")],
        ),
        (
            ["host: h", USERS, "groupSearch: {baseDN: b, nameAtr: cn, nameAttr: cn, userAttr: DN, groupAttr: x}"],
            [("groupSearch.nameAtr", "is an unknown key")],
        ),
    ],
)
def test_what_cannot_work_is_refused(settings: list[str], expected: list[tuple[str, str]]) -> None:
    assert sorted(problems(*settings)) == sorted((Severity.ERROR, key, message) for key, message in expected)


def test_what_is_dangerous_comes_with_a_warning() -> None:
    found = problems("host: h", USERS, "insecureNoSSL: true", "bindDN: cn=x", "bindPW: hunter2")
    assert found == [
        (Severity.WARNING, "insecureNoSSL", "sends every password across the network in clear"),
        (Severity.WARNING, "bindPW", "is a secret in clear"),
    ]
    (unverified,) = problems("host: h", USERS, "insecureSkipVerify: true")
    assert unverified[:2] == (Severity.WARNING, "insecureSkipVerify")


def test_no_secret_shows_in_a_problem() -> None:
    own = CA.issue("sundial")
    text = "clientCert: |\n" + indent(own.key_pem, "  ")
    found = problems_of(connectors("host: h", USERS, "bindPW: hunter2", text))
    assert len(found) == 4
    assert not [problem for problem in found if "hunter2" in str(problem) or "PRIVATE" in str(problem)]


def test_a_file_is_checked_without_loading_ldap3() -> None:
    check = f"import sys; import {read_ldap.__module__}, sundial.connectors.ldap; sys.exit('ldap3' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], env={"PYTHONPATH": ":".join(sys.path)}, check=True)
