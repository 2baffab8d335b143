"""POST /token/revoke (RFC 7009): a refresh token ends its login, an access token ends alone."""

from __future__ import annotations

from sundial.config.model import Client
from sundial.errors import OAuthError, unauthorized_client
from sundial.expiry.family import Ending
from sundial.grants.form import authenticated_form, required
from sundial.grants.presented import is_refresh_token, presented_refresh_token
from sundial.grants.server import TokenServer, end_family
from sundial.observe import logger
from sundial.tokens.verification import JwtKind
from sundial.web.http import Request, Response


def revocation(server: TokenServer, request: Request) -> Response:
    """Revoke a token of the client's: one write, and none for a forged one.

    A token that is not good, for whatever reason, is as good as revoked: the answer is the same (§2.2).
    `token_type_hint` is a hint (§2.1): a token shows what it is.
    """
    client, parameters = authenticated_form(server, request)
    token = required(parameters, "token", "RFC 7009 §2.1")
    revoke = _refresh_token if is_refresh_token(server, token) else _access_token
    revoke(server, client, token, request.now)
    return Response(200, "", {"Cache-Control": "no-store", "Pragma": "no-cache"})


def _refresh_token(server: TokenServer, client: Client, text: str, now: int) -> None:
    """§2.1: the whole grant, with every access token of it. Any generation of its refresh tokens will do."""
    presented = presented_refresh_token(server, client, text, now)
    if presented is None:
        return
    connector = server.connectors.get(presented.connector_tag)
    connector_id = connector.id if connector is not None else ""
    end_family(server, client, connector_id, presented.family_id, Ending.BY_CLIENT, now)


def _access_token(server: TokenServer, client: Client, text: str, now: int) -> None:
    """§2.1: this one token. Userinfo, introspection and token exchange ask whether it is denied."""
    try:
        token = server.live_tokens.verify(text, now)
    except OAuthError as error:
        if error.code != "invalid_token":
            raise
        _refuse_id_token(server, text, now)
        return
    if token.client_id != client.id or token.jti is None:
        raise unauthorized_client("the token was given to another client, which alone may revoke it (RFC 7009 §2.1)")
    server.families.deny(token.jti, token.claims["exp"])
    logger.info("access_token_revoked", client_id=client.id)


def _refuse_id_token(server: TokenServer, text: str, now: int) -> None:
    """§2.2.1: nothing can be done about an ID token, and a client that believes so is to hear of it."""
    try:
        server.live_tokens.verify(text, now, JwtKind.ID_TOKEN)
    except OAuthError as error:
        if error.code != "invalid_token":
            raise
        return
    raise OAuthError("unsupported_token_type", "an ID token can't be revoked; revoke the refresh token of its login")
