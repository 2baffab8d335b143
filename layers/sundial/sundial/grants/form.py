"""What the endpoints of the function `token` have in common: a form, and the client that it is from."""

from __future__ import annotations

from collections.abc import Mapping

from sundial.config.model import Client
from sundial.errors import invalid_request
from sundial.grants.client_authentication import authenticate_client
from sundial.grants.server import TokenServer
from sundial.web.http import Request

_LONGEST_NONCE = 512  # as at /auth


def authenticated_form(
    server: TokenServer, request: Request, *, repeatable: frozenset[str] = frozenset()
) -> tuple[Client, Mapping[str, str]]:
    """Return the client that a request is from, and its parameters (RFC 6749 §2.3 and §3.2)."""
    if request.raw_query:
        raise invalid_request("the parameters belong in the body, not in the URL (RFC 6749 §2.3.1 and §3.2)")
    parameters = request.form(repeatable=repeatable)
    authorization = request.headers.get("authorization")
    return authenticate_client(authorization, parameters, server.clients, request.now), parameters


def required(parameters: Mapping[str, str], name: str, section: str) -> str:
    """Return a parameter; raises an `invalid_request` that names `section` where it is missing."""
    if name not in parameters:
        raise invalid_request(f"{name} is missing ({section})")
    return parameters[name]


def nonce_of(parameters: Mapping[str, str]) -> str | None:
    """Return what the ID token is to carry as `nonce`; Dex takes one with every grant that has no login page."""
    nonce = parameters.get("nonce")
    if nonce is not None and len(nonce.encode("utf-8")) > _LONGEST_NONCE:
        raise invalid_request(f"nonce is longer than {_LONGEST_NONCE} bytes")
    return nonce
