"""The refresh token grant (RFC 6749 §6, RFC 9700 §4.14, OpenID Connect Core §12).

The rule itself stands in `expiry.refresh`; here it meets the store. See docs/architecture.md, "A refresh".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from sundial.config.model import Client
from sundial.connectors.base import Connector, Lookup, Refreshable, UpstreamRefresh
from sundial.errors import OAuthError, invalid_grant, invalid_request, invalid_scope, server_error
from sundial.events import IntegrityAlarm, RefreshTokenReplayed
from sundial.expiry.family import Claims, Ending, Family
from sundial.expiry.policies import OnReplay, RefreshTokenPolicy
from sundial.expiry.refresh import Refresh, decide
from sundial.grants.presented import presented_refresh_token
from sundial.grants.response import token_response
from sundial.grants.server import Signers, TokenServer, end_family
from sundial.grants.upstream import Ask, refresh_upstream
from sundial.keys.cache import LoadedRing
from sundial.observe import count
from sundial.store.families import Change, Written
from sundial.tokens.opaque import Kind, Presented, mint, new_change_id
from sundial.tokens.resources import check_granted, read_resources
from sundial.tokens.scopes import MOST_SCOPES, named

_ABILITIES: dict[tuple[type, type], bool] = {}
_NOT_OURS = "this refresh token is not one of ours, or was given to another client"
_ENDED = "the login that this refresh token came from has ended; log in again"
_EXPIRED = "the login that this refresh token came from has expired; log in again"
_REPLAYED = "this refresh token has been superseded; the login that it came from is revoked; log in again"
_SUPERSEDED = "this refresh token has been superseded; use the one that replaced it, or log in again"


def refresh_token_grant(server: TokenServer, client: Client, parameters: Mapping[str, str], now: int) -> dict[str, Any]:
    """Return the token response for a refresh token: one conditional write, however it ends (a replay: two).

    Where a provider has to be asked, see `grants.upstream`; for a token of Dex's, `grants.presented`.
    """
    if "refresh_token" not in parameters:
        raise invalid_request("refresh_token is missing (RFC 6749 §6)")
    token, scopes = parameters["refresh_token"], _parse_scope(parameters.get("scope", ""))
    resources = read_resources(parameters.get("resource"), client)
    ring = server.ring.current(now)
    presented = presented_refresh_token(server, client, token, now)
    if presented is None:
        raise invalid_grant(_NOT_OURS)
    connector = _connector(server, client, presented)
    policy = server.config.refresh_policy(client, connector.id)
    signers = Signers.for_client(ring, server.config, client, now)
    change = Change(now, new_change_id(), ring.mac(now).id)
    # Dex's token is never to rest: its first refresh here is to bring one of ours, whatever Dex did a moment ago.
    terms = replace(policy, reuse_interval=None) if presented.inherited else policy
    ask = Ask(client, presented, scopes, frozenset(resources), terms, ring.not_before, change)
    written = _refresh(server, connector, ask)
    family = written.family
    if written.applied:
        outcome = Refresh.KEEP if policy.disable_rotation else Refresh.ROTATE
    else:
        outcome = decide(family, client.id, presented.generation, now, policy, ring.not_before)
    count("Refreshes", outcome=outcome)
    if family is None or not outcome.is_answered:
        raise _refusal(server, presented, family, outcome, policy, client, now)
    _check_scope(scopes, family)
    check_granted(resources, family.resources)
    if not written.applied and outcome in (Refresh.ROTATE, Refresh.KEEP):
        raise server_error("this refresh was refused for no reason that we know", detail="condition and rule differ")
    refresh_token = _successor(ring, family) if outcome in (Refresh.ROTATE, Refresh.RETRY) else token
    if presented.inherited and outcome is Refresh.KEEP:  # from now on one of ours, of the same generation
        refresh_token = mint(Kind.REFRESH_TOKEN, ring.mac(now), family, family.generation)
    return token_response(server, client, family, scopes or family.scopes, signers, now, refresh_token, resources)


def _refresh(server: TokenServer, connector: Connector, ask: Ask) -> Written:
    """Return what a refresh came to; its family has the user as the connector knows them now."""
    if _is_asked_elsewhere(connector):
        return refresh_upstream(server, connector, ask)
    claims = _present_claims(server, ask.client, connector, ask.presented, ask.now)
    written = server.families.rotate(
        ask.presented, ask.client.id, ask.scopes, ask.policy, ask.not_before, claims, ask.change, ask.resources
    )
    family = written.family
    if family is None or family.claims == claims:  # of what was written, they are
        return written
    return Written(written.applied, replace(family, claims=claims))


def _is_asked_elsewhere(connector: Connector) -> TypeGuard[UpstreamRefresh | Lookup]:
    """Return whether somebody else has to be asked how a user stands."""
    return _is_able(connector, UpstreamRefresh) or _is_able(connector, Lookup)


def _knows_its_users(connector: Connector) -> TypeGuard[Refreshable]:
    """Return whether the connector itself knows how a user stands."""
    return _is_able(connector, Refreshable)


def _is_able(connector: Connector, ability: type) -> bool:
    """Return what `isinstance` does, which looks each member of a Protocol up; a class says it once for all."""
    kind = type(connector), ability
    if kind not in _ABILITIES:
        _ABILITIES[kind] = isinstance(connector, ability)
    return _ABILITIES[kind]


def _parse_scope(scope: str) -> frozenset[str]:
    """Return the scope that is asked for; empty where the client leaves it as it is (RFC 6749 §6)."""
    scopes = frozenset(scope.split())
    if len(scopes) > MOST_SCOPES:
        raise invalid_scope(f"more than {MOST_SCOPES} scopes; a refresh can only narrow what was granted at login")
    return scopes


def _connector(server: TokenServer, client: Client, presented: Presented) -> Connector:
    """Return the connector of the login, which the client may still use (Dex: allowedConnectors, grantTypes)."""
    connector = server.connectors.get(presented.connector_tag)
    if (
        connector is None
        or not server.config.allows(connector.id, "refresh_token")
        or (client.allowed_connectors and connector.id not in client.allowed_connectors)
    ):
        raise invalid_grant("the connector of this login is no longer configured, or not for this; log in again")
    return connector


def _present_claims(
    server: TokenServer, client: Client, connector: Connector, presented: Presented, now: int
) -> Claims:
    """Return the user as the connector knows them now; asked before anything is written.

    Raises a 503 where the connector can't be reached, and then the client's token still works. A user
    who is gone takes the family with them.
    """
    if not _knows_its_users(connector):
        raise invalid_grant("the connector of this login does not support offline_access; log in again")
    claims = connector.refresh(presented.user_tag, presented.created_at)
    if claims is None:
        end_family(server, client, connector.id, presented.family_id, Ending.USER_GONE, now)
        raise invalid_grant(_ENDED, detail="the connector no longer knows the user, or that login of theirs")
    return claims


def _check_scope(asked: frozenset[str], family: Family) -> None:
    """RFC 6749 §6: the scope of a refresh may narrow and must not widen; the family keeps its own."""
    wider = asked - family.scopes
    if wider:
        raise invalid_scope(f"not granted at login: {named(sorted(wider))}; a refresh can only narrow the scope")


def _successor(ring: LoadedRing, family: Family) -> str:
    """Return the current refresh token of `family`, made under the MAC key that made it first."""
    mac_key = ring.mac_by_id(family.mac_key_id)
    if mac_key is None:
        raise server_error("the key of this login is gone; log in again", detail=f"no MAC key {family.mac_key_id}")
    return mint(Kind.REFRESH_TOKEN, mac_key, family, family.generation)


def _refusal(
    server: TokenServer,
    presented: Presented,
    family: Family | None,
    outcome: Refresh,
    policy: RefreshTokenPolicy,
    client: Client,
    now: int,
) -> OAuthError:
    """Return what the client is told, after what a replay costs has been done (RFC 9700 §4.14.2)."""
    if outcome is Refresh.EXPIRED:
        return invalid_grant(_EXPIRED, detail=outcome)
    if outcome is Refresh.IMPOSSIBLE and family is not None:
        server.events.emit(now, IntegrityAlarm(client.id, family.connector_id, family.family_id))
    if outcome is not Refresh.REPLAY or family is None:
        return invalid_grant(_ENDED, detail=outcome)
    gap = family.generation - presented.generation
    replay = RefreshTokenReplayed(client.id, family.connector_id, family.family_id, gap, policy.on_replay)
    if policy.on_replay is OnReplay.REJECT:
        server.events.emit(now, replay)
        return invalid_grant(_SUPERSEDED, detail=outcome)
    why = Ending.REFRESH_REPLAYED
    end_family(server, client, family.connector_id, family.family_id, why, now, replay)
    return invalid_grant(_REPLAYED, detail=outcome)
