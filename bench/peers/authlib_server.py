"""An authorization server of Authlib's, in Flask, as its documentation has one, its tokens in memory.

Access tokens are signed JWTs (RFC 9068), refresh tokens rotate. Authlib gives no ID token with a refresh, and so it
signs once where Sundial signs twice; `id_token` has it give one, as its users have to do for themselves.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from bench.peers.front import serve
from bench.world import CLIENT, SECRET

_SCOPE = "openid email profile groups offline_access"
_TOKENS: dict[str, Any] = {}


class _Client:
    client_id = CLIENT

    def get_client_id(self) -> str:
        return CLIENT

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or "api"

    def check_client_secret(self, secret: str) -> bool:
        return secrets.compare_digest(secret, SECRET)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "client_secret_post"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("refresh_token", "client_credentials")


@dataclass(frozen=True, slots=True)
class _User:
    id: str = "admin"

    def get_user_id(self) -> str:
        return self.id


@dataclass(slots=True)
class _Token:
    user: _User
    revoked: bool = False

    def check_client(self, client: _Client) -> bool:
        return client.get_client_id() == CLIENT

    def get_scope(self) -> str:
        return _SCOPE


class _Refresh(grants.RefreshTokenGrant):  # type: ignore[misc]
    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post",)

    def authenticate_refresh_token(self, refresh_token: str) -> _Token | None:
        token = _TOKENS.get(refresh_token)
        return token if token is not None and not token.revoked else None

    def authenticate_user(self, refresh_token: _Token) -> _User:
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: _Token) -> None:
        refresh_token.revoked = True


class _ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post",)


class _Generator(JWTBearerTokenGenerator):  # type: ignore[misc]
    keys: KeySet

    def get_jwks(self) -> KeySet:
        return self.keys


def _make(alg: str, logins: int, with_id_token: bool) -> tuple[Flask, Sequence[str]]:
    key = RSAKey.generate_key(2048, auto_kid=True) if alg == "RS256" else ECKey.generate_key("P-256", auto_kid=True)
    application, client = Flask(__name__), _Client()

    def save(token: dict[str, Any], request: Any) -> None:
        if "refresh_token" in token:
            _TOKENS[token["refresh_token"]] = _Token(request.user)
            if with_id_token:
                token["id_token"] = jwt.encode({"alg": alg, "kid": key.kid}, _id_token_claims(), key, algorithms=[alg])

    server = AuthorizationServer(
        application, query_client=lambda client_id: client if client_id == CLIENT else None, save_token=save
    )
    generator = _Generator("https://id.example.com", alg, lambda **_: secrets.token_urlsafe(48))
    generator.keys = KeySet([key])
    server.register_token_generator("default", generator)
    server.register_grant(_Refresh)
    server.register_grant(_ClientCredentials)
    application.add_url_rule("/token", "token", server.create_token_response, methods=["POST"])
    tokens = [secrets.token_urlsafe(48) for _ in range(logins)]
    _TOKENS.update((token, _Token(_User())) for token in tokens)
    return application, tokens


def _id_token_claims() -> dict[str, Any]:
    now = int(time.time())
    user = {"name": "admin", "email": "admin@example.com", "email_verified": True, "groups": ["ops", "dev"]}
    return {"iss": "https://id.example.com", "sub": "admin", "aud": CLIENT, "iat": now, "exp": now + 3600, **user}


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    serve(partial(_make, wanted["alg"], wanted["logins"], wanted["id_token"]), "/token")
