"""Look at the signing keys and MAC keys, rotate them, drop one that has leaked."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from sundial_cli.instants import span, utc, when
from sundial_cli.output import coloured, print_json
from sundial_cli.status import FINDING, USAGE, StoppedError
from sundial_cli.target import Target, add_command, obeyed

_SHORTEST_PART = 4


def add(group: argparse.ArgumentParser) -> None:
    """Add the commands of the group."""
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    add_command(commands, "list", "show the key ring as a timeline: which key waits, which signs, until when", _list)

    add_command(
        commands,
        "rotate",
        "let each algorithm's successor sign from now on",
        _rotate,
        "The key before it retires as usual: what it signed goes on to verify. Nothing is lost, and nobody notices.",
    )

    revoke = add_command(
        commands,
        "revoke",
        "drop a key that has leaked, now",
        _revoke,
        "The emergency drill (docs/operations.md): the key leaves the ring and the JWKS, its successor signs, and"
        " what it signed is refused. A MAC key takes the refresh tokens and codes with it that were made with it.",
    )
    revoke.add_argument(
        "kid",
        metavar="KID",
        help=f"of a signing key or a MAC key, or a part of it that no other has (after `--` where it begins with -);"
        f" at least {_SHORTEST_PART} characters",
    )
    revoke.add_argument("--yes", action="store_true", help="don't ask")
    revoke.add_argument(
        "--force",
        action="store_true",
        help="even where the successor is not in every verifier's cache yet: some refuse what it signs for a while",
    )

    add_command(
        commands,
        "check",
        "compare the JWKS as verifiers get it with the ring; status 1 where they differ",
        _check,
        "Asks the issuer over HTTP, as verifiers do, and the rotation for the ring and the published item.",
    )


def _list(arguments: argparse.Namespace, target: Target) -> int:
    from sundial_cli.timeline import timeline

    document = target.rotate_keys({"command": "list"})
    if arguments.json:
        return print_json(document)
    now = document["at"]
    print(f"{target.issuer}: {target.name}, at {utc(now)}\n")
    if not document["signing_keys"]:
        print("There are no keys yet: the key rotation makes the first ones when it first runs.")
        return 0
    columns = shutil.get_terminal_size((100, 24)).columns
    for line in timeline(document, sys.stdout, columns):
        print(line)
    if document["not_before"]:
        print(f"watermark: nothing issued before {when(document['not_before'], now)} is honoured")
    return 0


def _rotate(arguments: argparse.Namespace, target: Target) -> int:
    report = obeyed(target, {"command": "rotate"})
    if arguments.json:
        return print_json(report)
    now = report["at"]
    for alg, active in report["active"].items():
        print(f"{alg}: {active['kid']} signs now")
    print(f"Every function has it by {when(report['everywhere_at'], now)}.")
    return 0


def _revoke(arguments: argparse.Namespace, target: Target) -> int:
    from sundial_cli.terminal import confirm

    document = target.rotate_keys({"command": "list"})
    key = _key(document, arguments.kid)
    confirm(_consequences(key, document), yes=arguments.yes)
    report = obeyed(target, {"command": "revoke", "kid": key["kid"], "force": arguments.force})
    if arguments.json:
        return print_json(report)
    now, everywhere_at = report["at"], report["everywhere_at"]
    print(f"{coloured('Revoked', '31;1', sys.stdout)} the {key['alg']} key {key['kid']} at {utc(now)}.")
    if key["alg"] == "MAC":
        print(f"  It is over at {when(everywhere_at, now)}: no function takes what it made after that.")
        return 0
    active = report["active"].get(key["alg"])
    if active:
        print(f"  {active['kid']} signs; every function has it by {when(everywhere_at, now)}.")
    print(f"  Verifiers that keep to max-age have forgotten the key by {when(report['caches_until'], now)}.")
    print(
        "  One that keeps a JWKS for longer than it is told, as API Gateway's own JWT authorizer may, has forgotten it"
        f" by {when(report['all_caches_until'], now)}."
    )
    print("  `sundial keys check` says whether it is gone from where verifiers look.")
    return 0


def _check(arguments: argparse.Namespace, target: Target) -> int:
    from sundial_cli.served_keys import checks

    document = target.rotate_keys({"command": "list"})
    found = list(checks(document, target.issuer))
    in_step = not any(check.problems for check in found)
    if arguments.json:
        listed = [{"what": check.what, "problems": list(check.problems)} for check in found]
        print_json({"in_step": in_step, "checks": listed})
        return 0 if in_step else FINDING
    for check in found:
        verdict = coloured("wrong", "31;1", sys.stdout) if check.problems else coloured("right", "32;1", sys.stdout)
        print(f"{verdict}  {check.what}")
        for problem in check.problems:
            print(f"       {problem}")
    if not in_step:
        print("The next run of the rotation mends what is published. If it stays: docs/operations.md#jwks-out-of-step")
    return 0 if in_step else FINDING


def _key(document: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Return the key that `part` of a kid means. Raises StoppedError unless it is one."""
    keys: list[dict[str, Any]] = [*document["signing_keys"], *document["mac_keys"]]
    exact = [key for key in keys if key["kid"] == part]
    found = exact or [key for key in keys if part in key["kid"] and len(part) >= _SHORTEST_PART]
    if len(found) == 1:
        return found[0]
    if found:
        raise StoppedError(USAGE, f"{part} is a part of several keys: {', '.join(key['kid'] for key in found)}")
    raise StoppedError(FINDING, f"the ring has no key {part}: `sundial keys list` shows them; it may have left already")


def _consequences(key: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    what = f"Revoke the {key['state']} {key['alg']} key {key['kid']}?"
    if key["alg"] == "MAC":
        return f"{what} Whoever has a refresh token that was made with it has to log in again."
    if key["state"] == "pending":
        return f"{what} It has signed nothing yet, and no token is lost."
    began = key["signs_from"]
    signed = f"in the {span(document['at'] - began)} since it began" if key["state"] == "active" else "while it did"
    return f"{what} Every token that it signed {signed} is refused; clients get new ones by a refresh."
