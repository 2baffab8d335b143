"""The local password database: users of the file, then users of the table."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import bcrypt
import pytest

from sundial.config.model import StaticPassword
from sundial.connectors import PasswordLogin, Refreshable
from sundial.connectors.password import PasswordConnector, bcrypt_cost
from sundial.errors import OAuthError
from sundial.expiry.family import Claims
from sundial.store.directory import LocalUser
from sundial.tokens.subject import user_tag
from tests.support.browser import MemoryDirectory

NOW = 1_800_000_000


def hash_of(password: str | bytes, cost: int = 4) -> bytes:
    raw = password.encode("utf-8") if isinstance(password, str) else password
    return bcrypt.hashpw(raw[:72], bcrypt.gensalt(cost))


ADMIN = StaticPassword("Admin@Example.com", hash_of("password"), "u-admin", username="admin", groups=("ops",))
JANE = LocalUser("Jane@example.com", "u-jane", hash_of("secret"), username="jane", preferred_username="jd")


@pytest.fixture
def directory() -> MemoryDirectory:
    return MemoryDirectory(JANE)


@pytest.fixture
def local(directory: MemoryDirectory) -> PasswordConnector:
    return PasswordConnector("local", "Email", (ADMIN,), lambda: directory, least_cost=4)


def test_it_logs_in_by_password_and_can_refresh(local: PasswordConnector) -> None:
    assert isinstance(local, PasswordLogin)
    assert isinstance(local, Refreshable)


def test_a_user_of_the_file_logs_in_without_a_network_call(
    local: PasswordConnector, directory: MemoryDirectory
) -> None:
    assert local.log_in("admin@example.com", "password") == Claims(
        "u-admin", username="admin", email="Admin@Example.com", email_verified=True, groups=("ops",)
    )
    assert directory.calls == 0


def test_a_user_of_the_table_logs_in_by_one_read(local: PasswordConnector, directory: MemoryDirectory) -> None:
    claims = local.log_in("jane@example.com", "secret")
    assert claims == Claims(
        "u-jane", username="jane", preferred_username="jd", email="Jane@example.com", email_verified=True
    )
    assert directory.calls == 1


@pytest.mark.parametrize("typed", ["ADMIN@example.COM", "  admin@example.com ", "Admin@Example.com"])
def test_an_email_is_compared_without_regard_to_case_and_blanks_around_it(local: PasswordConnector, typed: str) -> None:
    assert local.log_in(typed, "password") is not None


def test_the_name_is_the_full_one_where_there_is_one(directory: MemoryDirectory) -> None:
    user = replace(ADMIN, name="Ada Admin")
    claims = PasswordConnector("local", "Email", (user,), lambda: directory).log_in(user.email, "password")
    assert claims is not None
    assert claims.username == "Ada Admin"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("admin@example.com", "Password"),
        ("admin@example.com", "password "),
        ("admin@example.com", "secret"),
        ("jane@example.com", "password"),
        ("nobody@example.com", "password"),
        ("nobody@example.com", ""),
        ("nobody@example.com", "pass\0word"),
        ("nobody\0@example.com", "password"),
        (f"{'n' * 5000}@example.com", "password"),
    ],
)
def test_a_wrong_password_and_an_unknown_user_are_the_same(local: PasswordConnector, email: str, password: str) -> None:
    assert local.log_in(email, password) is None


def test_what_is_longer_than_any_email_is_nobodys_and_never_a_key_of_the_table(
    local: PasswordConnector, directory: MemoryDirectory
) -> None:
    for length, asked in ((320, 1), (321, 1), (2048, 1), (60_000, 1)):
        assert local.log_in(f"{'n' * (length - len('@example.com'))}@example.com", "password") is None
        assert directory.calls == asked


@pytest.mark.parametrize(
    "email", ["admin@example.com", "jane@example.com", "off@example.com", "odd@example.com", "nobody@example.com"]
)
@pytest.mark.parametrize(("of_the_file", "of_the_table", "at_least"), [(4, 4, 4), (4, 6, 6), (6, 4, 4), (4, 4, 7)])
def test_every_refusal_takes_as_long_whatever_the_users_own_hash_costs_and_one_read(
    directory: MemoryDirectory, email: str, of_the_file: int, of_the_table: int, at_least: int
) -> None:
    jane = replace(JANE, hash=hash_of("secret", of_the_table))
    directory.users = [
        jane,
        replace(jane, email="off@example.com", disabled=True),
        replace(jane, email="odd@example.com", hash=b"no hash"),
    ]
    admin = replace(ADMIN, hash=hash_of("password", of_the_file))
    local = PasswordConnector("local", "Email", (admin,), lambda: directory, least_cost=at_least)
    with patch.object(bcrypt, "checkpw", wraps=bcrypt.checkpw) as checked:
        assert local.log_in(email, "secret" if email == "off@example.com" else "wrong") is None
    taken = sum(2 ** (bcrypt_cost(hashed) or 0) for (_, hashed), _ in checked.call_args_list)
    assert taken == 2 ** max(at_least, of_the_file)
    assert directory.calls == 1


def test_a_refusal_takes_at_least_as_long_as_a_recommended_hash(directory: MemoryDirectory) -> None:
    for users in ((), (ADMIN,)):
        with patch.object(bcrypt, "checkpw", return_value=False) as checked:
            PasswordConnector("local", "Email", users, lambda: directory).log_in("nobody@example.com", "wrong")
        [((_, hashed), _)] = checked.call_args_list
        assert bcrypt_cost(hashed) == 12


def test_a_user_of_the_file_hides_one_of_the_table_with_the_same_email(directory: MemoryDirectory) -> None:
    directory.users.append(LocalUser("admin@example.com", "u-other", hash_of("other")))
    local = PasswordConnector("local", "Email", (ADMIN,), lambda: directory)
    assert local.log_in("admin@example.com", "other") is None
    assert local.refresh(user_tag("u-other"), NOW) is None


def test_a_disabled_user_is_refused_like_a_wrong_password(local: PasswordConnector, directory: MemoryDirectory) -> None:
    directory.users = [replace(JANE, disabled=True)]
    assert local.log_in("jane@example.com", "secret") is None


def test_a_table_that_cannot_be_reached_is_no_wrong_password(
    local: PasswordConnector, directory: MemoryDirectory
) -> None:
    directory.broken = True
    with pytest.raises(OAuthError) as raised:
        local.log_in("jane@example.com", "secret")
    assert raised.value.status == 503
    assert local.log_in("admin@example.com", "password") is not None


@pytest.mark.parametrize(
    "useless", [b"", b"plain text", b"$2b$31$" + b"." * 53, b"$2b$04$short", b"$2b$03$" + b"." * 53, b"$1$" + b"." * 57]
)
def test_a_hash_that_is_none_or_would_take_forever_lets_nobody_in(
    local: PasswordConnector, directory: MemoryDirectory, useless: bytes
) -> None:
    directory.users = [replace(JANE, hash=useless)]
    assert bcrypt_cost(useless) is None
    assert local.log_in("jane@example.com", "plain text") is None


@pytest.mark.parametrize("prefix", [b"$2a$", b"$2b$", b"$2y$"])
def test_hashes_of_every_maker_are_read(local: PasswordConnector, directory: MemoryDirectory, prefix: bytes) -> None:
    directory.users = [replace(JANE, hash=prefix + JANE.hash[4:])]
    assert local.log_in("jane@example.com", "secret") is not None


def test_of_a_long_password_the_first_72_bytes_count_as_in_dex(
    local: PasswordConnector, directory: MemoryDirectory
) -> None:
    long = "ü" * 40  # 80 bytes
    directory.users = [replace(JANE, hash=hash_of(long))]
    assert local.log_in("jane@example.com", long) is not None
    assert local.log_in("jane@example.com", "ü" * 36) is not None
    assert local.log_in("jane@example.com", "ü" * 35) is None


def test_a_refresh_of_a_user_of_the_file_asks_nobody(local: PasswordConnector, directory: MemoryDirectory) -> None:
    claims = local.refresh(user_tag("u-admin"), NOW)
    assert claims is not None
    assert claims.groups == ("ops",)
    assert directory.calls == 0


def test_a_refresh_of_a_user_of_the_table_is_one_read_and_shows_how_they_stand_now(
    local: PasswordConnector, directory: MemoryDirectory
) -> None:
    directory.users = [replace(JANE, name="Jane Doe", groups=("dev",))]
    claims = local.refresh(user_tag("u-jane"), NOW)
    assert claims is not None
    assert (claims.username, claims.groups) == ("Jane Doe", ("dev",))
    assert directory.calls == 1


def test_a_user_who_is_gone_or_disabled_is_not_refreshed(local: PasswordConnector, directory: MemoryDirectory) -> None:
    directory.users = [replace(JANE, disabled=True)]
    assert local.refresh(user_tag("u-jane"), NOW) is None
    directory.users = []
    assert local.refresh(user_tag("u-jane"), NOW) is None


def test_a_login_from_before_the_password_changed_is_over_and_one_of_that_second_is_not(
    local: PasswordConnector, directory: MemoryDirectory
) -> None:
    directory.users = [replace(JANE, not_before=NOW)]
    assert local.refresh(user_tag("u-jane"), NOW - 1) is None
    assert local.refresh(user_tag("u-jane"), NOW) is not None


def test_another_user_who_got_the_same_email_is_not_the_one_who_logged_in(
    local: PasswordConnector, directory: MemoryDirectory
) -> None:
    directory.users = [replace(JANE, user_id="u-jane-the-second")]
    assert local.refresh(user_tag("u-jane"), NOW) is None


def test_no_hash_shows_in_a_representation() -> None:
    assert "$2b$" not in repr(JANE)
    assert "$2b$" not in repr(ADMIN)
