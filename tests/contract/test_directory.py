"""The table of local users, on an engine with atomic transactions."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from sundial.errors import OAuthError
from sundial.store.directory import DynamoDirectory, LocalUser
from sundial.tokens.subject import user_tag
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


def test_a_user_is_found_by_email_without_regard_to_case(directory: DynamoDirectory) -> None:
    assert directory.put(JANE)
    assert directory.user("jane@example.com") == JANE
    assert directory.user("JANE@example.com") == JANE


def test_a_user_is_found_by_tag_without_the_hash(directory: DynamoDirectory, stack: OwnStack) -> None:
    directory.put(JANE)
    assert directory.user_by_tag(user_tag("u-jane")) == replace(JANE, hash=b"")
    items = stack.dynamodb.scan(TableName=stack.directory_table)["Items"]
    assert sorted("hash" in item for item in items) == [False, True]


def test_nobody_is_nobody(directory: DynamoDirectory) -> None:
    assert directory.user("nobody@example.com") is None
    assert directory.user_by_tag(user_tag("nobody")) is None


def test_a_user_without_anything_but_an_email_is_kept_as_such(directory: DynamoDirectory) -> None:
    plain = LocalUser("plain@example.com", "u-plain", b"$2b$12$x")
    assert directory.put(plain)
    assert directory.user("plain@example.com") == plain


def test_a_change_is_seen_both_ways_at_once(directory: DynamoDirectory) -> None:
    directory.put(JANE)
    changed = replace(JANE, email="JANE@example.com", groups=(), disabled=True)
    assert directory.put(changed)
    assert directory.user("jane@example.com") == changed
    assert directory.user_by_tag(user_tag("u-jane")) == replace(changed, hash=b"")


def test_an_email_of_another_user_is_refused_and_nothing_is_written(directory: DynamoDirectory) -> None:
    directory.put(JANE)
    assert not directory.put(replace(JANE, user_id="u-impostor", name="Impostor"))
    assert directory.user("jane@example.com") == JANE
    assert directory.user_by_tag(user_tag("u-impostor")) is None


def test_a_second_email_for_the_same_id_is_refused_and_nothing_is_written(directory: DynamoDirectory) -> None:
    directory.put(JANE)
    assert not directory.put(replace(JANE, email="other@example.com"))
    assert directory.user("other@example.com") is None
    assert directory.user_by_tag(user_tag("u-jane")) == replace(JANE, hash=b"")


def test_a_deleted_user_is_gone_both_ways_and_deleting_again_is_no_error(directory: DynamoDirectory) -> None:
    directory.put(JANE)
    directory.delete(JANE)
    assert directory.user("jane@example.com") is None
    assert directory.user_by_tag(user_tag("u-jane")) is None
    directory.delete(JANE)
    assert directory.put(replace(JANE, user_id="u-jane-the-second"))


def test_a_table_that_is_not_there_is_a_503(stack: OwnStack) -> None:
    directory = DynamoDirectory(stack.dynamodb, "no-such-table")
    for call in (lambda: directory.user("a"), lambda: directory.put(JANE), lambda: directory.delete(JANE)):
        with pytest.raises(OAuthError) as raised:
            call()
        assert raised.value.status == 503


def test_an_endpoint_that_does_not_answer_is_a_503(stack: OwnStack) -> None:
    nowhere = boto3.client("dynamodb", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(OAuthError) as raised:
        DynamoDirectory(nowhere, stack.directory_table).user("a")
    assert (raised.value.status, raised.value.code) == (503, "temporarily_unavailable")
