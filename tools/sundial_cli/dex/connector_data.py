"""What Dex's connectors keep of a login (Dex: connector/*/, `connectorData`), as Sundial's keep it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sundial_cli.dex.records import DexRefreshToken, ExportError
from sundial_cli.dex.values import base64_bytes


def upstream_of(token: DexRefreshToken, connector_type: str) -> str:
    """Return what the connector of that type is to keep of a login. Raises ExportError where Dex kept too little."""
    if not token.connector_data:
        raise ExportError("Dex kept nothing of it with which its provider could be asked again")
    convert = _CONVERTERS.get(connector_type)
    if convert is None:
        raise ExportError(f"what a connector of type {connector_type} keeps can't be taken over")
    return convert(token)


def _refresh_token(token: DexRefreshToken) -> str:
    """An OpenID provider's: `{"RefreshToken": base64}`."""
    return _of_subject(token, base64_bytes(_document(token).get("RefreshToken")).decode("utf-8"))


def _plain_refresh_token(token: DexRefreshToken) -> str:
    """Google's: the refresh token, and nothing around it."""
    return _of_subject(token, token.connector_data.decode("utf-8"))


def _access_token(token: DexRefreshToken) -> str:
    """GitHub's, GitLab's and Microsoft's: `{"accessToken": …, "refreshToken": …}`."""
    document = _document(token)
    found = {name: str(document.get(key) or "") for key, name in _OAUTH2_KEYS.items()}
    if not any(found.values()):
        raise ExportError("Dex kept no token of it")
    return json.dumps(found)


_OAUTH2_KEYS = {"accessToken": "access_token", "refreshToken": "refresh_token"}


def _of_subject(token: DexRefreshToken, refresh_token: str) -> str:
    if not refresh_token:
        raise ExportError("its provider gave Dex no refresh token")
    return json.dumps({"refresh_token": refresh_token, "sub": token.claims.user_id})


def _document(token: DexRefreshToken) -> Mapping[str, Any]:
    try:
        document = json.loads(token.connector_data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ExportError("what Dex's connector kept of it is no JSON object")
    return document


_CONVERTERS: Mapping[str, Callable[[DexRefreshToken], str]] = {
    "oidc": _refresh_token,
    "google": _plain_refresh_token,
    "github": _access_token,
    "gitlab": _access_token,
    "microsoft": _access_token,
}
