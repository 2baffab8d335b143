"""List logins and end them; raise the watermark that ends all of them at once."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from sundial.expiry.family import Ending
from sundial.store.sessions import DynamoSessions, Selection, Session, State
from sundial.tokens.subject import subject
from sundial_cli.ending import counted, end_logins, scanned
from sundial_cli.instants import parse_instant, relative, when
from sundial_cli.output import coloured, print_json, printable
from sundial_cli.status import USAGE, StoppedError
from sundial_cli.target import Target, add_command, obeyed
from sundial_cli.terminal import confirm

_LONGEST_TABLE = 100
_COLUMNS = ("STATE", "USER", "CLIENT", "CONNECTOR", "CREATED", "LAST USED", "EXPIRES", "GEN", "FAMILY")
_COLOURS = {State.ACTIVE: "32", State.CODE: "36"}


def add(group: argparse.ArgumentParser) -> None:
    """Add the commands of the group."""
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    listing = add_command(commands, "list", "show who is logged in, where, since when and until when", _list)
    _add_selection(listing)
    listing.add_argument("--active", action="store_true", help="leave out what is over: expired, revoked")
    listing.add_argument(
        "--limit", type=int, default=_LONGEST_TABLE, metavar="N", help=f"rows of the table ({_LONGEST_TABLE}); 0 is all"
    )

    revoke = add_command(
        commands,
        "revoke",
        "end logins: their refresh tokens and codes are refused from then on",
        _revoke,
        "Access tokens that are out already are refused by userinfo and introspection at once, and by whoever only"
        " verifies their signature when they expire. For everybody at once, and also those who log in meanwhile:"
        " `sundial sessions watermark now`.",
    )
    _add_selection(revoke)
    revoke.add_argument("--yes", action="store_true", help="don't ask")

    watermark = add_command(
        commands,
        "watermark",
        "show or raise the instant before which nothing that was issued is honoured",
        _watermark,
        "For the day after a table was restored from a backup (docs/operations.md). It only rises.",
    )
    watermark.add_argument(
        "instant", nargs="?", metavar="INSTANT", help="`now`, or one such as 2026-08-14T10:02:11Z, or epoch seconds"
    )
    watermark.add_argument("--yes", action="store_true", help="don't ask")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "which logins",
        "Those that fit all that is said. --subject, --family, and --user ID with --connector, are quick.",
    )
    group.add_argument("--user", metavar="USER", help="an email address, or a user id")
    group.add_argument("--subject", metavar="SUB", help="the `sub` of a token")
    group.add_argument("--client", metavar="CLIENT_ID", help="a client")
    group.add_argument("--connector", metavar="ID", help="a connector")
    group.add_argument("--family", metavar="ID", help="one login: the family id of an event, the `sid` of a token")
    group.add_argument("--all", action="store_true", help="every login")


def _list(arguments: argparse.Namespace, target: Target) -> int:
    sessions, not_before = _selected(arguments, target), target.not_before()
    now = target.now
    if arguments.active:
        sessions = [one for one in sessions if one.state(now, not_before) in (State.ACTIVE, State.CODE)]
    sessions.sort(key=lambda one: (-one.created_at, one.family_id))
    if arguments.json:
        listed = [{"state": one.state(now, not_before), **asdict(one)} for one in sessions]
        return print_json({"at": now, "not_before": not_before, "sessions": listed})
    if not sessions:
        print("No such login.")
        return 0
    shown = sessions[: arguments.limit or None]
    _print_table([_row(one, now, not_before) for one in shown], [one.state(now, not_before) for one in shown])
    if len(shown) < len(sessions):
        print(f"… and {len(sessions) - len(shown):,} more: --limit 0 shows all, --json has all")
    print(_summary(sessions, now, not_before))
    return 0


def _revoke(arguments: argparse.Namespace, target: Target) -> int:
    found, not_before = _selected(arguments, target), target.not_before()
    standing = [one for one in found if one.revoked_at is None]
    if standing:
        confirm(f"End {_summary(standing, target.now, not_before)}?", yes=arguments.yes)
    ended = end_logins(standing, target, Ending.BY_OPERATOR)
    if arguments.json:
        families = sorted(one.family_id for one in ended)
        return print_json({"found": len(found), "revoked": len(ended), "families": families})
    if not found:
        print("No such login.")
    elif not standing:
        print("All of them were revoked already.")
    else:
        print(f"Ended {counted(len(ended))}.")
    return 0


def _watermark(arguments: argparse.Namespace, target: Target) -> int:
    if arguments.instant is None:
        not_before = target.not_before()
        if arguments.json:
            return print_json({"at": target.now, "not_before": not_before})
        print(_watermark_text(not_before, target.now))
        return 0
    now = target.now
    try:
        instant = parse_instant(arguments.instant, now)
    except ValueError as error:
        raise StoppedError(USAGE, str(error)) from error
    confirm(
        f"Refuse everything that was issued before {when(instant, now)}? Whoever logged in before, or was last given"
        " a new refresh token before, has to log in again.",
        yes=arguments.yes,
    )
    report = obeyed(target, {"command": "watermark", "not_before": instant})
    if arguments.json:
        return print_json(report)
    print(_watermark_text(report["not_before"], report["at"]))
    if "everywhere_at" in report:
        print(f"Every function keeps to it by {when(report['everywhere_at'], report['at'])}.")
    else:
        print("It stood there already.")
    return 0


def _selected(arguments: argparse.Namespace, target: Target) -> list[Session]:
    """Return the logins that the options say, by the quickest way there is."""
    sessions = DynamoSessions(target.client("dynamodb"), target.families_table)
    selection = Selection(arguments.user, arguments.client, arguments.connector)
    stated = (arguments.user, arguments.subject, arguments.client, arguments.connector, arguments.family)
    if arguments.all == any(stated):
        raise StoppedError(USAGE, "say which logins: --user, --subject, --client, --connector, --family, or --all")
    if arguments.family:
        one = sessions.of_family(arguments.family)
        found = [one] if one is not None else []
    elif arguments.subject:
        found = sessions.of_subject(arguments.subject)
    elif arguments.user and arguments.connector and "@" not in arguments.user:
        found = sessions.of_subject(subject(arguments.user, arguments.connector))
    else:
        return scanned(sessions, selection)
    return [one for one in found if selection.fits(one) and (not arguments.subject or one.subject == arguments.subject)]


def _row(session: Session, now: int, not_before: int) -> tuple[str, ...]:
    state = session.state(now, not_before)
    ends = session.code_expires_at if state is State.CODE else session.expires_at
    return (
        f"{state}: {session.revoked_why}" if session.revoked_why else str(state),
        session.email or session.user_id,
        session.client_id,
        session.connector_id,
        relative(session.created_at, now),
        relative(session.last_used_at, now) if session.last_used_at else "never",
        relative(ends, now) if ends is not None else "never",
        str(session.generation),
        session.family_id,
    )


def _print_table(rows: Sequence[tuple[str, ...]], states: Sequence[State]) -> None:
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    print("  ".join(title.ljust(width) for title, width in zip(_COLUMNS, widths, strict=True)).rstrip())
    for row, state in zip(rows, states, strict=True):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        cells[0] = coloured(cells[0], _COLOURS.get(state, "2"), sys.stdout)
        print("  ".join(cells).rstrip())


def _summary(sessions: Sequence[Session], now: int, not_before: int) -> str:
    """Return how many there are, and how they stand: `3 logins (2 active, 1 expired)`."""
    states = Counter(one.state(now, not_before) for one in sessions)
    return f"{counted(len(sessions))} ({', '.join(f'{count:,} {state}' for state, count in states.most_common())})"


def _watermark_text(not_before: int, now: int) -> str:
    if not not_before:
        return "There is no watermark: whatever was issued is honoured."
    return f"Nothing issued before {when(not_before, now)} is honoured."
