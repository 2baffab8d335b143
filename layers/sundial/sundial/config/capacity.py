"""Whether the keys that the settings ask for fit: into the JWKS, and into the secret that holds the ring."""

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
_BYTES_OF_A_LIVING_KEY = {"R": 2700, "E": 1000}  # its JWK, its PEM and its instants, by the first letter of `alg`
_BYTES_OF_A_RETIRED_KEY = {"R": 1000, "E": 700}
_BYTES_OF_THE_REST = 4096  # MAC keys and the ring's own fields


def check_capacity(root: Section, config: Config) -> None:
    """Refuse settings under which the ring would outgrow the JWKS or the secret; the message has the sum."""
    every, ahead = config.expiry.signing_keys, config.signing.publish_ahead
    longest = config.longest_id_token_lifetime
    living = math.ceil((ahead * 2 + timedelta(hours=1)) / every) + 2
    retired = math.ceil((longest + ahead) / every)
    algorithms = config.signing.algorithms
    published = (living + retired) * len(algorithms)
    size = _BYTES_OF_THE_REST + sum(
        living * _BYTES_OF_A_LIVING_KEY[algorithm[0]] + retired * _BYTES_OF_A_RETIRED_KEY[algorithm[0]]
        for algorithm in algorithms
    )
    if published <= MOST_PUBLISHED_KEYS and size <= LARGEST_SECRET:
        return
    section = root.section("expiry")
    key = "signingKeys" if section.states("signingKeys") else ""
    section.error(
        key,
        f"asks for about {published} keys of {size // 1024} kB, and the limits are {MOST_PUBLISHED_KEYS} keys"
        f" (AWS STS) and {LARGEST_SECRET // 1024} kB (Secrets Manager). For each of {len(algorithms)} algorithms:"
        f" (2 * publishAhead {format_duration(ahead)} + 1h) / signingKeys {format_duration(every)} + 2"
        f" = {living} living,"
        f" (idTokens {format_duration(longest)} + publishAhead) / signingKeys = {retired} retired",
        "lengthen signingKeys, or shorten the longest idTokens or publishAhead",
        shown=format_duration(every),
    )
