"""Get AWS credentials by a login at Sundial: the credential_process of an AWS profile."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sundial.expiry.durations import DurationError, format_duration, parse_duration
from sundial_cli.status import FINDING, USAGE, StoppedError

if TYPE_CHECKING:
    from sundial_cli.login.credentials import Source
    from sundial_cli.login.provider import Provider, Tokens
    from sundial_cli.login.sts import RoleAsked

_SCOPE = "openid email profile groups offline_access"
_SHORTEST, _LONGEST, _DEFAULT = timedelta(minutes=15), timedelta(hours=12), timedelta(hours=1)
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
    parser.add_argument("--issuer", required=True, metavar="URL", help="of Sundial, or of any OpenID provider")
    parser.add_argument("--client-id", required=True, metavar="ID", help="a client; a public one needs no more")
    parser.add_argument("--client-secret-env", metavar="NAME", help="the variable that holds its secret, if it has one")
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
    parser.add_argument("--scope", default=_SCOPE, metavar="SCOPES", help=f"what the login asks for ({_SCOPE!r})")
    parser.add_argument("--region", metavar="REGION", help="of STS, where your AWS configuration has another")
    parser.add_argument(
        "--how",
        choices=("auto", "browser", "device", "never"),
        default="auto",
        help="how to log in, where it has to be: auto takes a browser where there is a display",
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="of 127.0.0.1, for the browser's way back (any)"
    )
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="where it is kept ($XDG_STATE_HOME/sundial)")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--login", action="store_true", help="only log in, anew, and print nothing: in a terminal, first")
    only.add_argument("--logout", action="store_true", help="only end the login that is kept, and forget it")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from sundial_cli.login.credentials import forget, log_in, obtain

    source = _source(arguments)
    if arguments.login:
        log_in(source)
        source.say("You are logged in.")
        return 0
    if arguments.logout:
        source.say("You are logged out." if forget(source) else "You were not logged in.")
        return 0
    credentials = obtain(source, _asked(arguments))
    print(json.dumps({"Version": 1, **credentials}))
    return 0


def _source(arguments: argparse.Namespace) -> Source:
    from sundial_cli.login.credentials import Source
    from sundial_cli.login.keeper import Keeper, default_folder
    from sundial_cli.login.provider import Provider
    from sundial_cli.login.sts import assume_role, sts_client

    variable = arguments.client_secret_env
    if variable and not os.environ.get(variable):
        raise StoppedError(USAGE, f"the variable {variable} is not set: it is to hold the client's secret")
    provider = Provider(arguments.issuer, arguments.client_id, os.environ[variable] if variable else "")
    return Source(
        provider,
        Keeper(arguments.folder or default_folder(), provider.issuer, provider.client_id, arguments.scope),
        partial(_log_in, arguments, provider),
        partial(assume_role, partial(sts_client, arguments.region)),
        time.time,
        _say,
    )


def _asked(arguments: argparse.Namespace) -> RoleAsked:
    from sundial_cli.login.sts import RoleAsked

    if not arguments.role_arn:
        raise StoppedError(USAGE, "say which role to assume: --role-arn")
    name = _NO_SESSION_NAME.sub("-", arguments.session_name or getpass.getuser())[:_LONGEST_SESSION_NAME]
    return RoleAsked(arguments.role_arn, name.ljust(2, "-"), arguments.duration, tuple(arguments.policy_arn))


def _log_in(arguments: argparse.Namespace, provider: Provider) -> Tokens:
    from sundial_cli.login.browser import log_in_by_browser
    from sundial_cli.login.device import log_in_by_device

    how = arguments.how if arguments.how != "auto" else _best_way()
    if how == "never":
        command = f"sundial credential-process --issuer {provider.issuer} --client-id {provider.client_id} --login"
        raise StoppedError(FINDING, f"nobody is logged in: say, in a terminal, `{command}`")
    with _stdout_kept_clean():
        if how == "browser":
            return log_in_by_browser(provider, arguments.scope, _say, arguments.port)
        return log_in_by_device(provider, arguments.scope, _say)


def _best_way() -> str:
    """Return how to log in here: who can't be told where to go can't be asked at all."""
    has_display = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if has_display and not os.environ.get("SSH_CONNECTION"):
        return "browser"
    return "device" if _terminal() is not None else "never"


def _terminal() -> Path | None:
    """Return the terminal at which somebody sits: AWS's tools keep the standard streams for themselves."""
    terminal = Path("/dev/tty")
    try:
        terminal.open("w", encoding="utf-8").close()
    except OSError:
        return None
    return terminal


def _say(text: str) -> None:
    """Tell whoever sits at the terminal, or else standard error."""
    terminal = _terminal()
    if terminal is None:
        print(text, file=sys.stderr, flush=True)
        return
    with terminal.open("w", encoding="utf-8") as stream:
        print(text, file=stream, flush=True)


@contextmanager
def _stdout_kept_clean() -> Iterator[None]:
    """Send what a browser prints to standard error: standard output is for the credentials alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _duration(text: str) -> timedelta:
    try:
        duration = parse_duration(text)
    except DurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not _SHORTEST <= duration <= _LONGEST:
        raise argparse.ArgumentTypeError("STS gives credentials for 15m to 12h")
    return duration
