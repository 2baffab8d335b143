"""Dex's tables, each row as a mapping of its columns (Dex: storage/sql/migrate.go; storage/ent has newer names)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sundial.expiry.family import Claims
from sundial_cli.dex.records import DexBlock, DexClient, DexPassword, DexRefreshToken, DexSession, Export, ExportError
from sundial_cli.dex.values import NEVER, column_bytes, column_json, flag, instant, required, text, texts

Row = Mapping[str, Any]

_CLIENT_COLUMNS = {
    "redirect_uris": "redirectURIs",
    "trusted_peers": "trustedPeers",
    "allowed_connectors": "allowedConnectors",
    "post_logout_redirect_uris": "postLogoutRedirectURIs",
    "mfa_chain": "mfaChain",
    "sso_shared_with": "ssoSharedWith",
}
_CLIENT_TEXTS = {
    "name": "name",
    "logo_url": "logoURL",
    "backchannel_logout_uri": "backchannelLogoutURI",
    "refresh_token_lifetime": "refreshTokenLifetime",
}


def read_rows(table: str, rows: Iterable[Row]) -> Export:
    """Return what the rows of a table hold. Raises ExportError for a row that is none of Dex's."""
    return Export.of(_read(table, number, row) for number, row in enumerate(rows, 1))


def _read(table: str, number: int, row: Row) -> Export:
    try:
        return TABLES[table](row)
    except ExportError as error:
        raise ExportError(f"table {table}, row {number}: {error}") from None


def _password(row: Row) -> Export:
    password = DexPassword(
        email=required(row, "email"),
        user_id=required(row, "user_id"),
        hash=column_bytes(row.get("hash")),
        username=text(row.get("username")),
        name=text(row.get("name")),
        preferred_username=text(row.get("preferred_username")),
        email_verified=flag(row.get("email_verified"), unset=True),
        groups=texts(column_json(row.get("groups"))),
    )
    return Export(passwords=(password,))


def _client(row: Row) -> Export:
    settings: dict[str, Any] = {"public": True} if flag(row.get("public")) else {}
    settings |= {key: text(row.get(column)) for column, key in _CLIENT_TEXTS.items() if row.get(column)}
    for column, key in _CLIENT_COLUMNS.items():
        found = texts(column_json(row.get(column)))
        settings |= {key: list(found)} if found else {}
    claims = column_json(row.get("client_credentials_claims"))
    settings |= {"clientCredentialsClaims": claims} if claims else {}
    return Export(clients=(DexClient(required(row, "id"), text(row.get("secret")), settings),))


def _refresh_token(row: Row) -> Export:
    token = DexRefreshToken(
        id=required(row, "id"),
        token=text(row.get("token")),
        obsolete_token=text(row.get("obsolete_token")),
        client_id=required(row, "client_id"),
        connector_id=required(row, "connector_id"),
        claims=Claims(
            user_id=required(row, "claims_user_id"),
            username=text(row.get("claims_username")),
            preferred_username=text(row.get("claims_preferred_username")),
            email=text(row.get("claims_email")),
            email_verified=flag(row.get("claims_email_verified")),
            groups=texts(column_json(row.get("claims_groups"))),
        ),
        scopes=frozenset(texts(column_json(row.get("scopes")))),
        created_at=instant(row.get("created_at")),
        last_used_at=instant(row.get("last_used")),
        nonce=text(row.get("nonce")),
        connector_data=column_bytes(row.get("connector_data")),
    )
    return Export(refresh_tokens=(token,))


def _session(row: Row) -> Export:
    data = column_bytes(row.get("connector_data"))
    return Export(sessions=(DexSession(required(row, "user_id"), required(row, "conn_id"), data),))


def _connector(row: Row) -> Export:
    return Export(connectors=(required(row, "id"),))


def _identity(row: Row) -> Export:
    until = instant(row.get("blocked_until") or NEVER)
    email = text(row.get("claims_email"))
    return Export(blocks=(DexBlock(required(row, "user_id"), required(row, "connector_id"), email, until),))


TABLES: Mapping[str, Callable[[Row], Export]] = {
    "password": _password,
    "passwords": _password,
    "client": _client,
    "oauth2clients": _client,
    "refresh_token": _refresh_token,
    "refresh_tokens": _refresh_token,
    "offline_session": _session,
    "offline_sessions": _session,
    "connector": _connector,
    "connectors": _connector,
    "user_identity": _identity,
    "user_identities": _identity,
}
"""By the name of the table: Dex's, and what its newer storage (DEX_ENT_ENABLED) calls the same."""
