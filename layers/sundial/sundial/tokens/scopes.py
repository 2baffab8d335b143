"""What a client may ask for in `scope` (RFC 6749 §3.3; Dex: scopes, and `audience:server:client_id:…`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sundial.config.model import Client
from sundial.errors import OAuthError, invalid_scope
from sundial.observe import logger

SCOPES = ("openid", "profile", "email", "groups", "federated:id", "offline_access")
"""The scopes that are served, in the order in which people are told of them."""

CROSS_CLIENT = "audience:server:client_id:"
"""What stands before the id of another client that the tokens are to be for."""

MOST_SCOPES = 64
"""In one request: as many as fit into the condition of one write."""

FindClient = Callable[[str], Client | None]
"""Returns the client of an id, None where there is none."""

_SCOPE_TOKEN = re.compile(r"[!#-\[\]-~]{1,100}")  # RFC 6749 §3.3, and shorter than any token or code that got there


@dataclass(frozen=True, slots=True)
class AskedScope:
    """The scopes of a request, and the peers that they name, in the order asked."""

    scopes: frozenset[str] = frozenset()
    peers: tuple[str, ...] = ()


def read_scope(scope: str, client: Client, find_client: FindClient) -> AskedScope:
    """Return what `client` asks for; raises `invalid_scope` for an unknown scope, or a peer that doesn't trust it."""
    asked = tuple(dict.fromkeys(scope.split()))
    if len(asked) > MOST_SCOPES:
        raise invalid_scope(f"more than {MOST_SCOPES} scopes")
    peers = tuple(one.removeprefix(CROSS_CLIENT) for one in asked if one.startswith(CROSS_CLIENT))
    unknown = sorted(one for one in asked if one not in SCOPES and not one.startswith(CROSS_CLIENT))
    if unknown:
        raise invalid_scope(f"unknown scope: {named(unknown)}; the scopes are {' '.join(SCOPES)}")
    refused = [f"{CROSS_CLIENT}{peer}" for peer in peers if not is_trusted(client, peer, find_client)]
    if refused:
        raise invalid_scope(f"the client that it names does not list this one as a trusted peer: {named(refused)}")
    return AskedScope(frozenset(asked), tuple(peer for peer in peers if peer != client.id))


def is_trusted(client: Client, peer_id: str, find_client: FindClient) -> bool:
    """Return whether `client` may have tokens for the client `peer_id` (Dex: staticClients[].trustedPeers)."""
    if peer_id == client.id:
        return True
    peer = find_client(peer_id)
    return peer is not None and client.id in peer.trusted_peers


def trusting(scopes: frozenset[str], peers: Iterable[str], client: Client, find_client: FindClient) -> AskedScope:
    """Return `scopes` and those of `peers` that they name, without the peers that trust `client` no longer.

    So are those left out that can't be looked up: by now a code or a refresh token has been used up, and a
    refusal would cost the client its login.
    """
    named = {one.removeprefix(CROSS_CLIENT) for one in scopes if one.startswith(CROSS_CLIENT)}
    if not named:
        return AskedScope(scopes)
    gone = {f"{CROSS_CLIENT}{peer}" for peer in named if not _still_trusted(client, peer, find_client)}
    kept = scopes - gone
    return AskedScope(kept, tuple(peer for peer in peers if f"{CROSS_CLIENT}{peer}" in kept))


def _still_trusted(client: Client, peer_id: str, find_client: FindClient) -> bool:
    try:
        return is_trusted(client, peer_id, find_client)
    except OAuthError as error:
        if error.status != 503:
            raise
        logger.warning("peer_left_out", client_id=client.id, peer_id=peer_id, detail=error.detail)
        return False


def named(scopes: Iterable[str]) -> str:
    """Return `scopes` as an error may repeat them: those that are well formed, and not too long."""
    return " ".join(scope for scope in scopes if _SCOPE_TOKEN.fullmatch(scope)) or "malformed"
