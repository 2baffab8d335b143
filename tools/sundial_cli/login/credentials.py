"""Credentials from a login that is kept: each call refreshes, where the credentials that are kept run out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sundial_cli.login.keeper import Keeper, Kept
from sundial_cli.login.provider import Provider, RefusedError, Tokens
from sundial_cli.status import FINDING, UNREACHABLE, StoppedError

_STILL_GOOD = 60
"""Seconds that credentials must have left to be given out where no new ones can be got."""

Credentials = Mapping[str, str]
"""With an `Expiration`, in ISO 8601."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is made of a login."""

    key: str
    """What tells these credentials from others of the same login."""
    ahead: timedelta
    """How long before their end they are made anew."""
    make: Callable[[str], Credentials]
    """Makes them of an ID token. Raises StoppedError."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where credentials come from."""

    provider: Provider
    keeper: Keeper
    log_in: Callable[[], Tokens]
    """Has the user log in. Raises StoppedError where nobody can be asked."""
    clock: Callable[[], float]
    say: Callable[[str], None]


def obtain(source: Source, wanted: Wanted) -> Credentials:
    """Return credentials that are good for a while: those kept, or new ones, for a refresh or a login.

    Of many calls at once one refreshes, and the others get what it got. Raises StoppedError.
    """
    found = _kept(source, wanted)
    if found is not None:
        return found
    with source.keeper.alone():
        found = _kept(source, wanted)  # somebody may have been here first
        if found is not None:
            return found
        try:
            return _renewed(source, wanted)
        except StoppedError as stopped:
            old = source.keeper.read().credentials.get(wanted.key)
            if stopped.status != UNREACHABLE or old is None or seconds_left(old, source.clock()) < _STILL_GOOD:
                raise
            source.say(f"sundial: {stopped}; the credentials from before are good for a while yet")
            return old


def log_in(source: Source) -> None:
    """Have the user log in anew, and forget what was kept. Raises StoppedError."""
    with source.keeper.alone():
        _keep_login(source, source.log_in())


def forget(source: Source) -> bool:
    """End the login at the provider and forget it; return whether there was one. Raises StoppedError."""
    with source.keeper.alone():
        token = source.keeper.read().refresh_token
        source.keeper.path.unlink(missing_ok=True)
        if token:
            source.provider.revoke(token)
    return bool(token)


def _kept(source: Source, wanted: Wanted) -> Credentials | None:
    found = source.keeper.read().credentials.get(wanted.key)
    fresh = found is not None and seconds_left(found, source.clock()) > wanted.ahead.total_seconds()
    return found if fresh else None


def seconds_left(credentials: Credentials, now: float) -> float:
    """Return for how long such credentials are good."""
    return datetime.fromisoformat(credentials["Expiration"]).timestamp() - now


def _renewed(source: Source, wanted: Wanted) -> Credentials:
    kept = source.keeper.read()
    tokens = _refreshed(source, kept) if kept.refresh_token else None
    if tokens is None:
        tokens = source.log_in()
        _keep_login(source, tokens)
    credentials = wanted.make(tokens.id_token)
    kept, now = source.keeper.read(), source.clock()
    alive = {key: one for key, one in kept.credentials.items() if seconds_left(one, now) > 0}
    source.keeper.write(replace(kept, credentials={**alive, wanted.key: credentials}))
    return credentials


def _refreshed(source: Source, kept: Kept) -> Tokens | None:
    """Return what a refresh brings, its refresh token kept before anything else is done; None where it is refused."""
    try:
        tokens = source.provider.refresh(kept.refresh_token)
    except RefusedError as refused:
        if refused.code != "invalid_grant":  # which is of no login, but of this client
            raise StoppedError(FINDING, f"the provider refuses this client: {refused.code}: {refused}") from None
        source.say(f"sundial: the login has ended: {refused}")
        source.keeper.write(replace(kept, refresh_token=""))
        return None
    source.keeper.write(replace(kept, refresh_token=tokens.refresh_token))
    return tokens


def _keep_login(source: Source, tokens: Tokens) -> None:
    source.keeper.write(Kept(tokens.refresh_token))
    if not tokens.refresh_token:
        source.say("sundial: the provider gave out no refresh token: is `offline_access` among the scopes?")
