"""What the commands have in common that another program runs for credentials: their options, logging in and out."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sundial_cli.status import USAGE, StoppedError

if TYPE_CHECKING:
    from sundial_cli.login.credentials import Source

_WAYS = ("auto", "browser", "device", "never")


def add_login_options(parser: argparse.ArgumentParser, scope: str) -> None:
    """Add the options that say who logs in where, and how; `scope` is asked for unless they say otherwise."""
    parser.add_argument("--issuer", required=True, metavar="URL", help="of Sundial, or of any OpenID provider")
    parser.add_argument("--client-id", required=True, metavar="ID", help="a client; a public one needs no more")
    parser.add_argument("--client-secret-env", metavar="NAME", help="the variable that holds its secret, if it has one")
    parser.add_argument("--scope", default=scope, metavar="SCOPES", help=f"what the login asks for ({scope!r})")
    parser.add_argument(
        "--how",
        choices=_WAYS,
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


def logs_in_or_out(arguments: argparse.Namespace, source: Source) -> bool:
    """Log in or out, where that is all that is wanted; return whether it was."""
    from sundial_cli.login.credentials import forget, log_in

    if arguments.login:
        log_in(source)
        source.say("You are logged in.")
    elif arguments.logout:
        source.say("You are logged out." if forget(source) else "You were not logged in.")
    return bool(arguments.login or arguments.logout)


def source_of(arguments: argparse.Namespace, command: str) -> Source:
    """Return where the credentials of `sundial COMMAND` come from. Raises StoppedError for options that can't be."""
    import time

    from sundial_cli.login.asking import ask_to_log_in, say
    from sundial_cli.login.credentials import Source
    from sundial_cli.login.keeper import Keeper, default_folder
    from sundial_cli.login.provider import Provider

    variable = arguments.client_secret_env
    if variable and not os.environ.get(variable):
        raise StoppedError(USAGE, f"the variable {variable} is not set: it is to hold the client's secret")
    provider = Provider(arguments.issuer, arguments.client_id, os.environ[variable] if variable else "")
    typed = f"sundial {command} --issuer {provider.issuer} --client-id {provider.client_id} --login"
    return Source(
        provider,
        Keeper(arguments.folder or default_folder(), provider.issuer, provider.client_id, arguments.scope),
        lambda: ask_to_log_in(provider, arguments.scope, arguments.how, arguments.port, typed),
        time.time,
        say,
    )
