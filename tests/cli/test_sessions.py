"""`sundial sessions`, as an operator types it; what comes of it, as clients and the event bus see it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from sundial.errors import temporarily_unavailable
from sundial.events import Detail, EventBridge, Lost
from sundial.expiry.family import Claims, Ending, Family, PendingCode
from sundial.keys.jwks import PublicKeyStore
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.family_items import to_item
from sundial.tokens.subject import subject
from sundial_local.operate import LocalStack
from sundial_local.state import StateFolder
from tests.support.families import LOGIN_AT, REDIRECT_URI, a_family, a_login
from tests.support.operator import MakeOperator, Operator
from tests.support.refresh_world import RefreshWorld, quick_config
from tests.support.stack import OwnStack
from tests.support.told import RecordingBus

JANE, JOE = Claims("jane-id", email="jane@example.com"), Claims("joe-id", email="joe@example.com")


@pytest.fixture
def sundial(make_operator: MakeOperator) -> Operator:
    return make_operator(quick_config())


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> RecordingBus:
    """What the event bus is told."""
    bus = RecordingBus()
    monkeypatch.setattr(EventBridge, "put", lambda _self, details, at: bus.put(details, at))
    return bus


def put(stack: OwnStack, family: Family, **attributes: Any) -> Family:
    stack.dynamodb.put_item(TableName=stack.families_table, Item=to_item(family) | attributes)
    return family


@pytest.fixture
def logins(stack: OwnStack) -> dict[str, Family]:
    """The logins of two people with two clients, through two connectors."""
    found = {
        "jane, app": a_family(claims=JANE, client_id="app"),
        "jane, cli": a_family(claims=JANE, client_id="cli", created_at=LOGIN_AT - 86400, generation=7),
        "jane, github": a_family(claims=replace(JANE, user_id="1234"), client_id="app", connector_id="github"),
        "joe, app": a_family(claims=JOE, client_id="app"),
    }
    for family in found.values():
        put(stack, family)
    return found


def states(sundial: Operator) -> dict[str, str]:
    """Return how each login stands, by its family."""
    return {one["family_id"]: one["state"] for one in sundial("sessions list --all --json").json["sessions"]}


def revoked(sundial: Operator, logins: dict[str, Family]) -> set[str]:
    found = states(sundial)
    return {name for name, family in logins.items() if found[family.family_id] == "revoked"}


# list


def test_a_row_says_who_where_since_when_until_when_and_how_it_stands(sundial: Operator, stack: OwnStack) -> None:
    family = put(
        stack,
        a_family(claims=JANE, created_at=LOGIN_AT - 86400, generation=7, rotated_at=LOGIN_AT - 3600),
        expires_at={"N": str(LOGIN_AT + 7 * 86400)},
    )
    head, row, summary = sundial("sessions list --all").out.splitlines()
    columns = re.split(r" {2,}", head)
    assert columns == ["STATE", "USER", "CLIENT", "CONNECTOR", "CREATED", "LAST USED", "EXPIRES", "GEN", "FAMILY"]
    assert re.split(r" {2,}", row) == [
        "active",
        "jane@example.com",
        "example-app",
        "local",
        "1 d ago",
        "1 h ago",
        "in 7 d",
        "7",
        family.family_id,
    ]
    assert summary == "1 login (1 active)"


def test_what_somebody_calls_themselves_moves_no_cursor_and_makes_no_line(sundial: Operator, stack: OwnStack) -> None:
    put(stack, a_family(claims=replace(JANE, email="\x1b[1A\x1b[2K\x9b2Jjane@\r\nexample.com\u202e")))
    shown = sundial("sessions list --all").out
    assert "jane@" in shown
    assert all(line.isprintable() for line in shown.splitlines())
    assert len(shown.splitlines()) == 3


def test_every_state_is_told_apart(sundial: Operator, stack: OwnStack) -> None:
    put(stack, a_family())
    put(stack, a_login())
    put(stack, a_family(), expires_at={"N": str(LOGIN_AT - 1)})
    gone = put(stack, a_family())
    DynamoFamilies(stack.dynamodb, stack.families_table).revoke(gone.family_id, LOGIN_AT, Ending.REFRESH_REPLAYED)
    out = sundial("sessions list --all").out
    summary = out.splitlines()[-1]
    assert summary.startswith("4 logins (")
    assert all(f"1 {state}" in summary for state in ("active", "code", "expired", "revoked"))
    assert "revoked: refresh token replayed" in out
    assert len(sundial("sessions list --all --active --json").json["sessions"]) == 2


def test_the_json_has_every_field_and_instants_in_epoch_seconds(sundial: Operator, logins: dict[str, Family]) -> None:
    document = sundial("sessions list --user joe@example.com --json").json
    [session] = document["sessions"]
    assert document["at"] == sundial.now
    assert session == {
        "state": "active",
        "family_id": logins["joe, app"].family_id,
        "subject": subject("joe-id", "local"),
        "user_id": "joe-id",
        "email": "joe@example.com",
        "client_id": "app",
        "connector_id": "local",
        "created_at": LOGIN_AT,
        "last_used_at": LOGIN_AT,
        "rotated_at": LOGIN_AT,
        "generation": 1,
        "expires_at": None,
        "code_expires_at": LOGIN_AT + 60,
        "redeemed_at": LOGIN_AT,
        "revoked_at": None,
        "revoked_why": None,
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--all", {"jane, app", "jane, cli", "jane, github", "joe, app"}),
        ("--user Jane@Example.com", {"jane, app", "jane, cli", "jane, github"}),
        ("--user jane-id", {"jane, app", "jane, cli"}),
        ("--user jane-id --connector local", {"jane, app", "jane, cli"}),
        ("--user 1234 --connector github", {"jane, github"}),
        ("--user jane@example.com --connector github", {"jane, github"}),
        ("--user jane-id --connector github", set()),
        (f"--subject {subject('jane-id', 'local')}", {"jane, app", "jane, cli"}),
        (f"--subject {subject('jane-id', 'local')} --client cli", {"jane, cli"}),
        ("--client app", {"jane, app", "jane, github", "joe, app"}),
        ("--client app --connector github", {"jane, github"}),
        ("--connector local", {"jane, app", "jane, cli", "joe, app"}),
        ("--client nonesuch", set()),
    ],
)
def test_the_logins_are_those_that_fit_all_that_is_said(
    options: str, expected: set[str], sundial: Operator, logins: dict[str, Family]
) -> None:
    by_id = {family.family_id: name for name, family in logins.items()}
    found = sundial(f"sessions list {options} --json").json["sessions"]
    assert {by_id[session["family_id"]] for session in found} == expected
    ended = sundial(f"sessions revoke {options} --yes --json").json
    assert {by_id[family_id] for family_id in ended["families"]} == expected


def test_a_family_is_found_by_the_id_of_an_event(sundial: Operator, logins: dict[str, Family]) -> None:
    family_id = logins["jane, cli"].family_id
    [session] = sundial(f"sessions list --family={family_id} --json").json["sessions"]
    assert session["family_id"] == family_id
    assert sundial("sessions list --family=nonesuch").out == "No such login.\n"


@pytest.mark.parametrize("options", ["", "--all --client app", "--all --user jane"])
def test_which_logins_must_be_said_and_all_stands_alone(options: str, sundial: Operator) -> None:
    for command in ("list", "revoke --yes"):
        result = sundial(f"sessions {command} {options}")
        assert (result.status, result.out) == (2, "")
        assert "--all" in result.err


def test_a_long_list_is_cut_for_people_and_whole_for_scripts(sundial: Operator, stack: OwnStack) -> None:
    for _ in range(5):
        put(stack, a_family())
    out = sundial("sessions list --all --limit 2").out
    assert "… and 3 more" in out
    assert "5 logins" in out
    assert len(sundial("sessions list --all --limit 2 --json").json["sessions"]) == 5
    assert "more" not in sundial("sessions list --all --limit 0").out


# revoke


def test_revoking_asks_first_and_says_how_many(sundial: Operator, logins: dict[str, Family]) -> None:
    refused = sundial("sessions revoke --client app", typed="n\n")
    assert (refused.status, refused.out) == (1, "")
    assert "End 3 logins (3 active)? [y/N]" in refused.err
    assert revoked(sundial, logins) == set()
    done = sundial("sessions revoke --client app", typed="y\n")
    assert (done.status, done.out) == (0, "Ended 3 logins.\n")
    assert revoked(sundial, logins) == {"jane, app", "jane, github", "joe, app"}


def test_without_anybody_to_ask_nothing_ends(sundial: Operator, logins: dict[str, Family]) -> None:
    result = sundial("sessions revoke --all")
    assert (result.status, result.out) == (2, "")
    assert "--yes" in result.err
    assert revoked(sundial, logins) == set()


def test_again_it_ends_nothing_and_is_well(sundial: Operator, logins: dict[str, Family], bus: RecordingBus) -> None:
    assert sundial("sessions revoke --all --yes").out == "Ended 4 logins.\n"
    again = sundial("sessions revoke --all")  # there is nothing to ask
    assert (again.status, again.out) == (0, "All of them were revoked already.\n")
    assert sundial("sessions revoke --all --json").json == {"found": 4, "revoked": 0, "families": []}
    assert len(bus.events) == 4


def test_each_login_that_ends_is_told_on_the_event_bus(
    sundial: Operator, logins: dict[str, Family], bus: RecordingBus
) -> None:
    sundial("sessions revoke --user jane@example.com --yes")
    assert bus.titles == ["Family Revoked"] * 3
    details = [detail for _, detail in bus.events]
    assert {detail["why"] for detail in details} == {Ending.BY_OPERATOR}
    assert {detail["family_id"] for detail in details} == {
        logins[name].family_id for name in ("jane, app", "jane, cli", "jane, github")
    }
    assert all(detail["at"] == sundial.now for detail in details)


def test_a_bus_that_takes_nothing_is_said_and_the_logins_end_all_the_same(
    sundial: Operator, logins: dict[str, Family], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_self: EventBridge, details: list[Detail], _at: int) -> list[Lost]:
        return [Lost(one.title, "AccessDeniedException") for one in details]

    monkeypatch.setattr(EventBridge, "put", denied)
    result = sundial("sessions revoke --all --yes")
    assert (result.status, result.out) == (0, "Ended 4 logins.\n")
    assert "4 of the events were not taken by the bus: AccessDeniedException" in result.err


def test_a_table_that_fails_in_the_middle_ends_what_it_could_and_tells_of_it(
    sundial: Operator, stack: OwnStack, monkeypatch: pytest.MonkeyPatch, bus: RecordingBus
) -> None:
    for _ in range(40):
        put(stack, a_family())
    revoke, tries = DynamoFamilies.revoke, iter(range(100))

    def fails_at_the_tenth(self: DynamoFamilies, family_id: str, now: int, why: str) -> bool:
        if next(tries) == 10:
            raise temporarily_unavailable("the token store can't be reached at the moment", detail="Throttling")
        return revoke(self, family_id, now, why)

    monkeypatch.setattr(DynamoFamilies, "revoke", fails_at_the_tenth)
    result = sundial("sessions revoke --all --yes")
    assert (result.status, result.out) == (3, "")
    assert "ended before this" in result.err
    assert "the token store can't be reached" in result.err
    monkeypatch.setattr(DynamoFamilies, "revoke", revoke)
    assert sundial("sessions revoke --all --yes").status == 0
    assert set(states(sundial).values()) == {"revoked"}


def test_a_login_that_ends_is_refused_at_the_token_endpoint(
    sundial: Operator, stack: OwnStack, bus: RecordingBus
) -> None:
    world = RefreshWorld(stack=stack, now=sundial.now)
    world.configure(quick_config())
    token = world.refresh_token()
    assert sundial("sessions revoke --client example-app --yes").status == 0
    assert world.refresh(token).error == (400, "invalid_grant")


# watermark


@pytest.fixture
def with_keys(sundial: Operator) -> Operator:
    LocalStack(StateFolder(sundial.folder)).rotate_keys({})
    return sundial


def test_the_watermark_is_shown(with_keys: Operator) -> None:
    assert with_keys("sessions watermark").out == "There is no watermark: whatever was issued is honoured.\n"
    assert with_keys("sessions watermark --json").json == {"at": with_keys.now, "not_before": 0}


def test_before_the_first_rotation_there_is_no_watermark(sundial: Operator) -> None:
    assert sundial("sessions watermark").status == 0


def test_the_watermark_is_raised_to_now_after_a_question(with_keys: Operator, stack: OwnStack) -> None:
    refused = with_keys("sessions watermark now", typed="\n")
    assert refused.status == 1
    assert "has to log in again" in refused.err
    done = with_keys("sessions watermark now", typed="y\n")
    assert done.status == 0
    assert "Nothing issued before 2027-01-15 08:00:00Z (now) is honoured." in done.out
    assert "in 5 min" in done.out
    published = PublicKeyStore(stack.dynamodb, stack.public_keys_table).load()
    assert published is not None
    assert published.not_before == with_keys.now
    assert with_keys("sessions watermark --json").json["not_before"] == with_keys.now


@pytest.mark.parametrize(
    "instant", ["2027-01-15T07:00:00Z", "2027-01-15T08:00+01:00", "2027-01-15T07:00", "1799996400"]
)
def test_an_instant_can_be_written_in_several_ways(instant: str, with_keys: Operator) -> None:
    report = with_keys(f"sessions watermark {instant} --yes --json").json
    assert report["not_before"] == LOGIN_AT - 3600


def test_the_watermark_never_falls_and_never_lies_ahead(with_keys: Operator) -> None:
    with_keys("sessions watermark now --yes")
    falls = with_keys("sessions watermark 2027-01-15T07:00:00Z --yes")
    assert falls.status == 1
    assert "it stands at 2027-01-15 08:00:00Z (now)" in falls.err
    ahead = with_keys("sessions watermark 2027-01-16T07:00:00Z --yes")
    assert ahead.status == 1
    assert "future" in ahead.err


def test_the_same_watermark_again_is_none_to_wait_for(with_keys: Operator) -> None:
    with_keys("sessions watermark now --yes")
    again = with_keys("sessions watermark now --yes")
    assert again.status == 0
    assert again.out.endswith("It stood there already.\n")


@pytest.mark.parametrize("instant", ["yesterday", "2027-13-01", "-1"])
def test_what_is_no_instant_is_refused_with_an_example(instant: str, with_keys: Operator) -> None:
    result = with_keys(f"sessions watermark --yes -- {instant}")
    assert (result.status, result.out) == (2, "")
    assert "2027-01-15T08:00:00Z" in result.err


def test_logins_older_than_the_watermark_are_listed_as_such(with_keys: Operator, stack: OwnStack) -> None:
    put(stack, a_family(rotated_at=LOGIN_AT - 1))
    put(stack, a_family(rotated_at=LOGIN_AT))
    with_keys("sessions watermark now --yes")
    assert sorted(states(with_keys).values()) == ["active", "before the watermark"]


def test_nothing_that_could_be_used_is_printed(sundial: Operator, stack: OwnStack) -> None:
    code = PendingCode(LOGIN_AT + 60, REDIRECT_URI, challenge="S256:a-challenge")
    put(stack, a_login(nonce="a-nonce-of-the-client", code=code))
    for options in ("", "--json"):
        out = sundial(f"sessions list --all {options}").out
        assert "a-nonce" not in out
        assert "challenge" not in out
        assert "mac_key" not in out
