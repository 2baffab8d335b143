"""DynamoBearers keeps the contract of Bearers: one call tells of the login, the denial and the published keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sundial.errors import OAuthError
from sundial.keys.jwks import PublicKeys, PublicKeyStore
from sundial.store.bearer import DynamoBearers, Standing
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.tokens.opaque import new_family_id
from tests.support.families import LOGIN_AT, a_family
from tests.support.stack import OwnStack

KEYS = PublicKeys(serial=1, as_of=LOGIN_AT, keys=({"kid": "one", "alg": "RS256", "use": "sig"},))


@pytest.fixture
def bearers(stack: OwnStack) -> DynamoBearers:
    return DynamoBearers(stack.dynamodb, stack.families_table, stack.public_keys_table)


@pytest.fixture
def calls(stack: OwnStack) -> Iterator[list[str]]:
    """The names of the AWS calls that are made."""
    names: list[str] = []

    def note(model: Any, **_: object) -> None:
        names.append(model.name)

    stack.dynamodb.meta.events.register("provide-client-params.dynamodb.*", note)
    yield names
    stack.dynamodb.meta.events.unregister("provide-client-params.dynamodb.*", note)


def test_before_anything_is_there_nothing_is_known(bearers: DynamoBearers) -> None:
    assert bearers.standing(None) == bearers.standing("family", "jti") == Standing(None, None, denied=False)


def test_one_call_tells_of_all_three(
    bearers: DynamoBearers, families: DynamoFamilies, stack: OwnStack, calls: list[str]
) -> None:
    family = a_family()
    families.begin(family)
    PublicKeyStore(stack.dynamodb, stack.public_keys_table).publish(KEYS)
    families.deny("a-token", LOGIN_AT + 3600)
    calls.clear()
    assert bearers.standing(family.family_id, "a-token") == Standing(family, KEYS, denied=True)
    assert calls == ["BatchGetItem"]
    assert bearers.standing(family.family_id, "another-token") == Standing(family, KEYS, denied=False)
    assert bearers.standing(None, "a-token") == Standing(None, KEYS, denied=True)
    assert bearers.standing(None) == Standing(None, KEYS, denied=False)


def test_a_denial_is_one_write_good_twice_and_collected_when_the_token_could_be_alive_no_longer(
    families: DynamoFamilies, stack: OwnStack, calls: list[str]
) -> None:
    for _ in range(2):
        families.deny("a-token", LOGIN_AT + 3600)
    assert calls == ["PutItem", "PutItem"]
    found = stack.dynamodb.get_item(TableName=stack.families_table, Key={"id": {"S": "jti#a-token"}})
    assert found["Item"] == {"id": {"S": "jti#a-token"}, "ttl": {"N": str(LOGIN_AT + 3600)}}


def test_a_denial_is_no_login(bearers: DynamoBearers, families: DynamoFamilies) -> None:
    families.deny("a-token", LOGIN_AT + 3600)
    assert families.get("jti#a-token") is None
    assert bearers.standing("jti#a-token").family is None


def test_a_revoked_login_is_told_as_that_and_one_that_never_was_as_gone(
    bearers: DynamoBearers, families: DynamoFamilies
) -> None:
    family = a_family()
    families.begin(family)
    families.revoke(family.family_id, LOGIN_AT + 5, "logout")
    found = bearers.standing(family.family_id).family
    assert found is not None
    assert found.revoked_at == LOGIN_AT + 5
    tombstone = new_family_id()
    families.revoke(tombstone, LOGIN_AT + 5, "logout")
    assert bearers.standing(tombstone).family is None


def test_a_table_that_is_not_there_is_a_503(stack: OwnStack) -> None:
    missing = DynamoBearers(stack.dynamodb, "no-such-table", stack.public_keys_table)
    with pytest.raises(OAuthError) as refusal:
        missing.standing("family")
    assert refusal.value.status == 503
    with pytest.raises(OAuthError):
        DynamoFamilies(stack.dynamodb, "no-such-table").deny("a-token", LOGIN_AT)
