"""The table of local users, on an engine with atomic transactions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import boto3
import pytest

from sundial.errors import OAuthError
from sundial.store.clients import DynamoClients
from sundial.store.directory import DynamoDirectory, LocalUser
from sundial.tokens.subject import user_tag
from tests.support.clients import a_client
from tests.support.stack import OwnStack

JANE = LocalUser(
    email="Jane@Example.com",
    user_id="u-jane",
    hash=b"$2b$12$not-a-real-one",
    username="jane",
    name="Jane Doe",
    preferred_username="jd",
    email_verified=False,
    groups=("dev", "ops"),
)


@pytest.fixture
def directory(stack: OwnStack) -> DynamoDirectory:
    return DynamoDirectory(stack.dynamodb, stack.directory_table)


def read(directory: DynamoDirectory, email: str = "jane@example.com") -> LocalUser:
    user = directory.user(email)
    assert user is not None
    return user


def seen_by_tag(directory: DynamoDirectory) -> LocalUser | None:
    return directory.user_by_tag(user_tag("u-jane"))


def test_a_user_is_found_by_email_without_regard_to_case(directory: DynamoDirectory) -> None:
    assert directory.create(JANE)
    assert directory.user("jane@example.com") == replace(JANE, version=1)
    assert directory.user("JANE@example.com") == replace(JANE, version=1)


def test_a_user_is_found_by_tag_without_the_hash(directory: DynamoDirectory, stack: OwnStack) -> None:
    directory.create(JANE)
    assert seen_by_tag(directory) == replace(JANE, hash=b"", version=1)
    items = stack.dynamodb.scan(TableName=stack.directory_table)["Items"]
    assert sorted("hash" in item for item in items) == [False, True]


def test_nobody_is_nobody(directory: DynamoDirectory) -> None:
    assert directory.user("nobody@example.com") is None
    assert directory.user_by_tag(user_tag("nobody")) is None
    assert list(directory.all()) == []


def test_a_user_without_anything_but_an_email_is_kept_as_such(directory: DynamoDirectory) -> None:
    plain = LocalUser("plain@example.com", "u-plain", b"$2b$12$x")
    assert directory.create(plain)
    assert directory.user("plain@example.com") == replace(plain, version=1)


def test_an_email_or_an_id_that_is_taken_is_refused_and_nothing_is_written(directory: DynamoDirectory) -> None:
    directory.create(JANE)
    assert not directory.create(replace(JANE, user_id="u-impostor", name="Impostor"))
    assert not directory.create(replace(JANE, email="other@example.com"))
    assert not directory.create(replace(JANE, name="Twice"))
    assert read(directory) == replace(JANE, version=1)
    assert directory.user("other@example.com") is None
    assert directory.user_by_tag(user_tag("u-impostor")) is None


def test_a_change_is_seen_both_ways_at_once(directory: DynamoDirectory) -> None:
    directory.create(JANE)
    before = read(directory)
    after = replace(before, email="JANE@example.com", groups=(), disabled=True, not_before=7, updated_at=8)
    assert directory.update(before, after)
    assert read(directory) == replace(after, version=2)
    assert seen_by_tag(directory) == replace(after, hash=b"", version=2)


def test_a_change_is_written_over_the_version_that_was_read_and_no_other(directory: DynamoDirectory) -> None:
    directory.create(JANE)
    before = read(directory)
    assert directory.update(before, replace(before, name="One"))
    assert not directory.update(before, replace(before, name="Two"))
    assert not directory.update(before, replace(before, email="two@example.com"))
    assert not directory.delete(before)
    assert read(directory).name == "One"
    assert seen_by_tag(directory) == replace(read(directory), hash=b"")


def test_a_new_email_takes_the_place_of_the_old_one(directory: DynamoDirectory) -> None:
    directory.create(JANE)
    before = read(directory)
    assert directory.update(before, replace(before, email="Doe@example.com"))
    assert directory.user("jane@example.com") is None
    assert read(directory, "doe@example.com") == replace(JANE, email="Doe@example.com", version=2)
    assert seen_by_tag(directory) == replace(JANE, email="Doe@example.com", hash=b"", version=2)


def test_a_new_email_that_is_somebody_elses_is_refused_and_nothing_is_written(directory: DynamoDirectory) -> None:
    directory.create(JANE)
    joe = LocalUser("joe@example.com", "u-joe", b"$2b$12$x")
    directory.create(joe)
    before = read(directory)
    assert not directory.update(before, replace(before, email="joe@example.com"))
    assert read(directory) == replace(JANE, version=1)
    assert read(directory, "joe@example.com") == replace(joe, version=1)


def test_the_id_of_a_user_never_changes(directory: DynamoDirectory) -> None:
    directory.create(JANE)
    with pytest.raises(ValueError):
        directory.update(read(directory), replace(read(directory), user_id="u-other"))


def test_a_deleted_user_is_gone_both_ways_and_their_email_is_free(directory: DynamoDirectory) -> None:
    directory.create(JANE)
    assert directory.delete(read(directory))
    assert directory.user("jane@example.com") is None
    assert seen_by_tag(directory) is None
    assert not directory.delete(replace(JANE, version=1))
    assert directory.create(replace(JANE, user_id="u-jane-the-second"))


def test_of_many_changes_of_one_version_at_once_one_is_made(directory: DynamoDirectory) -> None:
    directory.create(JANE)
    for round_ in range(1, 6):
        before = read(directory)
        assert before.version == round_
        names = [f"{round_}-{number}" for number in range(8)]

        def change(name: str, before: LocalUser = before) -> bool:
            return directory.update(before, replace(before, name=name))

        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(change, names))
        assert sum(made) == 1
        assert read(directory).name == names[made.index(True)]


def test_all_users_are_listed_once_each_without_a_hash_and_nothing_else_of_the_table_is(
    directory: DynamoDirectory, stack: OwnStack
) -> None:
    users = [LocalUser(f"user{number}@example.com", f"u-{number}", b"$2b$12$x") for number in range(30)]
    for user in users:
        directory.create(user)
    DynamoClients(stack.dynamodb, stack.directory_table).create(replace(a_client(), version=0))
    listed = sorted(directory.all(), key=lambda user: int(user.user_id[2:]))
    assert listed == [replace(user, hash=b"", version=1) for user in users]


def test_a_list_goes_on_where_a_page_of_the_table_ends(directory: DynamoDirectory) -> None:
    for number in range(6):
        name = f"{number}-" + "long name " * 30_000  # a page has a megabyte
        assert directory.create(LocalUser(f"user{number}@example.com", f"u-{number}", name=name))
    assert sorted(user.user_id for user in directory.all()) == [f"u-{number}" for number in range(6)]


def test_a_table_that_is_not_there_is_a_503(stack: OwnStack) -> None:
    directory = DynamoDirectory(stack.dynamodb, "no-such-table")
    calls = (
        lambda: directory.user("a"),
        lambda: list(directory.all()),
        lambda: directory.create(JANE),
        lambda: directory.update(JANE, JANE),
        lambda: directory.delete(JANE),
    )
    for call in calls:
        with pytest.raises(OAuthError) as raised:
            call()
        assert raised.value.status == 503


def test_an_endpoint_that_does_not_answer_is_a_503(stack: OwnStack) -> None:
    nowhere = boto3.client("dynamodb", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(OAuthError) as raised:
        DynamoDirectory(nowhere, stack.directory_table).user("a")
    assert (raised.value.status, raised.value.code) == (503, "temporarily_unavailable")
