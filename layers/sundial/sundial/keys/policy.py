"""How long keys live: what the ring's transitions need of the configuration, and Sundial's own margins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sundial.config.model import Client, Config

if TYPE_CHECKING:
    from sundial.expiry.policies import RefreshTokenPolicy

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""How far any clock, a verifier's among them, may be from the true time."""
RING_CACHE = timedelta(minutes=5)
"""The longest that a function goes on with a ring without asking for a newer one."""
RING_STALENESS = timedelta(hours=1)
"""The longest that a function goes on with a ring that it can't reload. A retired key stays published for this
much longer, so that what a function signs with an old ring is never an orphan; and a revoked key can't live on
for longer in a function that has lost touch."""
JWKS_STALENESS = timedelta(minutes=5)
"""The longest that a function serves a JWKS that it can't read again."""
LEAD = timedelta(hours=1)
"""How long before it is needed a key is made: the schedule runs several times in it."""
MAC_PERIOD = timedelta(days=30)
"""How long a MAC key makes codes and tokens."""
MAC_AHEAD = timedelta(hours=2)
"""How long a MAC key is in the ring before it makes anything: every function has it by then, or has stopped."""


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """What the configuration says about the life of keys."""

    algorithms: tuple[str, ...]
    """`signing.algorithms`."""
    signs_for: timedelta
    """`expiry.signingKeys`."""
    publish_ahead: timedelta
    """`signing.publishAhead`."""
    longest_token: timedelta
    """The longest life of an ID or access token, of any client and connector."""
    longest_mac: timedelta | None
    """The longest life of anything that a MAC key makes; None where refresh tokens can be immortal."""

    @property
    def season(self) -> int:
        """Seconds from the publication of a key to its first signature: `publishAhead`, whatever the clocks show.

        In the margin lie the JWKS functions' own caching, and a rotation's and a signer's clock, apart.
        """
        return seconds(self.publish_ahead + JWKS_STALENESS + 2 * MAX_CLOCK_SKEW)

    @property
    def longest_turn(self) -> int:
        """Seconds that a key may sign before its successor is overdue.

        `expiry.signingKeys`; or, where that is longer, what a successor takes that could not be made
        before: that of the first key of all, and of one that took over from a revoked one.
        """
        return max(seconds(self.signs_for), self.season)

    @property
    def retention(self) -> int:
        """Seconds from the last signature of a key, as planned, to its leaving the JWKS.

        A function that has lost touch may sign for a while after the plan; then the token lives its
        life; then the longest cache may still hold it, on a clock that is behind.
        """
        return seconds(RING_STALENESS + self.longest_token + self.publish_ahead + 2 * MAX_CLOCK_SKEW)

    @property
    def mac_retention(self) -> int | None:
        """Seconds from the last use of a MAC key, as planned, to its leaving the ring; None without end."""
        if self.longest_mac is None:
            return None
        return seconds(RING_STALENESS + self.longest_mac + 2 * MAX_CLOCK_SKEW)


def key_policy(config: Config) -> KeyPolicy:
    """Return what `config` says about the life of keys."""
    return KeyPolicy(
        algorithms=config.signing.algorithms,
        signs_for=config.expiry.signing_keys,
        publish_ahead=config.signing.publish_ahead,
        longest_token=config.longest_id_token_lifetime,
        longest_mac=_longest_mac(config),
    )


def seconds(duration: timedelta) -> int:
    """Return `duration` in whole seconds, rounded up: no margin is ever shorter than asked."""
    return math.ceil(duration.total_seconds())


def refresh_token_lifetime(policy: RefreshTokenPolicy) -> timedelta | None:
    """Return how long one and the same refresh token can be of use; None where nothing ends it.

    Rotation replaces a token that is used, so an idle limit bounds it, and the window in which the
    replaced one still answers. Without rotation each use renews an idle limit: only the absolute one counts.
    """
    limits = [] if policy.absolute_lifetime is None else [policy.absolute_lifetime]
    if policy.valid_if_not_used_for is not None and not policy.disable_rotation:
        limits.append(policy.valid_if_not_used_for + (policy.reuse_interval or timedelta(0)))
    return min(limits, default=None)


def _longest_mac(config: Config) -> timedelta | None:
    connector_ids = [connector.id for connector in config.connectors] or [""]
    longest = max(config.expiry.auth_codes, config.expiry.auth_requests, config.expiry.device_requests)
    without_settings = Client(id="")  # as most clients that operators add while it runs; see clients.document
    for client in (without_settings, *config.clients.values()):
        for connector_id in connector_ids:
            lifetime = refresh_token_lifetime(config.refresh_policy(client, connector_id))
            if lifetime is None:
                return None
            longest = max(longest, lifetime)
    return longest
