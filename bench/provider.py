"""An identity provider without a network: canned answers beneath urllib3 to what the `oidc` connector asks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPResponse

from sundial.keys.algorithms import load_private_key, make_key_pair
from sundial.keys.cache import Signer
from sundial.tokens.jwt import sign

ISSUER = "https://up.example.com"
CLIENT_ID = "sundial"
USER = "kilgore"


class StubbedProvider:
    """Knows one user, and rotates its refresh tokens; `calls` counts what it was asked, by path."""

    def __init__(self, now: int) -> None:
        """`now` is epoch seconds, by its clock and ours. Its ID token is made once: to make it is not our work."""
        pair = make_key_pair("RS256")
        self.calls: Counter[str] = Counter()
        claims = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": USER,
            "iat": now,
            "exp": now + 3600,
            "name": "Kilgore Trout",
            "email": "kilgore@example.com",
            "email_verified": True,
            "groups": ["ops", "dev"],
        }
        id_token = sign(Signer(pair.public_jwk["kid"], "RS256", load_private_key(pair.private_pem)), claims)
        self._answers: dict[str, dict[str, Any]] = {
            "/.well-known/openid-configuration": {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/auth",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/keys": {"keys": [pair.public_jwk]},
            "/token": {
                "access_token": "an access token of the provider's",
                "token_type": "Bearer",
                "refresh_token": "the next refresh token of the provider's",
                "id_token": id_token,
            },
        }

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer what goes out through urllib3 instead of the network, until the block ends."""
        with patch.object(HTTPConnectionPool, "urlopen", lambda _pool, _method, url, **_: self._answer(url)):
            yield

    def _answer(self, url: str) -> HTTPResponse:
        path = urlsplit(url).path
        self.calls[path] += 1
        body = json.dumps(self._answers[path]).encode()
        headers = {"Content-Type": "application/json"}
        return HTTPResponse(BytesIO(body), headers, 200, preload_content=False)
