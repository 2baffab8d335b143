"""Of all who would revoke a login, one is told that it was they: so that one event tells of it, and not none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from sundial.expiry.family import Ending
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.family_items import to_item
from tests.support.families import LOGIN_AT, a_family
from tests.support.stack import OwnStack


def begun(stack: OwnStack) -> str:
    family = a_family()
    stack.dynamodb.put_item(TableName=stack.families_table, Item=to_item(family))
    return family.family_id


def test_the_first_revocation_is_and_the_second_is_not(stack: OwnStack, families: DynamoFamilies) -> None:
    family_id = begun(stack)
    assert families.revoke(family_id, LOGIN_AT, Ending.BY_OPERATOR) is True
    assert families.revoke(family_id, LOGIN_AT, Ending.BY_OPERATOR) is False
    assert families.revoke(family_id, LOGIN_AT + 1, Ending.REFRESH_REPLAYED) is False


def test_of_many_at_once_exactly_one_is(stack: OwnStack, families: DynamoFamilies) -> None:
    for _ in range(20):
        family_id = begun(stack)
        with ThreadPoolExecutor(8) as pool:
            tries = [pool.submit(families.revoke, family_id, LOGIN_AT, Ending.BY_OPERATOR) for _ in range(8)]
        assert sorted(one.result() for one in tries) == [False] * 7 + [True]


def test_one_whose_answer_was_lost_is_still_it_when_the_sdk_asks_again(stack: OwnStack) -> None:
    client: Any = boto3.client("dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))
    answers: list[int] = []

    def lose_the_first(response: Any, **_: object) -> float | None:
        answers.append(response[1]["ResponseMetadata"]["HTTPStatusCode"])
        return 0.0 if len(answers) == 1 else None  # seconds until it is asked again

    client.meta.events.register_first("needs-retry.dynamodb.UpdateItem", lose_the_first)
    assert DynamoFamilies(client, stack.families_table).revoke(begun(stack), LOGIN_AT, Ending.BY_OPERATOR) is True
    assert answers == [200, 200]
