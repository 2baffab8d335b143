"""Whether the keys that the settings ask for fit: into the JWKS, and into the secret that holds the ring.

The sums follow `keys.transitions`, rounded up; the tests run the ring against them.
"""

from __future__ import annotations

import math
from datetime import timedelta

from sundial.config.model import Config
from sundial.config.section import Section
from sundial.expiry.durations import format_duration

MOST_PUBLISHED_KEYS = 100
"""AWS STS reads no JWKS with more."""
LARGEST_SECRET = 65536
"""Bytes: Secrets Manager's limit."""

_MARGIN = timedelta(hours=2)  # a key is made ahead of its need and kept a while after it: clocks, caches, late runs
_LIVING_BYTES = {"RS256": 2450, "ES256": 700}  # in the ring's JSON, private half and all
_RETIRED_BYTES = {"RS256": 700, "ES256": 450}
_OTHER_BYTES = 10 * 1024  # MAC keys above all: 175 bytes each, one a month, for four years


def living_keys(config: Config) -> int:
    """Return how many keys of each algorithm have their private half in the ring at once, at most."""
    return math.ceil((config.signing.publish_ahead + _MARGIN) / config.expiry.signing_keys) + 2


def retired_keys(config: Config) -> int:
    """Return how many keys of each algorithm are published for what they signed, at most."""
    lifetime = config.longest_id_token_lifetime + config.signing.publish_ahead + _MARGIN
    return math.ceil(lifetime / config.expiry.signing_keys)


def ring_bytes(config: Config) -> int:
    """Return how large the ring's document gets, at most."""
    living, retired = living_keys(config), retired_keys(config)
    return _OTHER_BYTES + sum(
        living * _LIVING_BYTES[algorithm] + retired * _RETIRED_BYTES[algorithm]
        for algorithm in config.signing.algorithms
    )


def check_capacity(root: Section, config: Config) -> None:
    """Refuse settings whose keys don't fit; the message has the sum."""
    living, retired, size = living_keys(config), retired_keys(config), ring_bytes(config)
    algorithms = len(config.signing.algorithms)
    published = (living + retired) * algorithms
    if published <= MOST_PUBLISHED_KEYS and size <= LARGEST_SECRET:
        return
    every = format_duration(config.expiry.signing_keys)
    ahead = format_duration(config.signing.publish_ahead)
    longest = format_duration(config.longest_id_token_lifetime)
    margin = format_duration(_MARGIN)
    section = root.section("expiry")
    where, key = (section, "signingKeys") if section.states("signingKeys") else (root, "expiry")
    where.error(
        key,
        f"asks for more keys than fit: {published} are published (AWS STS reads {MOST_PUBLISHED_KEYS}), in a secret"
        f" of {math.ceil(size / 1024)} kB (Secrets Manager takes {LARGEST_SECRET // 1024})."
        f" For each algorithm ({algorithms}) there are"
        f" (publishAhead {ahead} + {margin}) / signingKeys {every} + 2 = {living} that sign or will, and"
        f" (longest idTokens {longest} + publishAhead {ahead} + {margin}) / signingKeys {every} = {retired} that did",
        "lengthen expiry.signingKeys, or shorten the longest idTokens or signing.publishAhead",
    )
