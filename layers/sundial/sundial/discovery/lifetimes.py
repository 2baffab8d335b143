"""For how long the JWKS is kept, by us and by others: pure, and what both its freshness and its forgetting rest on."""

from __future__ import annotations

from datetime import timedelta

from sundial.keys.policy import JWKS_STALENESS, MAX_CLOCK_SKEW, seconds

FUNCTION_CACHE = timedelta(seconds=60)
"""How long a function keeps the JWKS that it has read."""
RETRY_AFTER = timedelta(seconds=5)
"""Between a failed read and the next, until JWKS_STALENESS is over."""
SHORTEST_MAX_AGE = timedelta(minutes=1)
"""As a change nears, caches are to meet it soon; but not to ask at every token."""
_LONGEST_MAX_AGE = timedelta(hours=1)
"""However long `publishAhead` is: what a revoked key signed is believed until the verifiers' caches run out."""


def max_age(publish_ahead: timedelta, next_change_at: int | None, now: int) -> int:
    """Return for how many seconds a verifier may keep the JWKS that it is given at `now` (epoch seconds).

    At most `publishAhead` less the functions' own caching and the skew of clocks, so that a key that
    is published after this answer signs only when this answer is forgotten; less as a change nears.
    """
    longest = _longest(publish_ahead)
    nearing = longest if next_change_at is None else timedelta(seconds=next_change_at - now)
    return max(0, seconds(min(longest, max(nearing, SHORTEST_MAX_AGE))))


def forgotten_after(publish_ahead: timedelta) -> int:
    """Return the seconds from a publication until no verifier that keeps to `max-age` has the JWKS before it.

    The slowest is one that asked a function which had read it a moment before, or one that asked a
    function which could not read it again until the last moment.
    """
    return seconds(max(FUNCTION_CACHE + _longest(publish_ahead), JWKS_STALENESS + SHORTEST_MAX_AGE))


def forgotten_by_all_after(publish_ahead: timedelta) -> int:
    """Return the seconds until no verifier has it that keeps a JWKS for up to `publishAhead`, whatever it is told."""
    return seconds(JWKS_STALENESS + publish_ahead)


def _longest(publish_ahead: timedelta) -> timedelta:
    return min(publish_ahead - FUNCTION_CACHE - MAX_CLOCK_SKEW, _LONGEST_MAX_AGE)
