"""Token exchange (RFC 8693): a token that the client has, for one of another audience, less scope, or another kind.

With Dex's `connector_id` the subject token is an upstream provider's, and the connector vouches for it: that
is a login. Without it, it is one of our own access or ID tokens, and what comes of it belongs to the same
login, says no more than it did and lives no longer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sundial.config.model import TOKEN_EXCHANGE, Client
from sundial.connectors.base import TokenExchange
from sundial.errors import OAuthError, asking, invalid_request, invalid_scope, invalid_target, unauthorized_client
from sundial.expiry.family import Family
from sundial.grants.form import required
from sundial.grants.login import begin_login, connector_named
from sundial.grants.response import signed_access_token
from sundial.grants.server import Signers, TokenServer
from sundial.observe import logger
from sundial.tokens import jwt
from sundial.tokens.claims import Principal, id_token_claims
from sundial.tokens.resources import MOST_RESOURCES, check_granted, read_resources
from sundial.tokens.scopes import CROSS_CLIENT, AskedScope, is_trusted, named, read_scope
from sundial.tokens.verification import JwtKind, VerifiedJwt

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 (RFC 8693 §3)
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105

_KINDS = {ACCESS_TOKEN: JwtKind.ACCESS_TOKEN, ID_TOKEN: JwtKind.ID_TOKEN}
_TOKEN = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A.12: nothing that would end the header it is passed on in
_MOST_ACTORS = 8
"""How long a chain of `act` may get: each exchange can add one, and tokens travel in headers."""
_SHOWN_BY = {"email": "email", "profile": "name", "groups": "groups", "federated:id": "federated_claims"}
"""What an ID token that was given out with a scope says."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The request (RFC 8693 §2.1), each parameter good by itself."""

    subject_token: str
    subject_token_type: str
    requested_token_type: str
    actor_token: str | None
    actor_token_type: str
    connector_id: str | None
    scope: AskedScope | None
    """None where the client doesn't say, and takes what the subject token has."""
    audiences: tuple[str, ...]
    resources: tuple[str, ...]
    """With the audiences, whom the token is to be for; without either, it is for the client itself."""


@dataclass(frozen=True, slots=True)
class _Granted:
    """What the new token is about, what it may say, and for how long."""

    principal: Principal
    scopes: frozenset[str]
    lifetime: timedelta


def token_exchange_grant(
    server: TokenServer, client: Client, parameters: Mapping[str, str], now: int
) -> dict[str, Any]:
    """Return the token response (RFC 8693 §2.2): one network call, and one more for an actor token."""
    asked = _parse(server, client, parameters, now)
    signers = Signers.for_client(server.ring.current(now), server.config, client, now)
    exchange = _own_token if asked.connector_id is None else _upstream_token
    granted = exchange(server, client, asked, now)
    logger.info(
        "token_exchanged",
        client_id=client.id,
        connector_id=granted.principal.connector_id,
        subject_token_type=asked.subject_token_type,
        issued_token_type=asked.requested_token_type,
    )
    return _response(server, client, asked, granted, signers, now)


def _parse(server: TokenServer, client: Client, parameters: Mapping[str, str], now: int) -> _Asked:
    subject_token = required(parameters, "subject_token", "RFC 8693 §2.1")
    if not _TOKEN.fullmatch(subject_token):
        raise invalid_request("the subject_token is no token: it holds something else than printable ASCII")
    subject_token_type = _token_type(required(parameters, "subject_token_type", "RFC 8693 §2.1"), "subject_token_type")
    requested = _token_type(parameters.get("requested_token_type", ACCESS_TOKEN), "requested_token_type")
    if ("actor_token" in parameters) != ("actor_token_type" in parameters):
        raise invalid_request("actor_token and actor_token_type go together (RFC 8693 §2.1)")
    scope = read_scope(parameters["scope"], client, server.client_finder(now)) if "scope" in parameters else None
    return _Asked(
        subject_token,
        subject_token_type,
        requested,
        parameters.get("actor_token"),
        _token_type(parameters.get("actor_token_type", ACCESS_TOKEN), "actor_token_type"),
        parameters.get("connector_id"),
        scope,
        *_target(server, client, parameters, requested, now),
    )


def _token_type(token_type: str, name: str) -> str:
    if token_type not in _KINDS:
        raise invalid_request(f"{name} must be {' or '.join(_KINDS)}")
    return token_type


def _target(
    server: TokenServer, client: Client, parameters: Mapping[str, str], requested: str, now: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return whom the token is to be for: clients by `audience`, and APIs by `resource`; both may be repeated."""
    audiences = tuple(dict.fromkeys(parameters.get("audience", "").split()))
    resources = read_resources(parameters.get("resource"), client)
    find_client = server.client_finder(now)
    if len(audiences) > MOST_RESOURCES:
        raise invalid_target(f"more than {MOST_RESOURCES} audiences")
    if not all(is_trusted(client, audience, find_client) for audience in audiences):
        raise invalid_target("an audience is not a client that lists this one as a trusted peer (trustedPeers)")
    if resources and requested == ID_TOKEN:
        raise invalid_target("an ID token is for clients, never for a resource; ask for an access token")
    return audiences, resources


def _own_token(server: TokenServer, client: Client, asked: _Asked, now: int) -> _Granted:
    """One of our own tokens: the login that it came from goes on in the new one."""
    token = _verified(server, client, "subject_token", asked.subject_token, asked.subject_token_type, now)
    most = _scopes_of(token, asked.subject_token_type) if _may_know(client, token) else frozenset[str]()
    scopes = _narrowed(asked, most)
    family = _login(server, client, "subject_token", token, now)
    if family is not None and family.client_id == client.id:
        check_granted(asked.resources, family.resources)
    principal = _principal(server, "subject_token", token, family, now)
    principal = replace(principal, nonce=None, actor=_actor(server, client, asked, token, now))
    longest = timedelta(seconds=token.claims["exp"] - now)
    lifetime = min(longest, server.config.id_token_lifetime(client, principal.connector_id))
    return _Granted(principal, scopes, lifetime)


def _upstream_token(server: TokenServer, client: Client, asked: _Asked, now: int) -> _Granted:
    """A token of an upstream provider: what its connector makes of it is a login (Dex: `connector_id`)."""
    connector = connector_named(server, asked.connector_id or "", client, TOKEN_EXCHANGE)
    if not isinstance(connector, TokenExchange):
        raise invalid_request("there is no connector of that id that exchanges tokens for this client")
    if asked.subject_token_type not in connector.subject_token_types:
        raise invalid_request("the connector does not take tokens of this subject_token_type")
    scope = asked.scope or AskedScope()
    scopes = _for_kind(scope.scopes - {"offline_access"}, asked)
    actor = _actor(server, client, asked, None, now)
    mac_key = server.ring.current(now).mac(now)
    try:
        with asking(connector.id):
            claims = connector.exchange(asked.subject_token, asked.subject_token_type, now)
    except OAuthError as error:
        if error.code != "access_denied":
            raise
        raise invalid_request(error.description, detail=error.detail) from error
    if claims is None:
        raise invalid_request("the connector does not accept this subject_token (RFC 8693 §2.2.2)")
    family, _ = begin_login(
        server, client, connector, claims, scopes, scope.peers, (), auth_time=None, nonce=None, mac_key=mac_key, now=now
    )
    lifetime = server.config.id_token_lifetime(client, connector.id)
    return _Granted(replace(Principal.of_login(family), actor=actor), scopes, lifetime)


def _verified(server: TokenServer, client: Client, name: str, text: str, token_type: str, now: int) -> VerifiedJwt:
    """Return one of our own tokens that `client` may present: it was given to it, or is for it. No network call."""
    if client.public:
        # An API that was sent a token could pass for its public client, and exchange it for one of another API.
        raise unauthorized_client("a client without a secret can't prove that a token is its own (RFC 8693 §5)")
    try:
        token = server.live_tokens.verify(text, now, _KINDS[token_type])
    except OAuthError as error:
        raise _unacceptable(name, error) from error
    if client.id != token.client_id and client.id not in token.audience:
        raise invalid_request(f"the {name} was neither given to this client nor is it for this client")
    return token


def _may_know(client: Client, token: VerifiedJwt) -> bool:
    """Return whether what the token's scopes tell of its user is for `client` too.

    It is for the client that the token was given to, and for those that trust it (trustedPeers). An API that was sent
    a token is told nothing by userinfo, and so it can't exchange the token for one that would be told.
    """
    return client.id == token.client_id or token.client_id in client.trusted_peers


def _login(server: TokenServer, client: Client, name: str, token: VerifiedJwt, now: int) -> Family | None:
    """Return the login that a token came from, where it still stands; None for a client's own: one network call."""
    try:
        family = server.live_tokens.login_of(token, now)
    except OAuthError as error:
        raise _unacceptable(name, error) from error
    if family is not None and connector_named(server, family.connector_id, client, TOKEN_EXCHANGE) is None:
        raise invalid_request(f"the {name} came through a connector that this client may not exchange tokens of")
    return family


def _principal(server: TokenServer, name: str, token: VerifiedJwt, family: Family | None, now: int) -> Principal:
    """Return whom a token is about, which came from the login `family`."""
    if family is not None:
        return Principal.of_login(family)
    itself = server.clients.find(token.claims["sub"], now)
    if itself is None:
        raise invalid_request(f"the {name} is about somebody who is not known here any more")
    return Principal.of_client(itself)


def _unacceptable(name: str, error: OAuthError) -> OAuthError:
    """RFC 8693 §2.2.2: whatever is wrong with a token, the error is `invalid_request`."""
    if error.code != "invalid_token":
        return error
    return invalid_request(f"the {name} is not good: {error.description}", detail=error.detail)


def _scopes_of(token: VerifiedJwt, token_type: str) -> frozenset[str]:
    """Return the scopes that a token has; an ID token those whose claims it shows."""
    if token_type == ACCESS_TOKEN:
        return token.scopes
    return frozenset({"openid", *(scope for scope, claim in _SHOWN_BY.items() if claim in token.claims)})


def _narrowed(asked: _Asked, most: frozenset[str]) -> frozenset[str]:
    """Return the scopes of the new token: those asked for, and never more than the subject token has.

    A cross-client scope is no right of the user's but a target, which `read_scope` has checked.
    """
    standard = frozenset(scope for scope in most if not scope.startswith(CROSS_CLIENT)) - {"offline_access"}
    if asked.scope is None:
        return _within(_for_kind(standard, asked), standard)
    targets = frozenset(scope for scope in asked.scope.scopes if scope.startswith(CROSS_CLIENT))
    return _within(_for_kind(asked.scope.scopes - targets - {"offline_access"}, asked), standard) | targets


def _within(scopes: frozenset[str], most: frozenset[str]) -> frozenset[str]:
    wider = scopes - most
    if wider:
        raise invalid_scope(f"not this client's in the subject_token: {named(sorted(wider))}; an exchange only narrows")
    return scopes


def _for_kind(scopes: frozenset[str], asked: _Asked) -> frozenset[str]:
    """Return `scopes`, with `openid` where an ID token is asked for: that is what it means."""
    return scopes | {"openid"} if asked.requested_token_type == ID_TOKEN else scopes


def _actor(
    server: TokenServer, client: Client, asked: _Asked, subject: VerifiedJwt | None, now: int
) -> Mapping[str, Any] | None:
    """Return who acts for the subject: the actor token's subject, before whoever acted until now (RFC 8693 §4.1)."""
    before: Mapping[str, Any] | None = subject.claims.get("act") if subject is not None else None
    if asked.actor_token is None:
        return before
    token = _verified(server, client, "actor_token", asked.actor_token, asked.actor_token_type, now)
    login = _login(server, client, "actor_token", token, now)
    actor = {"sub": _principal(server, "actor_token", token, login, now).subject}
    if before is None:
        return actor
    if _length(before) >= _MOST_ACTORS:
        raise invalid_request(f"the subject_token has been through {_MOST_ACTORS} actors already")
    return {**actor, "act": before}


def _length(chain: Mapping[str, Any]) -> int:
    length = 1
    while "act" in chain:
        chain, length = chain["act"], length + 1
    return length


def _response(
    server: TokenServer, client: Client, asked: _Asked, granted: _Granted, signers: Signers, now: int
) -> dict[str, Any]:
    """RFC 8693 §2.2.1: whatever its kind, the token is in `access_token`."""
    peers = asked.scope.peers if asked.scope is not None else ()
    target = (*asked.audiences, *asked.resources)
    audience = tuple(dict.fromkeys((*target, *peers))) if target else (*peers, client.id)
    of = granted.principal, client.id, audience, granted.scopes
    if asked.requested_token_type == ID_TOKEN:
        claims = id_token_claims(*of, server.config.issuer, granted.lifetime, now)
        token, token_type = jwt.sign(signers.id_token, claims), "N_A"
    else:
        token, token_type = signed_access_token(server, signers, *of, granted.lifetime, now), "bearer"
    response = {
        "access_token": token,
        "issued_token_type": asked.requested_token_type,
        "token_type": token_type,
        "expires_in": int(granted.lifetime.total_seconds()),
    }
    if granted.scopes:
        response["scope"] = " ".join(sorted(granted.scopes))
    return response
