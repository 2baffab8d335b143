"""Say whether everything is as it should be, and what to do about what isn't."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import asdict
from itertools import groupby

from sundial_cli.health.finding import Finding, Verdict, exit_status, worst
from sundial_cli.instants import utc
from sundial_cli.output import coloured, print_json
from sundial_cli.target import Target, prepare_command

DESCRIPTION = (
    "It looks at the keys and the JWKS as served, the tables, the secret and its KMS key, and at the functions, the"
    " schedule and the alarms of a deployed stack. What your rights don't let you see is said, and the rest is looked"
    " at all the same. It changes nothing."
)
EXITS = (
    "exit status: 0 nothing is bad (there may be warnings) · 1 something is bad, or with --strict there is a warning ·"
    " 3 nothing that could be seen is bad, but not everything could be seen, or nothing"
)
_COLOURS = {Verdict.OK: "32", Verdict.WARNING: "33;1", Verdict.BAD: "31;1", Verdict.UNSEEN: "35;1"}
_WIDTH = 8


def add(parser: argparse.ArgumentParser) -> None:
    """Make the group the one command that it is."""
    parser.description = f"{parser.description} {DESCRIPTION}"
    parser.epilog = EXITS
    parser.add_argument("--strict", action="store_true", help="let a warning count as something bad")
    prepare_command(parser, _status)


def _status(arguments: argparse.Namespace, target: Target) -> int:
    from sundial_cli.health.examination import examined

    found = examined(target)
    verdict = worst([finding for _, finding in found])
    if arguments.json:
        listed = [{"area": area, **asdict(finding)} for area, finding in found]
        head = {"at": target.now, "deployment": target.name, "issuer": target.issuer}
        print_json({**head, "verdict": verdict, "findings": listed})
    else:
        print(f"{target.issuer}: {target.name}, at {utc(target.now)}")
        for area, group in groupby(found, key=lambda row: row[0]):
            print(f"\n{coloured(area, '1', sys.stdout)}")
            for _, finding in group:
                _print(finding)
        counts = Counter(finding.verdict for _, finding in found)
        print("\n" + ", ".join(f"{counts[one]} {one}" for one in Verdict if counts[one]))
    return exit_status(verdict, strict=arguments.strict)


def _print(finding: Finding) -> None:
    print(f"  {coloured(finding.verdict.ljust(_WIDTH), _COLOURS[finding.verdict], sys.stdout)} {finding.text}")
    for line in (finding.remedy and f"do: {finding.remedy}", finding.page):
        if line:
            print(f"  {'':{_WIDTH}} {line}")
