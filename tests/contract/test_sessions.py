"""Finding logins on a real engine: by the index, by id, by reading the whole table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sundial.errors import OAuthError
from sundial.expiry.family import Claims, Ending, Family
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.family_items import to_item
from sundial.store.sessions import DynamoSessions, Selection, Session, State
from sundial.tokens.opaque import new_family_id
from sundial.tokens.subject import subject
from tests.support.families import LOGIN_AT, a_family, a_login
from tests.support.stack import OwnStack

JANE, JOE = Claims("jane-id", email="Jane@example.com"), Claims("joe-id", email="joe@example.com")


@pytest.fixture
def sessions(stack: OwnStack) -> DynamoSessions:
    return DynamoSessions(stack.dynamodb, stack.families_table)


def put(stack: OwnStack, family: Family, **attributes: Any) -> Family:
    stack.dynamodb.put_item(TableName=stack.families_table, Item=to_item(family) | attributes)
    return family


def put_all(stack: OwnStack) -> dict[str, Family]:
    """Put the logins of two people with two clients, through two connectors."""
    logins = {
        "jane, app": a_family(claims=JANE, client_id="app"),
        "jane, cli": a_family(claims=JANE, client_id="cli", created_at=LOGIN_AT + 60),
        "jane, github": a_family(claims=replace(JANE, user_id="1234"), client_id="app", connector_id="github"),
        "joe, app": a_family(claims=JOE, client_id="app"),
    }
    for family in logins.values():
        put(stack, family)
    return logins


def names(found: list[Session], logins: dict[str, Family]) -> list[str]:
    by_id = {family.family_id: name for name, family in logins.items()}
    return sorted(by_id[session.family_id] for session in found)


def test_a_session_has_what_the_item_has(stack: OwnStack, sessions: DynamoSessions, families: DynamoFamilies) -> None:
    family = put(stack, a_family(claims=JANE, generation=3, rotated_at=LOGIN_AT + 90), expires_at={"N": "1900000000"})
    families.revoke(family.family_id, LOGIN_AT + 100, Ending.BY_OPERATOR)
    assert sessions.of_family(family.family_id) == Session(
        family_id=family.family_id,
        subject=subject("jane-id", "local"),
        user_id="jane-id",
        email="Jane@example.com",
        client_id=family.client_id,
        connector_id="local",
        created_at=LOGIN_AT,
        last_used_at=LOGIN_AT + 90,
        rotated_at=LOGIN_AT + 90,
        generation=3,
        expires_at=1_900_000_000,
        code_expires_at=LOGIN_AT + 60,
        redeemed_at=LOGIN_AT,
        revoked_at=LOGIN_AT + 100,
        revoked_why="ended by an operator",
    )


def test_a_family_that_is_not_there_is_none_and_so_is_the_tombstone_of_one_that_never_was(
    sessions: DynamoSessions, families: DynamoFamilies
) -> None:
    unknown = new_family_id()
    assert sessions.of_family(unknown) is None
    families.revoke(unknown, LOGIN_AT, Ending.BY_OPERATOR)
    assert sessions.of_family(unknown) is None
    assert sessions.scan(Selection()) == []


def test_the_logins_of_a_subject_come_by_the_index(stack: OwnStack, sessions: DynamoSessions) -> None:
    logins = put_all(stack)
    assert names(sessions.of_subject(subject("jane-id", "local")), logins) == ["jane, app", "jane, cli"]
    assert names(sessions.of_subject(subject("1234", "github")), logins) == ["jane, github"]
    assert sessions.of_subject("nobody") == []


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), ["jane, app", "jane, cli", "jane, github", "joe, app"]),
        (Selection(user="jane@EXAMPLE.com"), ["jane, app", "jane, cli", "jane, github"]),
        (Selection(user="joe-id"), ["joe, app"]),
        (Selection(user="jane-id", client_id="cli"), ["jane, cli"]),
        (Selection(client_id="app"), ["jane, app", "jane, github", "joe, app"]),
        (Selection(connector_id="github"), ["jane, github"]),
        (Selection(client_id="cli", connector_id="github"), []),
        (Selection(user="JANE-ID"), []),
    ],
)
def test_a_selection_takes_what_fits_all_that_it_states(
    selection: Selection, expected: list[str], stack: OwnStack, sessions: DynamoSessions
) -> None:
    logins = put_all(stack)
    assert names(sessions.scan(selection), logins) == expected


def test_many_logins_come_each_once_whatever_the_pages_and_batches(stack: OwnStack, sessions: DynamoSessions) -> None:
    logins = {put(stack, a_family(claims=JANE)).family_id for _ in range(230)}
    looked_at: list[int] = []
    for found in (
        sessions.scan(Selection(), segments=3, scanned=looked_at.append),
        sessions.of_subject(subject("jane-id", "local")),
    ):
        assert len(found) == len(logins)
        assert {session.family_id for session in found} == logins
    assert sum(looked_at) == 230


def test_what_a_batch_leaves_out_is_asked_for_again_more_and_more_patiently(stack: OwnStack) -> None:
    family = put(stack, a_family(claims=JANE))
    pauses: list[float] = []
    busy: Any = Busy(stack.dynamodb, times=3)
    sessions = DynamoSessions(busy, stack.families_table, pause=pauses.append)
    assert [one.family_id for one in sessions.of_subject(subject("jane-id", "local"))] == [family.family_id]
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


def test_a_table_that_stays_busy_is_a_503(stack: OwnStack) -> None:
    put(stack, a_family(claims=JANE))
    busy: Any = Busy(stack.dynamodb, times=99)
    sessions = DynamoSessions(busy, stack.families_table, pause=lambda _seconds: None)
    with pytest.raises(OAuthError) as caught:
        sessions.of_subject(subject("jane-id", "local"))
    assert caught.value.status == 503


def test_a_table_that_is_not_there_is_a_503(stack: OwnStack) -> None:
    sessions = DynamoSessions(stack.dynamodb, "nonesuch")
    for look in (lambda: sessions.scan(Selection()), lambda: sessions.of_subject("a"), lambda: sessions.of_family("a")):
        with pytest.raises(OAuthError):
            look()


class Busy:
    """A client of DynamoDB whose first so many batches come back empty-handed."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_get_item(self, **asked: Any) -> Any:
        if self._times:
            self._times -= 1
            return {"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}
        return self._client.batch_get_item(**asked)


A_CODE = a_login(claims=JANE)


@pytest.mark.parametrize(
    ("family", "attributes", "now", "not_before", "state"),
    [
        (a_family(), {}, LOGIN_AT, 0, State.ACTIVE),
        (a_family(), {"expires_at": {"N": str(LOGIN_AT + 60)}}, LOGIN_AT + 60, 0, State.ACTIVE),
        (a_family(), {"expires_at": {"N": str(LOGIN_AT + 60)}}, LOGIN_AT + 61, 0, State.EXPIRED),
        (a_family(revoked_at=LOGIN_AT), {"expires_at": {"N": "1"}}, LOGIN_AT, LOGIN_AT + 1, State.REVOKED),
        (a_family(rotated_at=LOGIN_AT + 5), {}, LOGIN_AT + 9, LOGIN_AT + 5, State.ACTIVE),
        (a_family(rotated_at=LOGIN_AT + 5), {}, LOGIN_AT + 9, LOGIN_AT + 6, State.BEFORE_WATERMARK),
        (A_CODE, {}, LOGIN_AT + 60, 0, State.CODE),
        (A_CODE, {}, LOGIN_AT + 61, 0, State.EXPIRED),
        (A_CODE, {}, LOGIN_AT, LOGIN_AT + 1, State.BEFORE_WATERMARK),
    ],
)
def test_how_a_login_stands(
    family: Family,
    attributes: dict[str, Any],
    now: int,
    not_before: int,
    state: State,
    stack: OwnStack,
    sessions: DynamoSessions,
) -> None:
    put(stack, family, **attributes)
    session = sessions.of_family(family.family_id)
    assert session is not None
    assert session.state(now, not_before) is state
