"""The way back to the client (RFC 6749 §4.1.2, RFC 9207): with a code, or with an error."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from sundial.authorize.flow import Login
from sundial.authorize.server import AuthorizeServer, see_other
from sundial.errors import OAuthError, invalid_request
from sundial.expiry.family import Family, PendingCode
from sundial.observe import count, logger
from sundial.tokens.opaque import Kind, mint
from sundial.web.http import Response

_NOT_ALLOWED = re.compile(r"[^ !#-\[\]-~]")  # in an error_description, RFC 6749 §4.1.2.1

_FINISHED = "You have finished this login before. Go back to the application; if it asks you to, log in again."


def code_response(server: AuthorizeServer, login: Login, now: int) -> Response:
    """Begin the family of a login, which is the one write of it, and take its code to the client.

    A second time, as after a double click, it is the same family and the same code. Once the client has
    redeemed that, it is an error for the user: to give the code out again would end the login.
    """
    asked = login.request
    scopes = server.grantable(asked.scopes, server.connectors[login.connector_id], login.upstream)
    mac_key = server.ring.current(now).mac(now)
    family = Family(
        family_id=login.family_id,
        client_id=asked.client_id,
        connector_id=login.connector_id,
        claims=login.claims,
        scopes=scopes,
        created_at=login.logged_in_at,
        auth_time=login.logged_in_at,
        code=PendingCode(
            now + int(server.config.expiry.auth_codes.total_seconds()), asked.redirect_uri, asked.challenge
        ),
        nonce=asked.nonce,
        change_id=login.change_id,
        audience=asked.audience,
        resources=asked.resources,
    )
    if not server.families.begin(family):
        raise invalid_request(_FINISHED)
    code = mint(Kind.AUTHORIZATION_CODE, mac_key, family, generation=1 if "offline_access" in scopes else 0)
    logger.info("logged_in", client_id=asked.client_id, connector_id=login.connector_id, family_id=login.family_id)
    count("Logins", connector=login.connector_id)
    return _to_client(server, asked.redirect_uri, asked.state, {"code": code})


def error_redirect(server: AuthorizeServer, redirect_uri: str, state: str | None, error: OAuthError) -> Response:
    """Take an error to the client (RFC 6749 §4.1.2.1)."""
    logger.info("refused", error=error.code, description=error.description, detail=error.detail, redirected=True)
    description = _NOT_ALLOWED.sub("", error.description)
    return _to_client(server, redirect_uri, state, {"error": error.code, "error_description": description})


def _to_client(server: AuthorizeServer, redirect_uri: str, state: str | None, answer: dict[str, str]) -> Response:
    """RFC 6749 §4.1.2: added to the query that the URI has already; RFC 9207 §2: with the issuer."""
    if state is not None:
        answer["state"] = state
    answer["iss"] = server.config.issuer
    separator = "&" if "?" in redirect_uri else "?"
    return see_other(f"{redirect_uri}{separator}{urlencode(answer, quote_via=quote)}")
