"""The ring in the memory of a function: when it is read again, and what happens when it can't be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from sundial.errors import OAuthError
from sundial.keys.algorithms import make_key_pair, to_jwk
from sundial.keys.cache import LoadedRing, RingCache
from sundial.keys.ring import MacKey, Ring, SigningKey
from sundial.keys.rotation import run
from tests.support.keys import DAY, HOUR, MINUTE, POLICY, T0, MemoryJwks, MemoryVault, a_key, fake_pair
from tests.support.logs import logged


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


def test_a_ring_that_names_no_instant_is_read_once_in_five_minutes_too() -> None:
    calls: list[str] = []
    vault = MemoryVault(calls.append)
    vault.replace(Ring(1, (a_key("the only one", signs_from=T0),)), None)
    calls.clear()
    cache = RingCache(vault, uniform=latest)
    cache.current(T0)
    cache.current(T0 + 5 * MINUTE - 1)
    assert len(calls) == 1
    cache.current(T0 + 5 * MINUTE)
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


def test_that_an_old_ring_goes_on_is_logged_with_why_and_since_when(caplog: pytest.LogCaptureFixture) -> None:
    vault, _ = a_vault()
    cache = RingCache(vault, uniform=latest)
    cache.current(T0)
    vault.broken = True
    cache.current(T0 + 5 * MINUTE)
    line = json.loads(logged(caplog))
    assert (line["level"], line["message"]) == ("WARNING", "the old key ring goes on")
    assert (line["loaded_at"], line["detail"]) == (T0, "GetSecretValue: broken")


def test_in_its_last_seconds_an_old_ring_is_asked_for_no_more_often_and_goes_on_no_longer() -> None:
    vault, calls = a_vault()
    cache = RingCache(vault, uniform=latest)
    cache.current(T0)
    vault.broken = True
    cache.current(T0 + HOUR - 1)
    cache.current(T0 + HOUR)
    assert len(calls) == 2
    with pytest.raises(OAuthError):
        cache.current(T0 + HOUR + 1)


def test_a_cold_start_that_cannot_read_the_ring_is_a_503() -> None:
    for vault in (MemoryVault(broken=True), MemoryVault()):
        with pytest.raises(OAuthError) as caught:
            RingCache(vault).current(T0)
        assert (caught.value.code, caught.value.status) == ("temporarily_unavailable", 503)
        assert "Retry-After" in caught.value.headers


def test_before_the_first_rotation_a_client_is_told_to_come_again_soon_and_the_log_why() -> None:
    with pytest.raises(OAuthError) as caught:
        RingCache(MemoryVault()).current(T0)
    assert caught.value.headers["Retry-After"] == "30"
    assert caught.value.description == "there are no keys yet; try again soon"
    assert caught.value.detail == "the first rotation has not run"


def test_a_key_is_parsed_when_it_first_signs_and_once_for_all_versions_of_the_ring() -> None:
    kid, ring = real_key("ES256")
    vault = MemoryVault()
    vault.replace(ring, None)
    cache = RingCache(vault, uniform=latest)
    loaded = cache.current(T0)
    assert loaded.signers == {}
    signer = loaded.signer("ES256", T0)
    assert (signer.kid, signer.alg) == (kid, "ES256")
    assert isinstance(signer.key, EllipticCurvePrivateKey)
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
    assert caught.value.headers["Retry-After"] == "30"
    assert caught.value.description == "there is no RS256 key yet; try again soon"


@pytest.mark.parametrize(
    "key",
    [
        a_key("pending, and not known to be published", published_at=None),
        a_key("ended", signs_from=T0 - 100, signs_until=T0),
        a_key("without its private half", signs_from=T0, private_pem=None),
        a_key("pending, of another algorithm", "ES384", signs_from=T0 + 5),
    ],
    ids=lambda key: key.kid,
)
def test_a_key_that_will_not_sign_makes_nobody_wait_for_it(key: SigningKey) -> None:
    with pytest.raises(OAuthError) as caught:
        LoadedRing(Ring(1, (key,)), ("RS256", "ES384")).signer("RS256", T0)
    assert caught.value.headers["Retry-After"] == "30"


def test_the_algorithm_that_was_replaced_stands_in_until_the_new_one_may_sign() -> None:
    old, ring = real_key("RS256")
    new, later = real_key("ES256", signs_from=T0 + 100)
    loaded = LoadedRing(Ring(1, ring.signing_keys + later.signing_keys), ("ES256",))
    assert (loaded.signer("ES256", T0).kid, loaded.signer("ES256", T0).alg) == (old, "RS256")
    assert loaded.signer("ES256", T0 + 100).kid == new


def test_without_a_configuration_nothing_stands_in_for_anything() -> None:
    _, ring = real_key("RS256")
    with pytest.raises(OAuthError):
        LoadedRing(ring).signer("ES256", T0)


def test_a_public_key_is_found_by_its_kid_for_as_long_as_it_is_in_the_ring() -> None:
    pair = make_key_pair("ES256")
    kid = pair.public_jwk["kid"]
    loaded = LoadedRing(Ring(1, (a_key("another"), replace(a_key(kid, "ES256"), public_jwk=pair.public_jwk))))
    found = loaded.key(kid)
    assert found is not None
    assert found[0] == "ES256"
    assert to_jwk(found[1], "ES256") == pair.public_jwk
    assert loaded.key("nonesuch") is None


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
    with pytest.raises(OAuthError) as caught:
        loaded.mac(T0 - 1)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "30")
    assert (caught.value.description, caught.value.detail) == ("there are no keys yet; try again soon", "no MAC key")
