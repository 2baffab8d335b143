"""One run: how much network it costs, what it reports, and what it does about stores that disagree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sundial.errors import OAuthError
from sundial.keys.algorithms import KeyCheckError, KeyPair
from sundial.keys.commands import Promote, RaiseWatermark, Revoke
from sundial.keys.ring import MacKey, Ring, from_json, mac_key, signing_key, to_json
from sundial.keys.rotation import Change, Report, UnsettledError, active_ages, overdue, report_document, run
from tests.support.keys import DAY, HOUR, MINUTE, POLICY, T0, MemoryJwks, MemoryVault, a_key, fake_pair
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


def test_a_report_is_the_document_that_the_operators_page_describes() -> None:
    signs = a_key("one", signs_from=T0 - 60)
    changes = (
        Change("retired", "zero", "RS256", signs_from=T0 - 90, signs_until=T0 - 60, successor="one"),
        Change("dropped", "00000001", "MAC"),
    )
    report = Report(T0, Ring(7, (signs,), not_before=5), changes, T0 + 600, everywhere_at=None, out_of_step=False)
    document = {
        "at": T0,
        "serial": 7,
        "not_before": 5,
        "changes": [
            {
                "what": "retired",
                "kid": "zero",
                "alg": "RS256",
                "signs_from": T0 - 90,
                "signs_until": T0 - 60,
                "successor": "one",
            },
            {"what": "dropped", "kid": "00000001", "alg": "MAC"},
        ],
        "active": {"RS256": {"kid": "one", "age_seconds": 60}},
        "next_change_at": T0 + 600,
    }
    policy = replace(POLICY, algorithms=("RS256", "ES256"))
    assert report_document(report, policy) == document
    assert report_document(replace(report, everywhere_at=T0 + 300), policy) == {**document, "everywhere_at": T0 + 300}


def test_an_algorithm_that_has_no_key_yet_has_no_active_key_and_none_overdue() -> None:
    report = Report(T0, Ring(), (), T0, None, False)
    assert list(active_ages(report, POLICY)) == []
    assert list(overdue(report, POLICY)) == []


def test_after_a_command_the_report_says_when_every_function_knows() -> None:
    world = World()
    world.rotate()
    report = world.rotate(RaiseWatermark(world.now))
    assert report is not None
    assert report.everywhere_at == world.now + 5 * MINUTE


def test_each_change_is_told_as_it_is_reported() -> None:
    told: list[Change] = []
    report = run(MemoryVault(), MemoryJwks(), POLICY, lambda: T0, make=fake_pair, tell=told.append)
    assert tuple(told) == report.changes
    assert {change.what for change in told} == {"made", "published"}


def test_a_change_of_a_key_names_its_instants_and_one_that_retires_its_successor() -> None:
    policy = replace(POLICY, algorithms=("ES256", "RS256"))
    vault, jwks, now = MemoryVault(), MemoryJwks(), T0
    first = run(vault, jwks, policy, lambda: now, make=fake_pair).ring
    signs, follows = (key for key in first.signing_keys if key.alg == "RS256")
    changes: list[Change] = []
    while not any(change.what == "retired" for change in changes):
        now += 10 * MINUTE
        changes += run(vault, jwks, policy, lambda: now, make=fake_pair).changes  # noqa: B023
    retired = {change.alg: change for change in changes if change.what == "retired"}
    assert retired["RS256"] == Change("retired", signs.kid, "RS256", T0, T0 + 6 * HOUR, follows.kid)
    assert retired["ES256"].successor not in (None, follows.kid)
    assert all(change.successor is None for change in changes if change.what != "retired")
    by_kid = {key.kid: key for key in vault.ring.signing_keys}
    for change in changes:
        if change.what == "moved":
            assert change.signs_from == by_kid[change.kid].signs_from is not None


def test_a_mac_key_that_comes_goes_or_is_revoked_is_reported_as_that() -> None:
    vault, jwks = MemoryVault(), MemoryJwks()
    first = run(vault, jwks, POLICY, lambda: T0, make=fake_pair)
    made = [change for change in first.changes if change.alg == "MAC"]
    active, follows = first.ring.mac_keys
    assert made == [
        Change("made", active.id, "MAC", T0, T0 + 30 * DAY),
        Change("made", follows.id, "MAC", T0 + 30 * DAY, None),
    ]
    assert {len(key.secret) for key in first.ring.mac_keys} == {32}
    revoked = run(vault, jwks, POLICY, lambda: T0 + DAY, make=fake_pair, command=Revoke(active.id, force=True)).changes
    assert Change("revoked", active.id, "MAC", T0, T0 + 30 * DAY) in revoked
    later = mac_key(vault.ring, T0 + DAY)
    assert later is not None
    assert later.id == follows.id
    old = MacKey("00000001", bytes(32), T0 - DAY, T0 - DAY, T0, kept_until=T0 + DAY)
    vault.replace(replace(vault.ring, mac_keys=(old, *vault.ring.mac_keys)), str(vault.version))
    gone = run(vault, jwks, POLICY, lambda: T0 + 400 * DAY, make=fake_pair).changes
    assert "dropped" in {change.what for change in gone if change.kid == old.id}


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

    with pytest.raises(UnsettledError, match="did not settle in 12 rounds"):
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


def test_a_ring_that_was_saved_before_its_key_was_published_can_be_restored() -> None:
    vault, jwks = MemoryVault(), MemoryJwks()
    rings: list[str] = []
    jwks.on_publish = lambda _before, _after: rings.append(str(vault.document))
    run(vault, jwks, POLICY, lambda: T0, make=fake_pair)
    unpublished = rings[0]
    assert {key.published_at for key in from_json(unpublished).signing_keys} == {None}
    vault.document, vault.version = unpublished, vault.version + 1
    run(vault, jwks, POLICY, lambda: T0 + HOUR, make=fake_pair)
    assert {key.kid for key in vault.ring.signing_keys} <= jwks.kids


@pytest.fixture
def settled() -> tuple[MemoryVault, MemoryJwks]:
    """What the first run leaves."""
    vault, jwks = MemoryVault(), MemoryJwks()
    report = run(vault, jwks, POLICY, lambda: T0, make=fake_pair)
    assert report.out_of_step is False, "nothing was served, and nothing was to be"
    return vault, jwks


def out_of_step(vault: MemoryVault, jwks: MemoryJwks, now: int = T0 + HOUR) -> bool:
    """Return what the next run says, and that it has mended what it found: the one after it finds nothing."""
    found = run(vault, jwks, POLICY, lambda: now, make=fake_pair).out_of_step
    assert run(vault, jwks, POLICY, lambda: now + 1, make=fake_pair).out_of_step is False
    return found


def test_a_jwks_that_is_the_rings_is_in_step_also_while_keys_come_and_go(
    settled: tuple[MemoryVault, MemoryJwks],
) -> None:
    for hour in range(1, 72):
        assert out_of_step(*settled, T0 + hour * HOUR) is False


def test_a_jwks_that_has_lost_one_of_its_keys_is_out_of_step(settled: tuple[MemoryVault, MemoryJwks]) -> None:
    vault, jwks = settled
    assert jwks.served is not None
    jwks.served = replace(jwks.served, keys=jwks.served.keys[1:])
    assert out_of_step(vault, jwks) is True


def test_a_jwks_that_has_a_key_of_somebody_elses_is_out_of_step(settled: tuple[MemoryVault, MemoryJwks]) -> None:
    vault, jwks = settled
    assert jwks.served is not None
    jwks.served = replace(jwks.served, keys=(*jwks.served.keys, fake_pair("RS256").public_jwk))
    assert out_of_step(vault, jwks) is True


def test_a_jwks_that_says_another_key_under_the_same_kid_is_out_of_step(
    settled: tuple[MemoryVault, MemoryJwks],
) -> None:
    vault, jwks = settled
    assert jwks.served is not None
    first, *others = jwks.served.keys
    jwks.served = replace(jwks.served, keys=({**first, "n": "another"}, *others))
    assert out_of_step(vault, jwks) is True


def test_a_jwks_that_is_gone_is_out_of_step(settled: tuple[MemoryVault, MemoryJwks]) -> None:
    vault, jwks = settled
    jwks.served = None
    assert out_of_step(vault, jwks) is True


def test_a_key_that_nobody_has_published_yet_is_not_missed() -> None:
    vault, jwks = MemoryVault(), MemoryJwks()
    pending = a_key("pending", published_at=None)
    vault.replace(Ring(1, (pending,)), None)
    assert out_of_step(vault, jwks) is False


def test_the_jwks_says_since_when_each_of_its_keys_is_published(settled: tuple[MemoryVault, MemoryJwks]) -> None:
    vault, jwks = settled
    assert jwks.served is not None
    assert jwks.served.published_at == {key.kid: T0 for key in vault.ring.signing_keys}


def test_a_promotion_is_reported_as_what_moves() -> None:
    world = World()
    world.rotate()
    world.pass_time(4 * HOUR)
    report = world.rotate(Promote())
    assert report is not None
    assert "moved" in {change.what for change in report.changes}


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
