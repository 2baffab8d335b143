"""Move from Dex: its configuration file, and its users, clients and logins, so that nobody has to log in again."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path

from sundial_cli.dex.records import ExportError
from sundial_cli.instants import utc
from sundial_cli.output import counted, print_json, print_problems, printable
from sundial_cli.status import FINDING, USAGE, StoppedError
from sundial_cli.target import Target, add_command


def add(group: argparse.ArgumentParser) -> None:
    """Add the commands of the group."""
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    config = commands.add_parser(
        "config",
        help="make a Dex configuration file one for Sundial, and say what needs attention",
        description="A Dex file works as it is; this takes out what has no place in a repository, or no meaning here:"
        " secrets of clients become their digests, and the storage and the server's own settings go. All else stays,"
        " comments too. Then it is checked, as by `sundial config check`.",
        epilog="exit status: 0 it can be deployed · 1 it was written, and has errors that are to be mended ·"
        " 2 it can't be read, or the new file is there already",
    )
    config.add_argument("source", type=Path, metavar="FILE", help="Dex's configuration file")
    config.add_argument(
        "--output", type=Path, metavar="FILE", required=True, help="the new file: layers/config/sundial.yaml"
    )
    config.add_argument("--force", action="store_true", help="write over the new file, if it is there")
    config.add_argument(
        "--refresh-tokens", action="store_true", help="have it take Dex's refresh tokens (migration.dexRefreshTokens)"
    )
    config.add_argument("--json", action="store_true", help="print JSON")
    config.set_defaults(run=_config)

    storage = add_command(
        commands,
        "storage",
        "import users, clients and logins from an export of Dex's storage",
        _storage,
        "The export is what `kubectl get … -o json` prints of Dex's resources, its SQLite file, or its tables as"
        " TABLE.csv or TABLE.json (docs/migrating-from-dex.md says how). Delete it in the end: it holds secrets."
        " What is there already stays as it is, so it can be done again; what can't be imported is named, with the"
        " reason. Of refresh tokens only a digest is kept.",
    )
    storage.add_argument("files", type=Path, nargs="+", metavar="FILE", help="of the export, all of them at once")
    storage.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _config(arguments: argparse.Namespace) -> int:
    from sundial.config.problems import has_errors
    from sundial.config.reader import compile_file
    from sundial_cli.dex.configuration import NoDexFileError, convert

    if arguments.output.exists() and not arguments.force:
        raise StoppedError(USAGE, f"{arguments.output} is there already: --force writes over it")
    try:
        converted = convert(arguments.source.read_text("utf-8"), with_refresh_tokens=arguments.refresh_tokens)
    except (NoDexFileError, UnicodeDecodeError) as error:
        raise StoppedError(USAGE, f"{arguments.source}: {error}") from error
    arguments.output.write_text(converted.text, "utf-8")
    _, problems = compile_file(arguments.output, os.environ)
    status = FINDING if has_errors(problems) else 0
    if arguments.json:
        listed = [asdict(problem) for problem in problems]
        print_json({"file": str(arguments.output), "changes": list(converted.changes), "problems": listed})
        return status
    for change in converted.changes:
        print(f"  {change}")
    print_problems(str(arguments.output), problems, sys.stdout)
    verdict = counted(problems) or "no problems"
    print(f"{arguments.output}: written, with {len(converted.changes)} changes; {verdict}")
    return status


def _storage(arguments: argparse.Namespace, target: Target) -> int:
    from sundial.config.users import LOCAL
    from sundial_cli.dex.exports import read_exports
    from sundial_cli.moving.clients import import_clients
    from sundial_cli.moving.logins import import_logins
    from sundial_cli.moving.users import import_users

    try:
        export = read_exports(arguments.files)
    except ExportError as error:
        raise StoppedError(USAGE, str(error)) from error
    config, dry_run = target.config(), arguments.dry_run
    if export.passwords and config.connector(LOCAL.id) is None:
        raise StoppedError(FINDING, "there are users, and the deployed configuration has no 'enablePasswordDB: true'")
    if export.refresh_tokens and not config.migration.dex_refresh_tokens:
        raise StoppedError(
            FINDING,
            "there are logins, and the deployed configuration takes no refresh tokens of Dex's: deploy it with"
            " 'migration: {dexRefreshTokens: true}' first (`sundial import-dex config --refresh-tokens` puts it there)",
        )
    blocked = export.blocked(target.now)
    users = import_users(export.passwords, blocked, config, target, dry_run=dry_run)
    clients, new_clients = import_clients(export.clients, config, target, dry_run=dry_run)
    logins = import_logins(export.refresh_tokens, blocked, new_clients, config, target, dry_run=dry_run)
    outcomes = [users, clients, logins]
    missing = [name for name in export.connectors if config.connector(name) is None]
    unblocked = [one for one in blocked.values() if one.connector_id != LOCAL.id]
    status = FINDING if missing or unblocked or any(outcome.left_out for outcome in outcomes) else 0
    if arguments.json:
        done = {outcome.what: outcome.to_json() for outcome in outcomes}
        return (
            print_json(
                {
                    "dry_run": arguments.dry_run,
                    **done,
                    "missing_connectors": missing,
                    "no_longer_blocked": [asdict(one) for one in unblocked],
                }
            )
            or status
        )
    for outcome in outcomes:
        print(outcome.summary(dry_run=arguments.dry_run))
        for name, why in outcome.left_out.items():
            print(f"  left out: {printable(name)}: {printable(why)}")
        for name, note in outcome.notes.items():
            print(f"  note: {printable(name)}: {printable(note)}")
    for name in missing:
        print(
            f"connectors: {printable(name)} stands in Dex's storage and not in the deployed configuration: add it there"
        )
    for one in unblocked:
        who = printable(f"{one.email or one.user_id} of {one.connector_id}")
        print(f"blocked: {who} is blocked at Dex until {utc(one.until)}, and could log in here: have their provider")
        print("         refuse them")
    if not arguments.dry_run:
        print("Functions know all of it within a minute. Delete the export: it holds secrets.")
    return status
