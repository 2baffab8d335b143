"""The way back to the client (RFC 6749 §4.1.2, RFC 9207): with a code, with tokens, or with an error."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit

from sundial.authorize.flow import Login
from sundial.authorize.front_channel import front_channel_tokens
from sundial.authorize.server import AuthorizeServer, see_other
from sundial.config.model import Client
from sundial.errors import OAuthError, invalid_request
from sundial.expiry.family import Family, PendingCode
from sundial.grants.server import Signers
from sundial.observe import count, logger
from sundial.tokens.opaque import Kind, mint
from sundial.web.http import Response
from sundial.web.pages import form_action

_FINISHED = "You have finished this login before. Go back to the application; if it asks you to, log in again."


class Recipient(Protocol):
    """Where an answer goes: a request, or what is known of it when it is refused."""

    @property
    def redirect_uri(self) -> str:
        """The client's own, checked; empty for a device, which is never redirected to."""

    @property
    def state(self) -> str | None:
        """What the client wants back."""

    @property
    def response_mode(self) -> str:
        """How the answer travels: `query`, `fragment` or `form_post`."""


def granted(server: AuthorizeServer, login: Login) -> frozenset[str]:
    """Return the scopes that a login may have; without a code there is no refresh token (RFC 6749 §4.2.2)."""
    scopes = server.grantable(login.request.scopes, server.connectors[login.connector_id], login.upstream)
    return scopes if "code" in login.request.response_types else scopes - {"offline_access"}


def family_of(server: AuthorizeServer, login: Login) -> Family:
    """Return what a login begins, as far as it is the same whatever the client is answered."""
    asked = login.request
    scopes = granted(server, login)
    keeps = login.upstream and "offline_access" in scopes
    return Family(
        family_id=login.family_id,
        client_id=asked.client_id,
        connector_id=login.connector_id,
        claims=login.claims,
        scopes=scopes,
        created_at=login.logged_in_at,
        auth_time=login.logged_in_at if login.authenticated_at is None else login.authenticated_at,
        nonce=asked.nonce,
        change_id=login.change_id,
        audience=asked.audience,
        resources=asked.resources,
        upstream=server.envelopes.seal(login.family_id, login.upstream) if keeps else None,
    )


def authorization_response(server: AuthorizeServer, client: Client, login: Login, now: int) -> Response:
    """Begin the family of a login, which is the one write of it, and take to the client what it asked for.

    A second time, as after a double click, it is the same family and the same code. Once the client has
    redeemed that, it is an error for the user: to give the code out again would end the login. So it is once the
    login has been ended.
    """
    asked = login.request
    ring = server.ring.current(now)
    signers = None if asked.response_types == ("code",) else Signers.for_client(ring, server.config, client, now)
    lifetime = server.config.id_token_lifetime(client, login.connector_id)
    family = family_of(server, login)
    answer: dict[str, str] = {}
    if "code" in asked.response_types:
        expires_at = now + int(server.config.expiry.auth_codes.total_seconds())
        family = replace(family, code=PendingCode(expires_at, asked.redirect_uri, asked.challenge))
        generation = 1 if "offline_access" in family.scopes else 0
        answer["code"] = mint(Kind.AUTHORIZATION_CODE, ring.mac(now), family, generation)
    else:
        family = replace(family, redeemed_at=now, rotated_at=now, last_used_at=now)
    if not server.families.begin(family, now + int(lifetime.total_seconds()) if signers is not None else None):
        raise invalid_request(_FINISHED)
    if signers is not None:
        answer |= front_channel_tokens(server, client, family, asked.response_types, signers, now, answer.get("code"))
    note_login(family)
    return _to_client(server, asked, answer)


def note_login(family: Family) -> None:
    """Log and count a login that has just been written."""
    logger.info("logged_in", client_id=family.client_id, connector_id=family.connector_id, family_id=family.family_id)
    count("Logins", connector=family.connector_id)


def error_redirect(server: AuthorizeServer, recipient: Recipient, error: OAuthError) -> Response:
    """Take an error to the client (RFC 6749 §4.1.2.1); where it is a device's login, raise it for the user."""
    if not recipient.redirect_uri:
        raise error
    logger.info("refused", error=error.code, description=error.description, detail=error.detail, redirected=True)
    return _to_client(server, recipient, {"error": error.code, "error_description": error.told})


def _to_client(server: AuthorizeServer, recipient: Recipient, answer: dict[str, str]) -> Response:
    """Answer as the request's `response_mode` says; RFC 9207 §2: with the issuer."""
    if recipient.state is not None:
        answer["state"] = recipient.state
    answer["iss"] = server.config.issuer
    uri = recipient.redirect_uri
    if recipient.response_mode == "form_post":
        return server.pages.page(
            "forward.html",
            form_action=form_action(uri),
            submits_itself=True,
            action=uri,
            fields=tuple(answer.items()),
            name=urlsplit(uri).netloc or "the application",
        )
    encoded = urlencode(answer, quote_via=quote)
    if recipient.response_mode == "fragment":
        return see_other(f"{uri}#{encoded}")
    # RFC 6749 §4.1.2: added to the query that the URI has already
    return see_other(f"{uri}{'&' if '?' in uri else '?'}{encoded}")
