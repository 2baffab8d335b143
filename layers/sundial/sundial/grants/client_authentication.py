"""Who is asking: client authentication at the token endpoint (RFC 6749 §2.3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from sundial.clients import Clients
from sundial.config.model import Client
from sundial.errors import invalid_client, invalid_request


def authenticate_client(authorization: str | None, parameters: Mapping[str, str], clients: Clients, now: int) -> Client:
    """Return the client that the request is from, proven by its secret unless it is public.

    `authorization` is the request's Authorization header. Raises `invalid_client`, 401, for an unknown
    client or a wrong secret, in the same words for both; `invalid_request` where the client used more
    than one method (RFC 6749 §2.3).
    """
    if authorization is not None:
        client_id, secret = _basic(authorization)
        if "client_secret" in parameters:
            raise invalid_request("the client authenticated twice: by HTTP Basic and in the body; use one")
        if parameters.get("client_id", client_id) != client_id:
            raise invalid_request("the client_id of the body is not the one of the Authorization header")
    else:
        client_id, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
        if not client_id:
            raise invalid_client("no client authentication: send client_id and client_secret, or HTTP Basic")
    client = clients.find(client_id, now)
    if client is None or not _secret_matches(client, secret, now):
        raise invalid_client("unknown client, or wrong client secret", basic=authorization is not None)
    return client


def _basic(authorization: str) -> tuple[str, str]:
    """Return the (client id, secret) of an HTTP Basic header, each URL-decoded (RFC 6749 §2.3.1)."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client("the Authorization header must use the Basic scheme", basic=True)
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_client("the Authorization header is not valid HTTP Basic", basic=True) from None
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise invalid_client("the Authorization header is not valid HTTP Basic", basic=True)
    return unquote_plus(client_id), unquote_plus(secret)


def _secret_matches(client: Client, secret: str, now: int) -> bool:
    """Return whether `secret` is the client's, or the one before it in the time in which both work."""
    if client.secret_sha256 is None:
        return client.public and not secret
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
    former = client.former_secret
    is_former = former is not None and now <= former.until and hmac.compare_digest(digest, former.sha256)
    return hmac.compare_digest(digest, client.secret_sha256) or is_former
