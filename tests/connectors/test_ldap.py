"""The `ldap` connector at OpenLDAP's slapd: who logs in, in which groups, and who is still there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sundial.connectors.base import Groups, Lookup, PasswordLogin, RedirectLogin, may_refresh
from sundial.connectors.ldap import LdapConnector
from sundial.connectors.ldap_settings import LdapSettings, UserMatcher
from sundial.expiry.family import Claims
from tests.support.browser import Browser, BrowserWorld
from tests.support.ldap_login import (
    GROUPS_SCOPE,
    MEMBERS,
    NESTED,
    NO_SCOPES,
    NOW,
    USER,
    USERS,
    connector,
    in_clear,
    refusal,
)
from tests.support.slapd import GROUPS, JANE, JANE_PASSWORD, PEOPLE, SEARCHER, SEARCHER_PASSWORD, SUFFIX, Slapd


def test_it_can_do_what_its_type_says(slapd: Slapd) -> None:
    made = connector(slapd)
    for ability in (PasswordLogin, Lookup, Groups):
        assert isinstance(made, ability)
    assert not isinstance(made, RedirectLogin)
    assert may_refresh(made, "")


@pytest.mark.parametrize("typed", ["jane", "jane@example.com", "JANE"])
def test_a_user_logs_in_by_any_of_the_attributes(slapd: Slapd, typed: str) -> None:
    assert connector(slapd).log_in(typed, JANE_PASSWORD) == USER


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("jane", "wrong"),
        ("jane", "john"),
        ("john", JANE_PASSWORD),
        ("nobody", JANE_PASSWORD),
        ("nopassword", "any"),
        ("searcher", SEARCHER_PASSWORD),  # is no inetOrgPerson, and stands elsewhere
        ("jane", "wrong\0"),
        ("jane\0", JANE_PASSWORD),
    ],
)
def test_a_wrong_password_and_an_unknown_user_are_the_same(slapd: Slapd, username: str, password: str) -> None:
    assert connector(slapd).log_in(username, password) is None


@pytest.mark.parametrize("username", ["jane", "nobody", ""])
def test_an_empty_password_is_refused_before_anybody_is_asked(slapd: Slapd, username: str) -> None:
    nowhere = LdapSettings(in_clear(1), USERS)
    assert LdapConnector("ldap", "The Directory", nowhere).log_in(username, "") is None
    assert connector(slapd).log_in("", JANE_PASSWORD) is None


@pytest.mark.parametrize(
    "username",
    [
        "*",
        "jan*",
        "jane)(uid=*",
        "*)(|(uid=*",
        "x)(|(objectClass=*)",
        "jane)(&(objectClass=*)",
        r"\2a",
        "jane\\",
        "~jane",
        "=jane",
        ":dn:=jane",
        "jane\0*",
        "(",
        ")",
    ],
)
def test_a_user_name_is_never_a_part_of_the_filter(slapd: Slapd, username: str) -> None:
    assert connector(slapd).log_in(username, JANE_PASSWORD) is None


@pytest.mark.parametrize("typed", ["John (the *second*)", "Jané"])
def test_a_name_with_characters_of_a_filter_or_without_ascii_finds_its_user(slapd: Slapd, typed: str) -> None:
    made = connector(slapd, users=replace(USERS, username=("cn", "displayName")))
    password = JANE_PASSWORD if typed == "Jané" else "john"
    assert made.log_in(typed, password) is not None


def test_a_name_that_several_users_have_is_nobodys(slapd: Slapd) -> None:
    error = refusal(lambda: connector(slapd).log_in("twin@example.com", "twin"))
    assert (error.status, "more than one user" in error.detail) == (502, True)
    assert connector(slapd).log_in("twin1", "twin") is not None


def test_every_attribute_becomes_the_claim_that_the_settings_say(slapd: Slapd) -> None:
    users = replace(
        USERS,
        id_attr="employeeNumber",
        name_attr="displayName",
        preferred_username_attr="uid",
        email_suffix="corp.example",
    )
    claims = Claims("17", "Jané", "jane", "Jané@corp.example", email_verified=True)
    made = connector(slapd, users=users)
    assert made.log_in("jane", JANE_PASSWORD) == claims
    assert made.look_up(claims, NO_SCOPES, NOW) == claims


def test_a_user_may_be_known_by_their_dn(slapd: Slapd) -> None:
    made = connector(slapd, users=replace(USERS, id_attr="DN"))
    claims = made.log_in("jane", JANE_PASSWORD)
    assert claims is not None
    assert claims.user_id == JANE
    assert made.look_up(claims, NO_SCOPES, NOW) == claims
    assert made.look_up(replace(claims, user_id=f"uid=gone,{PEOPLE}"), NO_SCOPES, NOW) is None
    assert made.look_up(replace(claims, user_id=SEARCHER), NO_SCOPES, NOW) is None  # the filter counts


def test_a_user_without_an_attribute_that_is_needed_may_not_log_in(slapd: Slapd) -> None:
    error = refusal(lambda: connector(slapd).log_in("nomail", "nomail"))
    assert (error.status, error.detail) == (502, "LDAP: an entry without mail; see docs/connectors/ldap.md")


def test_the_scope_of_a_search_is_a_level_or_the_whole_tree(slapd: Slapd) -> None:
    above = replace(USERS, base_dn=SUFFIX)
    assert connector(slapd, users=above).log_in("jane", JANE_PASSWORD) == USER
    assert connector(slapd, users=replace(above, scope="one")).log_in("jane", JANE_PASSWORD) is None
    assert connector(slapd, users=replace(USERS, scope="one")).log_in("jane", JANE_PASSWORD) == USER


def test_the_filter_says_who_may_log_in(slapd: Slapd) -> None:
    made = connector(slapd, users=replace(USERS, filter="(&(objectClass=inetOrgPerson)(employeeNumber=18))"))
    assert made.log_in("jane", JANE_PASSWORD) is None
    assert made.log_in("john", "john") is not None


def test_the_login_page_asks_for_what_the_settings_say(slapd: Slapd) -> None:
    browser = Browser(BrowserWorld(more=[connector(slapd, prompt="Staff number")]))
    page = browser.authorize(connector_id="ldap")
    assert "Staff number" in page.text
    refused = browser.submit(page, login="jane", password="wrong")
    assert (refused.status, "The staff number or the password is wrong." in refused.text) == (403, True)
    assert "Jane Doe" in browser.submit(page, login="jane", password=JANE_PASSWORD).text


# Groups


def test_groups_are_found_by_every_matcher(slapd: Slapd) -> None:
    by_dn = connector(slapd, groups=MEMBERS)
    assert by_dn.log_in("jane", JANE_PASSWORD) == replace(USER, groups=("devs",))
    matchers = (UserMatcher("DN", "member"), UserMatcher("dn", "roleOccupant"), UserMatcher("uid", "cn"))
    several = connector(slapd, groups=replace(MEMBERS, filter="", matchers=matchers))
    assert several.log_in("jane", JANE_PASSWORD) == replace(USER, groups=("devs", "wheel"))
    assert several.log_in("twin1", "twin") is not None


def test_nested_groups_are_followed_even_in_a_circle(slapd: Slapd) -> None:
    made = connector(slapd, groups=NESTED)
    assert made.log_in("jane", JANE_PASSWORD) == replace(USER, groups=("devs", "staff", "circle"))


def test_a_folder_of_groups_that_is_not_there_has_none(slapd: Slapd) -> None:
    made = connector(slapd, groups=replace(MEMBERS, base_dn=f"ou=gone,{SUFFIX}"))
    assert made.log_in("jane", JANE_PASSWORD) == USER


def test_a_group_without_a_name_is_no_group_to_log_in_with(slapd: Slapd) -> None:
    made = connector(slapd, groups=replace(MEMBERS, name_attr="description"))
    assert refusal(lambda: made.log_in("jane", JANE_PASSWORD)).status == 502


# Refreshing


def test_a_refresh_shows_the_user_as_they_are_now(slapd: Slapd) -> None:
    made = connector(slapd, groups=MEMBERS)
    claims = made.log_in("john", "john")
    assert claims is not None
    assert claims.groups == ("others",)
    changes = f"dn: uid=john,{PEOPLE}\nchangetype: modify\nreplace: mail\nmail: j2@example.com\n"
    changes += f"\ndn: cn=devs,{GROUPS}\nchangetype: modify\nadd: member\nmember: uid=john,{PEOPLE}\n"
    slapd.modify(changes)
    try:
        now = made.look_up(claims, GROUPS_SCOPE, NOW)
        assert now is not None
        assert (now.user_id, now.email, set(now.groups)) == ("john", "j2@example.com", {"devs", "others"})
        without = made.look_up(claims, NO_SCOPES, NOW)
        assert without == replace(now, groups=())
    finally:
        slapd.modify(
            f"dn: uid=john,{PEOPLE}\nchangetype: modify\nreplace: mail\nmail: john@example.com\n"
            f"\ndn: cn=devs,{GROUPS}\nchangetype: modify\ndelete: member\nmember: uid=john,{PEOPLE}\n"
        )


def test_a_user_who_is_gone_is_gone(slapd: Slapd) -> None:
    made = connector(slapd)
    slapd.modify(
        f"dn: uid=brief,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nsn: B\ncn: B\nmail: b@example.com\n"
        "userPassword: brief\n"
    )
    claims = made.log_in("brief", "brief")
    assert claims is not None
    slapd.modify(f"dn: uid=brief,{PEOPLE}\nchangetype: delete\n")
    assert made.look_up(claims, NO_SCOPES, NOW) is None


@pytest.mark.parametrize("user_id", ["*", "jane)(uid=*", "twin*"])
def test_an_id_is_never_a_part_of_the_filter(slapd: Slapd, user_id: str) -> None:
    assert connector(slapd).look_up(replace(USER, user_id=user_id), NO_SCOPES, NOW) is None
