"""Ending logins: each revoked by the store, and the event bus told of each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sundial.errors import OAuthError
from sundial.events import Detail, EventBridge, FamilyRevoked
from sundial.expiry.family import Ending
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.sessions import DynamoSessions, Selection, Session
from sundial_cli.target import Target
from sundial_cli.terminal import Progress

_AT_ONCE = 16


def end_logins(sessions: Sequence[Session], target: Target, why: Ending) -> list[Session]:
    """Revoke each, and return those that no one else has revoked meanwhile, when the event bus has been told."""
    families = DynamoFamilies(target.client("dynamodb"), target.families_table)
    now, ended = target.now, []
    with Progress("ended", len(sessions)) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:

        def revoke(session: Session) -> bool:
            was_standing = families.revoke(session.family_id, now, why)
            progress.advance(1)
            return was_standing

        try:
            for session, was_standing in zip(sessions, pool.map(revoke, sessions), strict=True):
                if was_standing:
                    ended.append(session)
        except OAuthError:
            remedy = "`sundial sessions revoke` ends the rest"
            print(f"sundial: {counted(len(ended))} ended before this; {remedy}", file=sys.stderr)
            raise
        finally:
            _tell(ended, target, why, now)
    return ended


def scanned(sessions: DynamoSessions, selection: Selection) -> list[Session]:
    """Return the logins of a selection, having read the whole table."""
    total = sessions.about_how_many() if sys.stderr.isatty() else 0
    with Progress("looked at", total) as progress:
        return sessions.scan(selection, scanned=progress.advance)


def counted(number: int) -> str:
    """Return `1 login`, `2 logins`."""
    return f"{number:,} login{'' if number == 1 else 's'}"


def _tell(ended: Sequence[Session], target: Target, why: Ending, now: int) -> None:
    events = (FamilyRevoked(one.client_id, one.connector_id, one.family_id, why) for one in ended)
    bus = EventBridge(lambda: target.client("events"), target.event_bus)
    lost = bus.put([Detail.of(event, target.issuer, now) for event in events], now)
    if lost:
        print(f"sundial: {len(lost)} of the events were not taken by the bus: {lost[0].why}", file=sys.stderr)
