"""Resource indicators: which APIs an access token is for (RFC 8707)."""

from __future__ import annotations

import re

from sundial.config.model import Client
from sundial.errors import invalid_target

_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!$-;=?-Z_a-z~%\[\]]+")  # RFC 3986 §4.3: no fragment

MOST_RESOURCES = 16
"""In one request: as many as fit into the condition of one write, beside its scopes."""


def is_resource(text: str) -> bool:
    """Return whether `text` can name a resource: an absolute URI without a fragment (RFC 8707 §2)."""
    return _ABSOLUTE_URI.fullmatch(text) is not None


def read_resources(resource: str | None, client: Client) -> tuple[str, ...]:
    """Return the resources that `client` asks for, each once; none where it names none.

    `resource` are the values of that parameter, which may be repeated, joined by spaces. Raises
    `invalid_target` (RFC 8707 §2) for one that is not an absolute URI, or not one of the client's
    (`staticClients[].resources`).
    """
    if resource is None:
        return ()
    asked = tuple(dict.fromkeys(resource.split()))
    if len(asked) > MOST_RESOURCES:
        raise invalid_target(f"more than {MOST_RESOURCES} resources")
    if any(not is_resource(one) for one in asked):
        raise invalid_target("a resource must be an absolute URI without a fragment (RFC 8707 §2)")
    if any(one not in client.resources for one in asked):
        raise invalid_target("this client may not have tokens for that resource (staticClients[].resources)")
    return asked


def check_granted(asked: tuple[str, ...], granted: tuple[str, ...]) -> None:
    """RFC 8707 §2.2: a token is for no resource beyond those of the login; one that named none leaves it open."""
    if granted and any(one not in granted for one in asked):
        raise invalid_target("that resource was not asked for at login (RFC 8707 §2.2)")


def target_of(client: Client, asked: tuple[str, ...], granted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the resources that a token is for: those asked for now, or else those of the login.

    Without those that the client may not have tokens for any more.
    """
    if asked or not granted:
        return asked
    return tuple(one for one in granted if one in client.resources)
