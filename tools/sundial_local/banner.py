"""What a developer sees first: where Sundial is, who may log in, and how to try it."""

from __future__ import annotations

import sys
from pathlib import Path

from sundial_local.configuration import Configuration

DEMO_USERS = {"admin@example.com": "password"}
"""Those of default.yaml, with the passwords that it has the hashes of."""


def banner(configuration: Configuration, log: Path) -> str:
    """Return the lines to print once requests are answered.

    Secrets stand in it for the demo configuration alone, whose secrets are in the repository.
    """
    config = configuration.config
    rows = [("discovery", f"{config.issuer}/.well-known/openid-configuration")]
    for client in configuration.compiled["document"].get("staticClients") or ():
        known = config.clients.get(client.get("id", ""))
        if known is not None:
            secret = "public" if known.public else f"secret {client['secret']}" if configuration.is_demo else "secret"
            redirects = " or ".join(known.redirect_uris) or "any loopback port"
            rows.append(("client", f"{known.id}, {secret}, redirects to {redirects}"))
    for user in config.static_passwords:
        rows.append(("user", user.email + (f" / {DEMO_USERS[user.email]}" if configuration.is_demo else "")))
    rows.append(("log", str(_short(log))))
    if configuration.is_demo:
        walk = f"{_short(Path(sys.executable))} -m sundial_local.walk {config.issuer}"
        rows.append(("try it", f"{walk}   (in another terminal)"))
    lines = [f"  {name:10} {text}" for name, text in rows]
    return "\n".join([f"Sundial serves {config.issuer}", "", *lines, "", "Ctrl-C stops it."])


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
