"""`connectors[]`, `enablePasswordDB` and `staticPasswords[]`, one test a rule."""

from __future__ import annotations

import base64

import pytest

from sundial.config.model import ConnectorConfig, StaticPassword
from sundial.config.problems import HIDDEN, Severity
from tests.support.config import problems_of, the_problem, without_problems

HASH = "$2a$10$a/.bMp1Rk5/b.k9TZg25c.u1DvvF4n3ojRq9iMMynH5PF2sNuwWeG"
WITHOUT_LOGIN = "issuer: https://id.example.com\n"


def user(settings: str) -> str:
    return f"staticPasswords:\n  - {{email: a@example.com, userID: u, {settings}}}\n"


def test_the_password_database_is_dexs_last_connector() -> None:
    assert without_problems("").connectors == (ConnectorConfig(type="password", id="local", name="Email"),)


def test_a_file_without_any_way_to_log_in_is_an_error() -> None:
    problem = the_problem(WITHOUT_LOGIN)
    assert problem.message == "is off and there is no connector: nobody could log in"
    assert problem.remedy == "write 'enablePasswordDB: true', or a list of connectors"


def test_static_passwords_need_the_password_database() -> None:
    problems = problems_of(WITHOUT_LOGIN + user(f"hash: '{HASH}'"))
    assert "stands in a file without 'enablePasswordDB: true'" in [problem.message for problem in problems]


# connectors


@pytest.mark.parametrize("missing", ["type", "id", "name"])
def test_a_connector_needs_a_type_an_id_and_a_name(missing: str) -> None:
    settings = {"type": "oidc", "id": "x", "name": "X"}
    del settings[missing]
    text = ", ".join(f"{key}: {value}" for key, value in settings.items())
    keys = [(problem.key, problem.message) for problem in problems_of(f"connectors: [{{{text}}}]")]
    assert (f"connectors[0].{missing}", "is missing") in keys


def test_an_unknown_type_of_connector_is_an_error_with_the_nearest_match() -> None:
    problem = the_problem("connectors: [{type: githib, id: x, name: X}]")
    assert (problem.key, problem.message) == ("connectors[0].type", "is unknown")
    assert problem.remedy == "did you mean 'github'?"


@pytest.mark.parametrize("connector_id", ["x", "local"])
def test_two_connectors_with_one_id_are_an_error(connector_id: str) -> None:
    text = f"connectors: [{{type: oidc, id: x, name: X}}, {{type: oidc, id: {connector_id}, name: Y}}]"
    assert "is another connector's too" in [problem.message for problem in problems_of(text)]


def test_nothing_of_a_connectors_own_settings_is_in_a_problem() -> None:
    text = "connectors: [{type: ldap, id: x, name: X, config: {bindPW: hunter2}}, {type: oidc, config: hunter2}]"
    assert all("hunter2" not in str(problem) for problem in problems_of(text))


def test_a_connector_may_not_take_both_rotation_and_the_end_from_its_tokens() -> None:
    text = "connectors: [{type: oidc, id: x, name: X, expiry: {refreshTokens: {disableRotation: true}}}]"
    keys = [problem.key for problem in problems_of(text)]
    assert "connectors[0].expiry.refreshTokens.disableRotation" in keys


# staticPasswords


def test_every_setting_of_a_user_is_read() -> None:
    text = f"""
staticPasswords:
  - email: Ada@Example.com
    hash: "{HASH}"
    username: ada
    userID: 08a8684b-db88-4b73-90a9-3cd1661f5466
    name: Ada Lovelace
    preferredUsername: countess
    emailVerified: false
    groups: [engineers, "poets"]
"""
    assert without_problems(text).static_passwords == (
        StaticPassword(
            email="Ada@Example.com",
            hash=HASH.encode(),
            user_id="08a8684b-db88-4b73-90a9-3cd1661f5466",
            username="ada",
            name="Ada Lovelace",
            preferred_username="countess",
            email_verified=False,
            groups=("engineers", "poets"),
        ),
    )


def test_a_users_name_is_the_username_and_the_email_is_verified_unless_stated() -> None:
    (found,) = without_problems(user(f"hash: '{HASH}', username: ada")).static_passwords
    assert (found.name, found.preferred_username, found.email_verified) == ("ada", "", True)


@pytest.mark.parametrize("version", ["2a", "2b", "2y"])
def test_a_hash_is_bcrypt(version: str) -> None:
    written = HASH.replace("2a", version)
    assert without_problems(user(f"hash: '{written}'")).static_passwords[0].hash == written.encode()


def test_a_hash_may_be_in_base64_as_dex_once_wanted_it() -> None:
    written = base64.b64encode(HASH.encode()).decode()
    assert without_problems(user(f"hash: '{written}'")).static_passwords[0].hash == HASH.encode()


def test_a_hash_may_come_from_a_variable() -> None:
    config = without_problems(user("hashFromEnv: ADA_HASH"), {"ADA_HASH": HASH})
    assert config.static_passwords[0].hash == HASH.encode()


def test_a_hash_wins_over_its_variable_as_in_dex() -> None:
    config = without_problems(user(f"hash: '{HASH}', hashFromEnv: NOWHERE"))
    assert config.static_passwords[0].hash == HASH.encode()


def test_a_users_hash_is_in_no_repr() -> None:
    assert HASH[10:] not in repr(without_problems(user(f"hash: '{HASH}'")))


@pytest.mark.parametrize(
    ("settings", "message", "remedy"),
    [
        ("hash: password", "is not a bcrypt hash", "htpasswd"),
        ("hash: $ADA_HASH", "is not a bcrypt hash", "hashFromEnv: NAME"),
        (f"hash: '{HASH[:-1]}'", "is not a bcrypt hash", "htpasswd"),
        (f"hash: '{HASH.replace('$10$', '$09$')}'", "has a bcrypt cost of 9", "cost of 12"),
        (f"hash: '{HASH.replace('$10$', '$17$')}'", "has a bcrypt cost of 17", "cost of 12"),
        ("hashFromEnv: BAD", "is not a bcrypt hash", "htpasswd"),
        ("hashFromEnv: NOWHERE", "the environment variable NOWHERE is not set", "set it"),
        ("username: ada", "is missing", "htpasswd"),
    ],
)
def test_a_hash_that_is_of_no_use_is_an_error(settings: str, message: str, remedy: str) -> None:
    problem = the_problem(user(settings), {"BAD": "hunter2"})
    assert message in problem.message
    assert remedy in problem.remedy
    assert problem.value in (HIDDEN, "NOWHERE", "")


@pytest.mark.parametrize("missing", ["email", "userID"])
def test_a_user_needs_an_email_and_an_id(missing: str) -> None:
    settings = {"email": "a@example.com", "userID": "u", "hash": f"'{HASH}'"}
    del settings[missing]
    text = ", ".join(f"{key}: {value}" for key, value in settings.items())
    problem = the_problem(f"staticPasswords: [{{{text}}}]")
    assert (problem.key, problem.message) == (f"staticPasswords[0].{missing}", "is missing")


def test_one_email_is_one_user_whatever_its_case() -> None:
    text = user(f"hash: '{HASH}'") + f"  - {{email: A@Example.com, userID: v, hash: '{HASH}'}}\n"
    problem = the_problem(text)
    assert (problem.severity, problem.key, problem.line) == (Severity.ERROR, "staticPasswords[1].email", 5)


def test_two_users_with_one_id_are_a_warning() -> None:
    text = user(f"hash: '{HASH}'") + f"  - {{email: b@example.com, userID: u, hash: '{HASH}'}}\n"
    problem = the_problem(text)
    assert (problem.severity, problem.key) == (Severity.WARNING, "staticPasswords[1].userID")


def test_a_connector_may_be_held_to_some_grants_as_in_dex() -> None:
    text = "connectors: [{type: mockCallback, id: mock, name: Mock, grantTypes: [authorization_code, refresh_token]}]"
    config = without_problems(text)
    assert config.allows("mock", "authorization_code")
    assert not config.allows("mock", "urn:ietf:params:oauth:grant-type:token-exchange")
    assert config.allows("local", "password"), "who states none allows all"
    assert config.refreshes("mock")


def test_a_grant_in_which_no_connector_has_a_part_is_an_error() -> None:
    problem = the_problem("connectors: [{type: mockCallback, id: m, name: M, grantTypes: [client_credentials]}]")
    assert (problem.key, problem.message) == ("connectors[0].grantTypes[0]", "is unknown")
