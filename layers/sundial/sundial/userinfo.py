"""/userinfo (OpenID Connect Core §5.3), for the bearers of our access tokens (RFC 6750)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from sundial.deployment import Deployment
from sundial.errors import OAuthError, invalid_token
from sundial.live_tokens import LiveTokens
from sundial.store.bearer import Bearers
from sundial.tokens.claims import Principal, user_claims
from sundial.tokens.verification import prepare
from sundial.web.edge import Edge
from sundial.web.http import Request, Response, json_response

_UNREADABLE = {"WWW-Authenticate": 'Bearer realm="sundial", error="invalid_request"'}  # RFC 6750 §3


class UserInfo:
    """The endpoint."""

    def __init__(self, bearers: Bearers, issuer: str) -> None:
        self._tokens = LiveTokens(bearers, issuer)

    def __call__(self, request: Request) -> Response:
        """Return what the token's scopes allow to be said of its user: one network call; for a forged token none."""
        token = self._tokens.verify(bearer_token(request), request.now)
        if token.client_id not in token.audience:
            raise invalid_token("this access token is for somebody else's API (its aud, RFC 8707)")
        family = self._tokens.login_of(token, request.now)
        if family is None:
            raise invalid_token("this access token has no user behind it")
        return json_response({"sub": token.claims["sub"], **user_claims(Principal.of_login(family), token.scopes)})


def bearer_token(request: Request) -> str:
    """Return the request's access token: from the Authorization header, or from the form of a POST (RFC 6750 §2)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    in_header = token.strip() if scheme.lower() == "bearer" else ""
    in_form = ""
    if request.method == "POST" and request.body:
        try:
            in_form = request.form().get("access_token", "")
        except OAuthError as error:
            raise replace(error, headers=_UNREADABLE) from None
    if in_header and in_form:
        problem = "the access token was sent twice; use the Authorization header (RFC 6750 §2)"
        raise OAuthError("invalid_request", problem, headers=_UNREADABLE)
    if not in_header and not in_form:
        challenge = {"WWW-Authenticate": 'Bearer realm="sundial"'}  # no error code: RFC 6750 §3.1
        raise OAuthError("invalid_request", "send an access token as a Bearer token", status=401, headers=challenge)
    return in_header or in_form


def userinfo_edge(deployment: Deployment, *, clock: Callable[[], float] = time.time) -> Edge:
    """Return the handler of the function `userinfo`."""
    prepare()
    endpoint = UserInfo(deployment.bearers, deployment.config.issuer)
    return Edge(
        "userinfo",
        {"GET /userinfo": endpoint, "POST /userinfo": endpoint},
        deployment.config,
        clock=clock,
        cross_origin=frozenset(("/userinfo",)),
    )
