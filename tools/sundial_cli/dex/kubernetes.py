"""Dex's custom resources, as `kubectl get … -o json` prints them (Dex: storage/kubernetes/types.go)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sundial.expiry.family import Claims
from sundial_cli.dex.records import DexBlock, DexClient, DexPassword, DexRefreshToken, DexSession, Export, ExportError
from sundial_cli.dex.values import NEVER, base64_bytes, flag, instant, required, text, texts

Object = Mapping[str, Any]

_CLIENT_KEYS = (
    "name",
    "logoURL",
    "public",
    "redirectURIs",
    "trustedPeers",
    "allowedConnectors",
    "postLogoutRedirectURIs",
    "mfaChain",
    "ssoSharedWith",
    "backchannelLogoutURI",
    "refreshTokenLifetime",
)


def read_objects(document: Object) -> Export:
    """Return what a resource, or a list of them, holds. Raises ExportError; other kinds of Dex's are left out."""
    return Export.of(_read(one) for one in _objects(document) if str(one.get("kind")) in _KINDS)


def is_kubernetes(document: Any) -> bool:
    """Return whether a JSON document is what kubectl prints."""
    return isinstance(document, Mapping) and "apiVersion" in document and "kind" in document


def _objects(document: Object) -> Iterator[Object]:
    if not str(document.get("kind", "")).endswith("List"):
        yield document
        return
    for one in document.get("items", ()):
        # Within a typed list kubectl leaves out the kind of each.
        yield {"kind": str(document["kind"]).removesuffix("List"), **one}


def _read(one: Object) -> Export:
    try:
        return _KINDS[str(one["kind"])](one)
    except ExportError as error:
        name = one.get("metadata", {}).get("name", "without a name")
        raise ExportError(f"{one['kind']} {name}: {error}") from None


def _password(one: Object) -> Export:
    password = DexPassword(
        email=required(one, "email"),
        user_id=required(one, "userID"),
        hash=base64_bytes(one.get("hash")),
        username=text(one.get("username")),
        name=text(one.get("name")),
        preferred_username=text(one.get("preferredUsername")),
        email_verified=flag(one.get("emailVerified"), unset=True),
        groups=texts(one.get("groups")),
    )
    return Export(passwords=(password,))


def _client(one: Object) -> Export:
    settings = {key: one[key] for key in _CLIENT_KEYS if one.get(key)}
    return Export(clients=(DexClient(required(one, "id"), text(one.get("secret")), settings),))


def _refresh_token(one: Object) -> Export:
    claims = one.get("claims", {})
    token = DexRefreshToken(
        id=required(one.get("metadata", {}), "name"),
        token=text(one.get("token")),
        obsolete_token=text(one.get("obsoleteToken")),
        client_id=required(one, "clientID"),
        connector_id=required(one, "connectorID"),
        claims=Claims(
            user_id=required(claims, "userID"),
            username=text(claims.get("username")),
            preferred_username=text(claims.get("preferredUsername")),
            email=text(claims.get("email")),
            email_verified=flag(claims.get("emailVerified")),
            groups=texts(claims.get("groups")),
        ),
        scopes=frozenset(texts(one.get("scopes"))),
        created_at=instant(one.get("CreatedAt")),  # these two have no JSON name in Dex's source
        last_used_at=instant(one.get("LastUsed")),
        nonce=text(one.get("nonce")),
        connector_data=base64_bytes(one.get("connectorData")),
    )
    return Export(refresh_tokens=(token,))


def _session(one: Object) -> Export:
    data = base64_bytes(one.get("connectorData"))
    return Export(sessions=(DexSession(required(one, "userID"), required(one, "connID"), data),))


def _connector(one: Object) -> Export:
    return Export(connectors=(required(one, "id"),))


def _identity(one: Object) -> Export:
    until = instant(one.get("blockedUntil") or NEVER)
    email = text(one.get("claims", {}).get("email"))
    return Export(blocks=(DexBlock(required(one, "userID"), required(one, "connectorID"), email, until),))


_KINDS: Mapping[str, Callable[[Object], Export]] = {
    "Password": _password,
    "OAuth2Client": _client,
    "RefreshToken": _refresh_token,
    "OfflineSessions": _session,
    "Connector": _connector,
    "UserIdentity": _identity,
}
