"""One run: how much network it costs, what it reports, and what it does about stores that disagree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sundial.errors import OAuthError
from sundial.keys.algorithms import KeyCheckError, KeyPair
from sundial.keys.commands import RaiseWatermark
from sundial.keys.ring import Ring, signing_key, to_json
from sundial.keys.rotation import UnsettledError, overdue, report_document, run
from tests.support.keys import DAY, HOUR, POLICY, T0, MemoryJwks, MemoryVault, fake_pair
from tests.support.ring_world import SKEW, World


def test_the_usual_run_reads_twice_and_writes_nothing() -> None:
    calls: list[str] = []
    vault, jwks = MemoryVault(calls.append), MemoryJwks(calls.append)
    run(vault, jwks, POLICY, lambda: T0, make=fake_pair)
    calls.clear()
    run(vault, jwks, POLICY, lambda: T0 + HOUR, make=fake_pair)
    assert calls == ["load the JWKS", "read the ring"]


def test_a_key_is_in_the_secret_before_it_is_published_and_published_before_it_may_sign() -> None:
    story: list[str] = []
    vault, jwks = MemoryVault(story.append), MemoryJwks(story.append)
    run(vault, jwks, POLICY, lambda: T0, make=fake_pair)
    assert [call for call in story if "is" in call.split()] == [
        "the ring is replaced",
        "the JWKS is published",
        "the ring is replaced",
        "the JWKS is published",
    ]


def test_a_publication_counts_from_when_it_was_done_not_from_when_the_run_began() -> None:
    ticks: Iterator[int] = iter(range(T0, T0 + 1000, 10))
    vault, jwks = MemoryVault(), MemoryJwks()
    published: list[int] = []
    jwks.on_publish = lambda _before, _after: published.append(next(ticks))
    run(vault, jwks, POLICY, lambda: next(ticks), make=fake_pair)
    first = vault.ring.signing_keys[0]
    assert first.published_at is not None
    assert first.published_at > published[0]


def test_a_report_says_what_was_done_and_holds_nothing_private() -> None:
    world = World()
    report = world.rotate()
    document = report_document(report, POLICY)
    text = json.dumps(document)
    assert "private" not in text
    assert [change["what"] for change in document["changes"]].count("made") == 4
    active = signing_key(world.vault.ring, "RS256", world.now)
    assert active is not None
    assert document["active"] == {"RS256": {"kid": active.kid, "age_seconds": 0}}
    assert document["next_change_at"] > world.now
    assert "everywhere_at" not in document
    secrets = [key.secret.hex() for key in world.vault.ring.mac_keys]
    assert not any(secret in text for secret in secrets)


def test_retired_and_dropped_keys_are_reported_once() -> None:
    world = World()
    world.rotate()
    first = world.vault.ring.signing_keys[0].kid
    told: list[str] = []
    for _ in range(40):
        world.pass_time(HOUR)
        told.extend(change.what for change in world.rotate().changes if change.kid == first)
    assert told == ["retired", "dropped"]


def test_a_key_is_overdue_when_no_successor_took_over_in_time() -> None:
    world = World()
    world.rotate()
    report = replace(world.rotate(), at=T0 + 12 * HOUR)
    assert list(overdue(report, POLICY)) == [("RS256", 0)]
    report = replace(report, at=T0 + 12 * HOUR + 90)
    assert list(overdue(report, POLICY)) == [("RS256", 90)]


def test_a_first_key_that_waits_for_its_successor_is_not_overdue() -> None:
    policy = replace(POLICY, signs_for=timedelta(hours=1))
    report = World(policy).rotate()
    assert list(overdue(replace(report, at=T0 + 2 * HOUR), policy)) == [("RS256", 0)]


def test_a_key_that_fails_its_check_stops_the_run_and_nothing_is_written() -> None:
    def bad(alg: str) -> KeyPair:
        raise KeyCheckError(f"a new {alg} key doesn't verify what it signs")

    vault = MemoryVault()
    with pytest.raises(KeyCheckError):
        run(vault, MemoryJwks(), POLICY, lambda: T0, make=bad)
    assert vault.document is None


def test_stores_that_are_out_of_reach_end_the_run() -> None:
    with pytest.raises(OAuthError):
        run(MemoryVault(broken=True), MemoryJwks(), POLICY, lambda: T0, make=fake_pair)
    with pytest.raises(OAuthError):
        run(MemoryVault(), MemoryJwks(broken=True), POLICY, lambda: T0, make=fake_pair)


def test_a_run_that_always_loses_gives_up_after_a_while() -> None:
    class Lost(MemoryVault):
        def replace(self, ring: Ring, expected_version: str | None) -> bool:
            return False

    with pytest.raises(UnsettledError):
        run(Lost(), MemoryJwks(), POLICY, lambda: T0, make=fake_pair)


def test_a_ring_that_was_restored_from_a_backup_is_published_although_a_newer_one_is_served() -> None:
    world = World()
    world.rotate()
    old, old_kids = world.vault.document, world.jwks.kids
    world.pass_time(DAY)
    world.rotate()
    served = world.jwks.served
    assert served is not None
    world.revoked.update(world.jwks.kids)  # what is lost with the newer ring
    world.vault.document, world.vault.version = old, world.vault.version + 1
    world.rotate()
    assert old_kids <= world.jwks.kids
    assert world.vault.ring.serial > served.serial


def test_a_ring_that_was_restored_is_published_although_nothing_is_due_in_it() -> None:
    world = World()
    world.rotate()
    old = world.vault.document
    world.rotate(RaiseWatermark(world.now))
    served = world.jwks.served
    assert served is not None
    world.vault.document, world.vault.version = old, world.vault.version + 1
    world.rotate()
    assert world.jwks.served is not None
    assert world.jwks.served.serial == world.vault.ring.serial > served.serial


def test_a_secret_that_is_lost_is_made_anew_although_the_table_still_serves_the_old_keys() -> None:
    world = World()
    world.rotate()
    served = world.jwks.served
    assert served is not None
    world.vault.document = None
    world.first_keys = frozenset()
    world.rotate()
    assert not world.jwks.kids & {jwk["kid"] for jwk in served.keys}
    assert world.vault.ring.serial > served.serial
    assert signing_key(world.vault.ring, "RS256", world.now) is not None


def test_a_run_whose_clock_is_behind_the_one_before_it_still_publishes() -> None:
    world = World(rotation_skew=SKEW)
    world.rotate()
    for _ in range(34 * 4):
        world.pass_time(HOUR // 4)
        world.rotation_skew = -world.rotation_skew
        world.rotate()
    assert world.vault.ring.serial < 60


def test_other_settings_are_published_by_a_run_whose_clock_is_behind_too() -> None:
    world = World(rotation_skew=SKEW)
    world.rotate()
    before = world.jwks.served
    world.rotation_skew = -SKEW
    world.change_policy(replace(POLICY, publish_ahead=timedelta(hours=4)))
    world.rotate()
    assert world.jwks.served != before


def test_every_version_of_the_ring_has_a_serial_of_its_own() -> None:
    serials: list[int] = []

    class Counting(MemoryVault):
        def replace(self, ring: Ring, expected_version: str | None) -> bool:
            serials.append(ring.serial)
            return super().replace(ring, expected_version)

    vault, jwks = Counting(), MemoryJwks()
    for hour in range(48):
        run(vault, jwks, POLICY, lambda now=T0 + hour * HOUR: now, make=fake_pair)  # type: ignore[misc]
    assert serials == list(range(1, len(serials) + 1))


def test_a_ring_of_dexs_defaults_stays_small() -> None:
    world = World()
    world.rotate()
    largest = 0
    for _ in range(24 * 7):
        world.pass_time(HOUR)
        world.rotate()
        largest = max(largest, len(world.vault.ring.signing_keys))
    assert largest <= 9
    assert len(to_json(world.vault.ring)) < 65536
