"""A refresh token as it is presented: one of ours, or one of Dex's whose login was imported.

Ours is refused or read without a network call. Dex's has no MAC: it costs one read, and is taken only while
the configuration says so (`migration.dexRefreshTokens`).
"""

from __future__ import annotations

from sundial.config.model import Client
from sundial.expiry.family import Family
from sundial.expiry.inherited import inherited_generation
from sundial.grants.server import TokenServer
from sundial.tokens.dex import read_dex_token
from sundial.tokens.opaque import Kind, Presented, read
from sundial.tokens.subject import connector_tag, user_tag


def is_refresh_token(server: TokenServer, text: str) -> bool:
    """Return whether a token has the form of a refresh token that is taken here."""
    return text.startswith(Kind.REFRESH_TOKEN) or _is_dex_token(server, text)


def presented_refresh_token(server: TokenServer, client: Client, text: str, now: int) -> Presented | None:
    """Return what an authentic refresh token of `client`'s says; None for any other. One network call for Dex's."""
    if _is_dex_token(server, text):
        return _inherited(server, client, text, now)
    return read(Kind.REFRESH_TOKEN, text, client.id, server.ring.current(now).mac_by_id)


def _is_dex_token(server: TokenServer, text: str) -> bool:
    return server.config.migration.dex_refresh_tokens and read_dex_token(text) is not None


def _inherited(server: TokenServer, client: Client, text: str, now: int) -> Presented | None:
    token = read_dex_token(text)
    family = server.families.get(token.family_id) if token is not None else None
    if token is None or family is None or family.inherited is None or family.client_id != client.id:
        return None
    policy = server.config.refresh_policy(client, family.connector_id)
    generation = inherited_generation(family.inherited, token.digest, now, policy)
    return None if generation is None else _presented(family, generation)


def _presented(family: Family, generation: int) -> Presented:
    return Presented(
        family_id=family.family_id,
        created_at=family.created_at,
        generation=generation,
        connector_tag=connector_tag(family.connector_id),
        user_tag=user_tag(family.claims.user_id),
        mac_key_id="",
        inherited=True,
    )
