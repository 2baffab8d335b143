"""What a developer sees first: where Sundial is, who may log in, and how to try it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from sundial_local.configuration import Configuration
from sundial_local.demo import CLIENT_SECRETS, USER_PASSWORDS
from sundial_local.paths import short


def banner(configuration: Configuration, log: Path) -> str:
    """Return the lines to print once requests are answered.

    Secrets stand in it for the demo configuration alone, whose secrets are in the repository.
    """
    config = configuration.config
    rows = [("discovery", f"{config.issuer}/.well-known/openid-configuration")]
    secrets, passwords = (CLIENT_SECRETS, USER_PASSWORDS) if configuration.is_demo else ({}, {})
    for client in config.clients.values():
        kind = "public" if client.public else f"secret {secrets[client.id]}" if client.id in secrets else "confidential"
        redirects = " or ".join(client.redirect_uris) or "any loopback port"
        rows.append(("client", f"{client.id}, {kind}, redirects to {redirects}"))
    for user in config.static_passwords:
        known = f" / {passwords[user.email]}" if user.email in passwords else ""
        rows.append(("user", f"{user.email}{known}"))
    rows.append(("log", str(short(log))))
    if configuration.is_demo:
        rows.append(("try it", f"{shlex.quote(sys.executable)} -m sundial_local.walk {config.issuer}"))
    lines = [f"  {name:10} {text}" for name, text in rows]
    return "\n".join([f"Sundial serves {config.issuer}", "", *lines, "", "Ctrl-C stops it."])
