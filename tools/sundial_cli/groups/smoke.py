"""Try a deployment as a client does: discovery, keys, and with a client's secret a token, from its issue to its end."""

from __future__ import annotations

import argparse
import os
import sys
import time

from sundial_cli.output import coloured, print_json
from sundial_cli.smoke_test import Credentials, ask_over_http, smoke
from sundial_cli.status import FINDING, UNREACHABLE, USAGE, StoppedError

SECRET = "SUNDIAL_SMOKE_SECRET"  # noqa: S105  the name of the variable
DESCRIPTION = (
    "It needs the issuer's URL and no rights in AWS, and changes nothing but that one access token of the client is"
    f" revoked. The client is a confidential one that is there for this alone (`sundial clients create smoke`); its"
    f" secret is taken from the variable {SECRET}, for a command line is no secret."
)
EXITS = "exit status: 0 all of it went well · 1 something did not, and is named · 3 nobody answers at the issuer's URL"
_WIDTH = 42


def add(parser: argparse.ArgumentParser) -> None:
    """Make the group the one command that it is."""
    parser.description = f"{parser.description} {DESCRIPTION}"
    parser.epilog = EXITS
    parser.add_argument("issuer", metavar="ISSUER", help="the issuer's URL, as clients have it")
    parser.add_argument("--client", metavar="CLIENT_ID", help=f"a client, whose secret is in {SECRET}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_smoke)


def _smoke(arguments: argparse.Namespace) -> int:
    steps = []
    for step in smoke(arguments.issuer, _credentials(arguments.client), ask_over_http, time.time):
        steps.append(step)
        if not arguments.json:
            verdict = coloured("FAILED", "31;1", sys.stdout) if step.problem else coloured("ok", "32", sys.stdout)
            print(f"  {step.what.ljust(_WIDTH)} {verdict}  {step.problem or step.seen}".rstrip(), flush=True)
    failed = any(step.problem for step in steps)
    if arguments.json:
        shown = [{"what": step.what, "seen": step.seen, "problem": step.problem} for step in steps]
        print_json({"issuer": arguments.issuer, "passed": not failed, "steps": shown})
    if not all(step.reached for step in steps):
        return UNREACHABLE
    return FINDING if failed else 0


def _credentials(client: str | None) -> Credentials | None:
    if client is None:
        return None
    secret = os.environ.get(SECRET, "")
    if not secret:
        raise StoppedError(USAGE, f"the secret of {client} is to be in the variable {SECRET}")
    return Credentials(client, secret)
