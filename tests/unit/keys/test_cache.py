"""The ring in the memory of a function: when it is read again, and what happens when it can't be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sundial.errors import OAuthError
from sundial.keys.algorithms import make_key_pair
from sundial.keys.cache import LoadedRing, RingCache
from sundial.keys.ring import MacKey, Ring
from sundial.keys.rotation import run
from tests.support.keys import DAY, HOUR, MINUTE, POLICY, T0, MemoryJwks, MemoryVault, a_key, fake_pair


def latest(_low: float, high: float) -> float:
    return high


def a_vault() -> tuple[MemoryVault, list[str]]:
    """A vault after the first run, and the calls that are made to it from now on."""
    calls: list[str] = []
    vault = MemoryVault(calls.append)
    run(vault, MemoryJwks(), POLICY, lambda: T0, make=fake_pair)
    calls.clear()
    return vault, calls


def real_key(alg: str, **changes: object) -> tuple[str, Ring]:
    pair = make_key_pair(alg)
    key = replace(a_key(pair.public_jwk["kid"], alg, signs_from=T0, private_pem=pair.private_pem), **changes)  # type: ignore[arg-type]
    return key.kid, Ring(1, (key,))


def test_within_five_minutes_the_ring_is_read_once() -> None:
    vault, calls = a_vault()
    cache = RingCache(vault, uniform=latest)
    for now in range(T0, T0 + 5 * MINUTE):
        cache.current(now)
    assert len(calls) == 1
    cache.current(T0 + 5 * MINUTE)
    assert len(calls) == 2


def test_functions_read_it_again_at_different_times_and_never_later_than_five_minutes() -> None:
    asked: list[tuple[float, float]] = []

    def early(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    vault, calls = a_vault()
    cache = RingCache(vault, uniform=early)
    cache.current(T0)
    cache.current(T0 + 4 * MINUTE - 1)
    assert len(calls) == 1
    cache.current(T0 + 4 * MINUTE)
    assert len(calls) == 2
    assert set(asked) == {(0.8, 1)}


def test_it_is_read_again_at_the_next_instant_that_it_names() -> None:
    vault, calls = a_vault()
    cache = RingCache(vault, uniform=latest)
    switch = T0 + 6 * HOUR
    cache.current(switch - 100)
    cache.current(switch - 1)
    assert len(calls) == 1
    cache.current(switch)
    assert len(calls) == 2


def test_a_failed_reload_keeps_the_old_ring_and_tries_again_soon() -> None:
    vault, calls = a_vault()
    cache = RingCache(vault, uniform=latest)
    old = cache.current(T0).ring
    vault.broken = True
    assert cache.current(T0 + 5 * MINUTE).ring == old
    assert cache.current(T0 + 5 * MINUTE + 4).ring == old
    assert len(calls) == 2
    vault.broken = False
    cache.current(T0 + 5 * MINUTE + 5)
    assert len(calls) == 3
    cache.current(T0 + 5 * MINUTE + 6)
    assert len(calls) == 3


def test_an_old_ring_goes_on_for_an_hour_and_then_nothing_is_signed() -> None:
    vault, _ = a_vault()
    cache = RingCache(vault, uniform=latest)
    cache.current(T0)
    vault.broken = True
    cache.current(T0 + HOUR)
    with pytest.raises(OAuthError) as caught:
        cache.current(T0 + HOUR + 5)
    assert caught.value.status == 503
    vault.broken = False
    cache.current(T0 + HOUR + 6)


def test_a_cold_start_that_cannot_read_the_ring_is_a_503() -> None:
    for vault in (MemoryVault(broken=True), MemoryVault()):
        with pytest.raises(OAuthError) as caught:
            RingCache(vault).current(T0)
        assert (caught.value.code, caught.value.status) == ("temporarily_unavailable", 503)
        assert "Retry-After" in caught.value.headers


def test_a_key_is_parsed_when_it_first_signs_and_once_for_all_versions_of_the_ring() -> None:
    kid, ring = real_key("ES256")
    vault = MemoryVault()
    vault.replace(ring, None)
    cache = RingCache(vault, uniform=latest)
    loaded = cache.current(T0)
    assert loaded.signers == {}
    signer = loaded.signer("ES256", T0)
    assert (signer.kid, signer.alg) == (kid, "ES256")
    assert loaded.signer("ES256", T0 + 1) is signer
    assert cache.current(T0 + HOUR) is loaded, "the same version"
    vault.replace(replace(ring, serial=2, not_before=T0), "1")
    reloaded = cache.current(T0 + 2 * HOUR)
    assert reloaded is not loaded
    assert reloaded.signer("ES256", T0 + 2 * HOUR) is signer
    assert reloaded.not_before == T0


def test_a_key_that_has_left_the_ring_is_forgotten() -> None:
    _, ring = real_key("ES256")
    vault = MemoryVault()
    vault.replace(ring, None)
    cache = RingCache(vault, uniform=latest)
    cache.current(T0).signer("ES256", T0)
    _, other = real_key("ES256")
    vault.replace(other, "1")
    assert cache.current(T0 + HOUR).signers == {}


def test_a_planned_switch_needs_no_reload() -> None:
    first, ring = real_key("ES256", signs_until=T0 + 100)
    second, later = real_key("ES256", signs_from=T0 + 100)
    loaded = LoadedRing(Ring(1, ring.signing_keys + later.signing_keys))
    assert loaded.signer("ES256", T0 + 99).kid == first
    assert loaded.signer("ES256", T0 + 100).kid == second
    assert loaded.signer("ES256", T0 + 100 * DAY).kid == second


def test_an_algorithm_whose_key_is_too_new_is_a_503_that_says_how_long() -> None:
    _, ring = real_key("ES256", signs_from=T0 + 500)
    with pytest.raises(OAuthError) as caught:
        LoadedRing(ring).signer("ES256", T0)
    assert caught.value.headers["Retry-After"] == "500"
    assert "ES256" in caught.value.description


def test_an_algorithm_without_any_key_is_a_503() -> None:
    _, ring = real_key("ES256")
    with pytest.raises(OAuthError) as caught:
        LoadedRing(ring, ("RS256", "ES256")).signer("RS256", T0)
    assert caught.value.status == 503


def test_the_algorithm_that_was_replaced_stands_in_until_the_new_one_may_sign() -> None:
    old, ring = real_key("RS256")
    new, later = real_key("ES256", signs_from=T0 + 100)
    loaded = LoadedRing(Ring(1, ring.signing_keys + later.signing_keys), ("ES256",))
    assert (loaded.signer("ES256", T0).kid, loaded.signer("ES256", T0).alg) == (old, "RS256")
    assert loaded.signer("ES256", T0 + 100).kid == new


def test_an_algorithm_that_is_configured_never_stands_in_for_another() -> None:
    _, ring = real_key("RS256")
    _, later = real_key("ES256", signs_from=T0 + 100)
    loaded = LoadedRing(Ring(1, ring.signing_keys + later.signing_keys), ("RS256", "ES256"))
    with pytest.raises(OAuthError):
        loaded.signer("ES256", T0)


def test_mac_keys_come_by_time_and_by_id() -> None:
    macs = (MacKey("00000001", bytes(32), T0, T0, T0 + 10), MacKey("00000002", bytes(32), T0, T0 + 10))
    loaded = LoadedRing(Ring(1, (), macs))
    assert loaded.mac(T0) == macs[0]
    assert loaded.mac(T0 + 10) == macs[1]
    assert loaded.mac_by_id("00000001") == macs[0]
    assert loaded.mac_by_id("00000003") is None
    with pytest.raises(OAuthError):
        loaded.mac(T0 - 1)
