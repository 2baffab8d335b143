"""Which generation of an imported login a refresh token of Dex's is; `expiry.refresh.decide` says the rest.

Dex's token is generation 1, and what its first refresh here brings is generation 2, made by Sundial. The one
before it, which Dex keeps as `obsoleteToken`, is as good while Dex would have taken it: it then stands for
the same generation, so that a client whose last answer from Dex was lost goes on. After that it is
generation 0: superseded, and a replay.
"""

from __future__ import annotations

import hmac

from sundial.expiry.family import Inherited
from sundial.expiry.policies import RefreshTokenPolicy

GENERATION = 1
"""Of the token with which a login comes from Dex."""


def inherited_generation(inherited: Inherited, digest: bytes, now: int, policy: RefreshTokenPolicy) -> int | None:
    """Return the generation of Dex's token with that digest, presented at `now` (epoch seconds).

    None for a token that Dex keeps nothing of: forged, or superseded so long ago that nobody can tell.
    """
    if hmac.compare_digest(digest, inherited.current):
        return GENERATION
    if inherited.previous is None or not hmac.compare_digest(digest, inherited.previous):
        return None
    window = policy.reuse_interval
    in_window = window is not None and now <= inherited.rotated_at + window.total_seconds()
    return GENERATION if in_window else GENERATION - 1
