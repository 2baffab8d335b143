"""Get an ID token for kubectl by a login at Sundial: the exec plug-in of a user in a kubeconfig."""

from __future__ import annotations

import argparse
import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sundial_cli.login.command import add_login_options, logs_in_or_out, source_of
from sundial_cli.status import FINDING, StoppedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCOPE = "openid email groups offline_access"
_AHEAD = timedelta(seconds=30)
"""How long before its end a token is made anew: clocks differ, and a request takes its time."""
_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_DESCRIPTION = (
    "The first time, you log in, in a browser or on another device. Then each call refreshes that login when the ID"
    " token has run out, and prints the token in the form that kubectl expects of an exec plug-in, an ExecCredential."
    " Of many calls at once, one refreshes. What is kept is in a file that you alone can read."
)
_EPILOG = (
    "exit status: 0 a token was printed · 1 the login has ended, or the client is refused · 2 called wrongly ·"
    " 3 the issuer can't be reached"
)


def add(parser: argparse.ArgumentParser) -> None:
    """Make the group the one command that it is."""
    parser.description, parser.epilog = f"{parser.description} {_DESCRIPTION}", _EPILOG
    add_login_options(parser, _SCOPE)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from sundial_cli.login.credentials import Wanted, obtain

    source = source_of(arguments, "kubernetes-credential")
    if not logs_in_or_out(arguments, source):
        made = obtain(source, Wanted("id_token", _AHEAD, of_id_token))
        status = {"token": made["IdToken"], "expirationTimestamp": made["Expiration"]}
        print(json.dumps({"apiVersion": _version(os.environ), "kind": "ExecCredential", "status": status}))
    return 0


def of_id_token(id_token: str) -> dict[str, str]:
    """Return an ID token as credentials, good until its `exp`. It is the API server that verifies it."""
    import jwt

    try:
        expires_at = int(jwt.decode(id_token, options={"verify_signature": False})["exp"])
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        raise StoppedError(FINDING, "the provider gave out no ID token: is `openid` among the scopes?") from None
    return {
        "IdToken": id_token,
        "Expiration": datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _version(environment: Mapping[str, str]) -> str:
    """Return the version of the API in which kubectl asks (its variable KUBERNETES_EXEC_INFO)."""
    try:
        asked: Any = json.loads(environment.get("KUBERNETES_EXEC_INFO", "{}")).get("apiVersion")
    except (ValueError, AttributeError):
        asked = None
    return asked if asked in _VERSIONS else _VERSIONS[0]
