"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5, OpenID Connect Core §3.1.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sundial.config.model import Client
from sundial.connectors.base import Connector, Refreshable
from sundial.errors import OAuthError, invalid_grant, invalid_request, invalid_target
from sundial.events import AuthorizationCodeReplayed
from sundial.expiry import codes
from sundial.expiry.codes import Redemption
from sundial.expiry.family import Ending
from sundial.grants.response import token_response
from sundial.grants.server import Signers, TokenServer, end_family
from sundial.store.families import Change
from sundial.tokens.opaque import Kind, Presented, mint, new_change_id, read
from sundial.tokens.resources import read_resources

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1

_REFUSALS = {
    Redemption.UNKNOWN: "the login that this code came from has been revoked; log in again",
    Redemption.EXPIRED: "this code has expired; log in again",
    Redemption.WRONG_CLIENT: "this code is not one of ours, or was given to another client",
    Redemption.WRONG_REDIRECT_URI: "the redirect_uri is not the one of the authorization request (RFC 6749 §4.1.3)",
    Redemption.WRONG_VERIFIER: "the code_verifier does not fit the authorization request (RFC 7636 §4.6)",
    Redemption.WRONG_TARGET: "that resource was not asked for at login (RFC 8707 §2.2)",
    Redemption.REPLAY: "this code has been used before; all that it was exchanged for is revoked; log in again",
}


@dataclass(frozen=True, slots=True)
class _Asked:
    code: str
    redirect_uri: str
    challenges: frozenset[str]


def authorization_code_grant(
    server: TokenServer, client: Client, parameters: Mapping[str, str], now: int
) -> dict[str, Any]:
    """Return the token response for an authorization code: one conditional write; a user of the table is read first."""
    asked = _parse(parameters)
    resources = read_resources(parameters.get("resource"), client)
    ring = server.ring.current(now)
    presented = read(Kind.AUTHORIZATION_CODE, asked.code, client.id, ring.mac_by_id)
    if presented is None:
        raise _refused(Redemption.WRONG_CLIENT)
    connector = server.connectors.get(presented.connector_tag)
    if connector is None:
        raise invalid_grant("the connector of this login is no longer configured; log in again")
    signers = Signers.for_client(ring, server.config, client, now)
    mac_key = ring.mac(now)
    _check_user(server, client, connector, presented, now)
    written = server.families.redeem(
        presented,
        client.id,
        asked.redirect_uri,
        asked.challenges,
        server.config.refresh_policy(client, connector.id),
        server.config.id_token_lifetime(client, connector.id),
        ring.not_before,
        Change(now, new_change_id(), mac_key.id),
        frozenset(resources),
    )
    family = written.family
    if not written.applied or family is None:
        outcome = codes.decide(
            family, client.id, asked.redirect_uri, asked.challenges, now, ring.not_before, frozenset(resources)
        )
        if outcome is Redemption.REPLAY:
            replay = AuthorizationCodeReplayed(client.id, connector.id, presented.family_id)
            why = Ending.CODE_REPLAYED
            end_family(server, client, connector.id, presented.family_id, why, now, replay)
        raise _refused(outcome)
    refresh_token = mint(Kind.REFRESH_TOKEN, mac_key, family, family.generation) if family.generation else None
    return token_response(server, client, family, family.scopes, signers, now, refresh_token, resources, asked.code)


def _parse(parameters: Mapping[str, str]) -> _Asked:
    """RFC 6749 §4.1.3: code and redirect_uri; RFC 7636 §4.5: code_verifier."""
    for name in ("code", "redirect_uri"):
        if name not in parameters:
            raise invalid_request(f"{name} is missing (RFC 6749 §4.1.3)")
    verifier = parameters.get("code_verifier")
    if verifier is not None and not _VERIFIER.fullmatch(verifier):
        raise invalid_request("code_verifier must be 43 to 128 unreserved characters (RFC 7636 §4.1)")
    return _Asked(parameters["code"], parameters["redirect_uri"], codes.challenges_of(verifier))


def _check_user(server: TokenServer, client: Client, connector: Connector, presented: Presented, now: int) -> None:
    """Refuse the code of a user who has been deleted or disabled, or whose password has changed, since they logged in.

    Whatever ended their logins then could not end this one, which was still to be consented to.
    """
    if isinstance(connector, Refreshable) and connector.refresh(presented.user_tag, presented.created_at) is None:
        end_family(server, client, connector.id, presented.family_id, Ending.USER_GONE, now)
        raise _refused(Redemption.UNKNOWN)


def _refused(outcome: Redemption) -> OAuthError:
    if outcome is Redemption.WRONG_TARGET:
        return invalid_target(_REFUSALS[outcome])
    return invalid_grant(_REFUSALS[outcome], detail=outcome.value)
