"""Refreshing through a provider (docs/architecture.md, "A refresh through a provider").

The provider is asked before anything is rotated, and once, however many requests there are: its own tokens
may be good for one use. So whoever is to ask takes a short lease on the family first, in a write that holds
exactly where the rotation itself would; everybody else waits until the answer is written, and shares it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from sundial.config.model import Client
from sundial.connectors.base import Connector, Identity, InterruptedRefreshError, Lookup, UpstreamRefresh
from sundial.connectors.http import SECONDS
from sundial.errors import OAuthError, invalid_grant, temporarily_unavailable
from sundial.expiry.family import Claims, Ending, Family
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.expiry.refresh import Refresh, decide
from sundial.grants.server import TokenServer, end_family
from sundial.observe import logger
from sundial.store.aws import LONGEST_CALL
from sundial.store.families import Change, Held, Written
from sundial.tokens.opaque import Presented

T = TypeVar("T")

LEASE = timedelta(seconds=30)
"""Longer than any function runs: nobody else asks while somebody may still be at it."""
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.0, 1.5, 2.0, 2.0, 2.0)
"""Seconds between two looks at a family that somebody else has leased: ten in all."""
_WRITES = 3
"""How often a write is tried, while there is time, once the provider has given its answer: that must not be lost."""
_BETWEEN_WRITES = 0.5
LAST_CALL_AT = 28 - LONGEST_CALL
"""Seconds after a request came, at which a call can begin and still end within the functions' 29."""
LAST_ASKED_AT = LAST_CALL_AT - SECONDS
"""Likewise, at which the provider can be asked so that what it answers can still be written."""

_ENDED = "the login that this refresh token came from has ended; log in again"
_NOTHING_KEPT = "nothing was kept of this login to ask its provider again with; log in again"
_BUSY = "another request is refreshing this login at the moment; send the same request again"
_TOO_LATE = "this has taken too long to ask the provider now; send the same request again"


@dataclass(frozen=True, slots=True)
class Ask:
    """A refresh that a client asks for."""

    client: Client
    presented: Presented
    scopes: frozenset[str]
    resources: frozenset[str]
    policy: RefreshTokenPolicy
    not_before: int
    change: Change

    @property
    def now(self) -> int:
        """When it was asked, in epoch seconds."""
        return self.change.now


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the provider said of the user: `claims`, or that they are gone, or nothing that counts (`error`).

    `upstream` is what is to be kept from now on, encrypted; None where that is as it was.
    """

    claims: Claims | None = None
    upstream: bytes | None = None
    error: OAuthError | None = None


def refresh_upstream(server: TokenServer, connector: UpstreamRefresh | Lookup, ask: Ask) -> Written:
    """Return what a refresh came to, as `FamilyStore.rotate` does: three network calls besides the provider's own.

    A token that is to rest or to be retried, or is refused, costs one, and the provider is not asked.
    Raises a 503 where the provider, or whoever is asking it, doesn't come to an end; the token still works then.
    """
    for pause in (*PAUSES, None):
        if not _has_time(server, ask):
            break
        leased = server.families.lease(
            ask.presented,
            ask.client.id,
            ask.scopes,
            ask.policy,
            ask.not_before,
            ask.change,
            ask.now + int(LEASE.total_seconds()),
            ask.resources,
        )
        if leased.applied and leased.family is not None:
            return _ask_and_rotate(server, connector, ask, leased.family)
        if not _is_leased(leased.family, ask):
            return leased
        if leased.family is not None and _just_asked(leased.family, ask, waited=pause != PAUSES[0]):
            return Written(True, leased.family)
        if pause is None:
            break
        server.wait(pause)
    raise temporarily_unavailable(_BUSY, retry_after=2, detail="leased")


def _is_leased(family: Family | None, ask: Ask) -> bool:
    """Return whether nothing but somebody else's lease is in the way."""
    if family is None or family.lease_until < ask.now or not ask.scopes <= family.scopes:
        return False
    return _is_current(family, ask)


def _is_current(family: Family | None, ask: Ask) -> bool:
    """Return whether the rule would have the family move on with the token that was presented."""
    return _outcome(family, ask) in (Refresh.ROTATE, Refresh.KEEP)


def _outcome(family: Family | None, ask: Ask) -> Refresh:
    return decide(family, ask.client.id, ask.presented.generation, ask.now, ask.policy, ask.not_before)


def _just_asked(family: Family, ask: Ask, *, waited: bool) -> bool:
    """Return whether, without rotation, somebody has asked since this request came: their answer is as good."""
    return waited and ask.policy.disable_rotation and family.last_used_at >= ask.now


def _ask_and_rotate(server: TokenServer, connector: UpstreamRefresh | Lookup, ask: Ask, family: Family) -> Written:
    """Ask the provider, under the lease, and write what it answers; however that ends, the lease does."""
    held = Held(ask.change.change_id, before=family.upstream)
    settled = False
    try:
        answer = _ask(server, connector, family, ask)
        held = replace(held, upstream=answer.upstream)
        if answer.error is not None:
            raise answer.error
        if answer.claims is None or answer.claims.user_id != family.claims.user_id:
            end_family(server, ask.client, connector.id, family.family_id, Ending.USER_GONE, ask.now)
            settled = True
            raise invalid_grant(_ENDED, detail="the provider no longer knows the user")
        written = _rotate(server, ask, answer.claims, held)
        settled = written.applied
        return written
    finally:
        if not settled:
            _give_back(server, ask, family.family_id, held)


def _ask(server: TokenServer, connector: UpstreamRefresh | Lookup, family: Family, ask: Ask) -> _Answer:
    """Ask the provider. Whatever goes wrong there is a 503: it may be well again when the client comes back."""
    opened = None
    try:
        if isinstance(connector, Lookup):
            _check_time(server, ask)
            return _Answer(connector.look_up(family.claims, family.scopes, ask.now))
        if family.upstream is None:
            raise invalid_grant(_NOTHING_KEPT)
        opened = server.envelopes.open(family.family_id, family.upstream)
        _check_time(server, ask)
        identity = connector.refresh_upstream(Identity(family.claims, opened.text), family.scopes, ask.now)
    except InterruptedRefreshError as interrupted:
        kept = None if opened is None else opened.reseal(interrupted.upstream)
        return _Answer(upstream=kept, error=_unsettled(connector, interrupted.error))
    except OAuthError as error:
        if error.code == "access_denied":
            return _Answer()
        if error.code == "invalid_grant":
            raise
        return _Answer(error=_unsettled(connector, error))
    if identity is None:
        return _Answer()
    changed = identity.upstream and identity.upstream != opened.text
    return _Answer(identity.claims, opened.reseal(identity.upstream) if changed else None)


def _has_time(server: TokenServer, ask: Ask, until: int = LAST_CALL_AT) -> bool:
    """Return whether it is not later than so many seconds after the request came."""
    return server.clock() <= ask.now + until


def _check_time(server: TokenServer, ask: Ask) -> None:
    """Refuse to ask the provider for what could not be kept: its tokens may be good for one use."""
    if not _has_time(server, ask, LAST_ASKED_AT):
        raise temporarily_unavailable(_TOO_LATE, detail="too late to ask the provider")


def _unsettled(connector: Connector, error: OAuthError) -> OAuthError:
    """Return the 503 for a provider that didn't come to an answer."""
    logger.warning("upstream_refresh_failed", connector_id=connector.id, error=error.code, detail=error.detail)
    if error.status != 503:
        error = temporarily_unavailable(error.description, retry_after=30, detail=error.detail, upstream=True)
    if error.upstream:  # and not our own table, or KMS
        error.connector_id = connector.id
    return error


def _rotate(server: TokenServer, ask: Ask, claims: Claims, held: Held) -> Written:
    """Write the rotation. Not applied where the family has changed while the provider was asked: revoked, say.

    The token was current when the lease was taken. So where the family has moved on since, this is no replay, but the
    lease is lost, or the first of these writes was made and others have gone on from it.
    """
    written = _write(
        server,
        ask,
        _WRITES,
        lambda: server.families.rotate(
            ask.presented,
            ask.client.id,
            ask.scopes,
            ask.policy,
            ask.not_before,
            claims,
            ask.change,
            ask.resources,
            held,
        ),
    )
    is_over = _outcome(written.family, ask) in (Refresh.ROTATE, Refresh.KEEP, Refresh.REPLAY)
    if not written.applied and is_over:
        raise temporarily_unavailable(_BUSY, retry_after=2, detail="the lease was lost")
    return written


def _give_back(server: TokenServer, ask: Ask, family_id: str, held: Held) -> None:
    """End the lease, and keep what the provider gave out in the meantime; where even that fails, it ends by itself."""
    try:
        if not _has_time(server, ask):
            raise temporarily_unavailable(_TOO_LATE, detail="no time is left")
        tries = 1 if held.upstream is None else _WRITES
        _write(server, ask, tries, lambda: server.families.release(family_id, held))
    except OAuthError as error:
        log = logger.warning if held.upstream is None else logger.error
        log("lease_not_released", family_id=family_id, upstream_lost=held.upstream is not None, detail=error.detail)


def _write(server: TokenServer, ask: Ask, tries: int, write: Callable[[], T]) -> T:
    """Return what `write` comes to, tried so often while there is time; raises its last 503."""
    for tries_left in reversed(range(tries)):
        try:
            return write()
        except OAuthError as error:
            if error.status != 503 or not tries_left:
                raise
            server.wait(_BETWEEN_WRITES)
            if not _has_time(server, ask):
                raise
    raise AssertionError("the last try returns or raises")
