"""Get AWS credentials by a login at Sundial: the credential_process of an AWS profile."""

from __future__ import annotations

import argparse
import getpass
import json
import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sundial.expiry.durations import DurationError, format_duration, parse_duration
from sundial_cli.login.command import add_login_options, logs_in_or_out, source_of
from sundial_cli.status import USAGE, StoppedError

if TYPE_CHECKING:
    from sundial_cli.login.credentials import Wanted
    from sundial_cli.login.sts import RoleAsked

_SCOPE = "openid email profile groups offline_access"
_SHORTEST, _LONGEST, _DEFAULT = timedelta(minutes=15), timedelta(hours=12), timedelta(hours=1)
_AHEAD = timedelta(minutes=15)
"""How long before their end the SDKs ask for new credentials: old ones are no use to them then."""
_NO_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)
_LONGEST_SESSION_NAME = 64
_DESCRIPTION = (
    "The first time, you log in, in a browser or on another device. Then each call refreshes that login, has STS assume"
    " the role with the ID token, and prints the credentials in the form that AWS's SDKs and command line expect of a"
    " `credential_process`. They are kept until shortly before they run out; of many calls at once, one refreshes."
    " Whatever is kept is in a file that you alone can read, and no token is ever printed."
)
_EPILOG = (
    "exit status: 0 credentials were printed · 1 the login has ended, or STS refuses the role · 2 called wrongly ·"
    " 3 the issuer or STS can't be reached"
)


def add(parser: argparse.ArgumentParser) -> None:
    """Make the group the one command that it is."""
    parser.description, parser.epilog = f"{parser.description} {_DESCRIPTION}", _EPILOG
    parser.add_argument("--role-arn", metavar="ARN", help="the role to assume")
    parser.add_argument(
        "--duration",
        type=_duration,
        default=_DEFAULT,
        metavar="DURATION",
        help=f"of the credentials ({format_duration(_DEFAULT)}); 15m to 12h, and no longer than the role allows",
    )
    parser.add_argument("--session-name", metavar="NAME", help="what CloudTrail calls you (your name on this machine)")
    parser.add_argument(
        "--policy-arn", action="append", default=[], metavar="ARN", help="narrow the role by this policy"
    )
    parser.add_argument("--region", metavar="REGION", help="of STS, where your AWS configuration has another")
    add_login_options(parser, _SCOPE)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from sundial_cli.login.credentials import obtain

    source = source_of(arguments, "credential-process")
    if not logs_in_or_out(arguments, source):
        print(json.dumps({"Version": 1, **obtain(source, wanted(_asked(arguments), arguments.region))}))
    return 0


def wanted(asked: RoleAsked, region: str | None) -> Wanted:
    """Return the credentials of a role, as what a login is to be made into."""
    from sundial_cli.login.credentials import Wanted
    from sundial_cli.login.sts import assume_role, sts_client

    ahead = min(_AHEAD, asked.duration / 4)
    return Wanted(asked.key, ahead, partial(assume_role, partial(sts_client, region), asked))


def _asked(arguments: argparse.Namespace) -> RoleAsked:
    from sundial_cli.login.sts import RoleAsked

    if not arguments.role_arn:
        raise StoppedError(USAGE, "say which role to assume: --role-arn")
    name = _NO_SESSION_NAME.sub("-", arguments.session_name or getpass.getuser())[:_LONGEST_SESSION_NAME]
    return RoleAsked(arguments.role_arn, name.ljust(2, "-"), arguments.duration, tuple(arguments.policy_arn))


def _duration(text: str) -> timedelta:
    try:
        duration = parse_duration(text)
    except DurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not _SHORTEST <= duration <= _LONGEST:
        raise argparse.ArgumentTypeError("STS gives credentials for 15m to 12h")
    return duration
