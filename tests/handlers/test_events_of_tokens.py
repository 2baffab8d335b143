"""What the token endpoint tells the event bus: of replays and revoked logins, once each, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from sundial.errors import temporarily_unavailable
from sundial.events import Detail, Events, Lost
from sundial.expiry.family import Ending
from tests.support.families import MemoryFamilies
from tests.support.token_world import CONFIG, Answer, TokenWorld
from tests.support.told import RecordingBus, messages, recording_events

WITHOUT_THE_USER = CONFIG.replace("userID: 08a8684b", "userID: 99999999").rstrip() + " {}\n"


@dataclass
class Told:
    """A token endpoint, and the bus that it tells."""

    world: TokenWorld
    bus: RecordingBus

    @classmethod
    def of(cls, refresh_tokens: str = "{}") -> Told:
        events, bus = recording_events()
        return cls(TokenWorld(refresh_tokens, more_stores={"events": events}), bus)

    def replay(self) -> Answer:
        """Refresh with a token that has been superseded."""
        first = self.world.refresh_token()
        self.world.refresh(first)
        return self.world.refresh(first)


def family_id(world: TokenWorld) -> str:
    [family] = world.memory.families.values()
    return family.family_id


def test_what_goes_well_tells_nothing() -> None:
    told = Told.of("{reuseInterval: 30s}")
    world = told.world
    first = world.refresh_token()
    world.refresh(first)
    world.now += 31
    world.refresh(first)
    world.refresh(first)
    assert told.bus.calls == []


def test_what_is_refused_without_harm_tells_nothing() -> None:
    told = Told.of("{validIfNotUsedFor: 1h}")
    token = told.world.refresh_token()
    told.world.refresh(token, scope="openid groups")
    told.world.refresh(token, client_id="another-app")
    told.world.refresh(token[:-2] + "AA")
    told.world.now += 3601
    told.world.refresh(token)
    assert told.bus.calls == []


def test_a_replay_is_told_with_the_revocation_that_it_costs_in_one_call() -> None:
    told = Told.of()
    assert told.replay().error == (400, "invalid_grant")
    whose = {
        "issuer": "https://id.example.com",
        "at": told.world.now,
        "client_id": "example-app",
        "connector_id": "local",
        "family_id": family_id(told.world),
    }
    assert told.bus.calls == [
        [
            ("Refresh Token Replayed", {**whose, "generation_gap": 1, "on_replay": "revoke"}),
            ("Family Revoked", {**whose, "why": Ending.REFRESH_REPLAYED}),
        ]
    ]


def test_a_replay_that_is_only_rejected_is_told_alone() -> None:
    told = Told.of("{onReplay: reject}")
    told.replay()
    [(title, detail)] = told.bus.events
    assert (title, detail["on_replay"]) == ("Refresh Token Replayed", "reject")


def test_a_replayed_code_is_told_with_its_revocation() -> None:
    told = Told.of()
    code = told.world.log_in()
    told.world.redeem(code)
    told.world.redeem(code)
    assert told.bus.titles == ["Authorization Code Replayed", "Family Revoked"]
    assert told.bus.events[1][1]["why"] == Ending.CODE_REPLAYED


def test_a_login_is_told_to_be_revoked_once_however_often_it_is_tried() -> None:
    told = Told.of()
    first = told.world.refresh_token()
    second = told.world.refresh(first).body["refresh_token"]
    for token in (first, first, second, first):
        told.world.refresh(token)
    assert told.bus.titles == ["Refresh Token Replayed", "Family Revoked"]


def test_a_user_who_is_gone_takes_the_login_with_them_and_that_is_told_once() -> None:
    told = Told.of()
    token = told.world.refresh_token()
    told.world.configure(WITHOUT_THE_USER)
    for _ in range(3):
        assert told.world.refresh(token).error == (400, "invalid_grant")
    [(title, detail)] = told.bus.events
    assert (title, detail["why"]) == ("Family Revoked", Ending.USER_GONE)


def test_a_token_that_was_never_given_out_is_told() -> None:
    told = Told.of()
    token = told.world.refresh_token()
    token = told.world.refresh(token).body["refresh_token"]
    families = told.world.memory.families
    for name, family in families.items():
        families[name] = replace(family, generation=1)  # the table of yesterday
    assert told.world.refresh(token).error == (400, "invalid_grant")
    assert told.bus.titles == ["Integrity Alarm"]


class LateBus(RecordingBus):
    """A bus that looks whether the login is revoked by the time it is told."""

    def __init__(self, families: MemoryFamilies) -> None:
        super().__init__()
        self.families = families
        self.revoked_by_then: list[bool] = []

    def put(self, details: Sequence[Detail], at: int) -> list[Lost]:
        self.revoked_by_then += [family.revoked_at is not None for family in self.families.families.values()]
        return super().put(details, at)


def test_the_revocation_is_written_before_anybody_hears_of_it() -> None:
    families = MemoryFamilies()
    bus = LateBus(families)
    told = Told(TokenWorld(families=families, more_stores={"events": Events("https://id.example.com", bus)}), bus)
    told.replay()
    assert bus.revoked_by_then == [True]


def test_a_bus_that_fails_changes_nothing_but_the_log(caplog: pytest.LogCaptureFixture) -> None:
    told = Told.of()
    expected = told.replay()
    failing = Told.of()
    failing.bus.fails = True
    answer = failing.replay()
    assert (answer.status, answer.body) == (expected.status, expected.body)
    assert failing.world.memory.revoked == {family_id(failing.world): Ending.REFRESH_REPLAYED}
    assert messages(caplog).count("event_not_sent") == 2


class Unrevokable(MemoryFamilies):
    """Families that can't be revoked at the moment."""

    def revoke(self, family_id: str, now: int, why: str) -> bool:
        raise temporarily_unavailable("the token store can't be reached at the moment")


def test_a_replay_whose_revocation_fails_is_told_all_the_same() -> None:
    events, bus = recording_events()
    told = Told(TokenWorld(families=Unrevokable(), more_stores={"events": events}), bus)
    assert told.replay().error == (503, "temporarily_unavailable")
    assert bus.titles == ["Refresh Token Replayed"]
