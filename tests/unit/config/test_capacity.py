"""The sums of config.capacity, held against the ring as it really grows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest

from sundial.config.capacity import LARGEST_SECRET, living_keys, retired_keys, ring_bytes
from sundial.config.model import Config, Expiry, Signing
from sundial.config.problems import Severity
from sundial.keys.algorithms import KeyPair, make_key_pair
from sundial.keys.policy import key_policy
from sundial.keys.ring import Ring, public_keys, to_json
from sundial.keys.transitions import advance, due, with_keys
from tests.support.config import the_problem, without_problems

PAIRS = {algorithm: make_key_pair(algorithm) for algorithm in ("RS256", "ES256")}
BEGINNING = 1_800_000_000
QUARTER = 900  # seconds between two runs of the schedule


def pair(algorithm: str, serial: int) -> KeyPair:
    """Return a key pair of the usual size under a name of its own."""
    return KeyPair({**PAIRS[algorithm].public_jwk, "kid": f"{serial:043d}"}, PAIRS[algorithm].private_pem)


def growing(config: Config, until: int) -> Iterator[Ring]:
    """Yield the ring after each run of the schedule."""
    policy, ring, serials = key_policy(config), Ring(), count()
    for now in range(BEGINNING, until, QUARTER):
        needs = due(ring, policy, now)
        pairs = [(algorithm, pair(algorithm, next(serials))) for algorithm in needs.algorithms]
        ring = with_keys(ring, pairs, [bytes(32)] * needs.mac_keys, now)
        ring = advance(ring, policy, now, {key.kid for key in public_keys(ring, now)})
        yield ring


@pytest.mark.parametrize(
    ("signing_keys", "publish_ahead", "id_tokens", "algorithms"),
    [
        (timedelta(hours=6), timedelta(hours=3), timedelta(hours=24), ("RS256",)),
        (timedelta(hours=1), timedelta(hours=3), timedelta(hours=24), ("RS256",)),
        (timedelta(minutes=30), timedelta(hours=12), timedelta(minutes=10), ("ES256",)),
        (timedelta(hours=24), timedelta(hours=3), timedelta(hours=1), ("RS256", "ES256")),
        (timedelta(hours=6), timedelta(hours=24), timedelta(hours=48), ("RS256", "ES256")),
        (timedelta(minutes=20), timedelta(minutes=10), timedelta(hours=4), ("RS256",)),
    ],
)
def test_the_ring_never_outgrows_the_sums_and_comes_near_them(
    signing_keys: timedelta, publish_ahead: timedelta, id_tokens: timedelta, algorithms: tuple[str, ...]
) -> None:
    config = Config(
        issuer="https://id.example.com",
        expiry=Expiry(signing_keys=signing_keys, id_tokens=id_tokens),
        signing=Signing(algorithms, publish_ahead),
    )
    until = BEGINNING + int((3 * (id_tokens + publish_ahead) + 5 * signing_keys).total_seconds())
    most_living = most_retired = 0
    for ring in growing(config, until):
        for algorithm in algorithms:
            keys = [key for key in ring.signing_keys if key.alg == algorithm]
            living = sum(key.private_pem is not None for key in keys)
            most_living, most_retired = max(most_living, living), max(most_retired, len(keys) - living)
        assert len(to_json(ring)) <= ring_bytes(config)
    assert living_keys(config) * 0.7 <= most_living <= living_keys(config)
    assert retired_keys(config) * 0.7 <= most_retired <= retired_keys(config)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "signing: {algorithms: [RS256, ES256]}",
        "expiry: {signingKeys: 1h, idTokens: 24h}",
        "expiry: {signingKeys: 10m, idTokens: 1h}\nsigning: {algorithms: [ES256]}",
        "expiry: {signingKeys: 2160h, idTokens: 720h}",
    ],
)
def test_usual_settings_fit(text: str) -> None:
    config = without_problems(text)
    assert ring_bytes(config) <= LARGEST_SECRET


def test_more_keys_than_sts_reads_are_refused_with_the_sum() -> None:
    problem = the_problem("expiry: {signingKeys: 10m, idTokens: 24h}\nsigning: {algorithms: [ES256], publishAhead: 3h}")
    assert (problem.severity, problem.key, problem.value) == (Severity.ERROR, "expiry.signingKeys", "10m")
    assert problem.message == (
        "asks for more keys than fit: 206 are published (AWS STS reads 100), in a secret of 109 kB (Secrets Manager"
        " takes 64). For each algorithm (1) there are (publishAhead 3h + 2h) / signingKeys 10m + 2 = 32"
        " that sign or will, and (longest idTokens 24h + publishAhead 3h + 2h) / signingKeys 10m = 174 that did"
    )
    assert "lengthen expiry.signingKeys" in problem.remedy


def test_a_ring_that_no_secret_can_hold_is_refused() -> None:
    problem = the_problem("expiry: {signingKeys: 20m, idTokens: 1h}\nsigning: {publishAhead: 6h}")
    assert "53 are published (AWS STS reads 100)" in problem.message
    assert "in a secret of 91 kB (Secrets Manager takes 64)" in problem.message


def test_the_longest_lifetime_of_any_client_counts() -> None:
    text = "staticClients: [{id: a, public: true, expiry: {idTokens: 8760h}}]"
    problem = the_problem(text)
    assert problem.key == "expiry"
    assert "longest idTokens 8760h" in problem.message
