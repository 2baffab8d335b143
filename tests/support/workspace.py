"""Google Workspace's directory for the tests: a server in its shape, and the service account that may read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sundial.connectors.google import Directory
from tests.support.api_upstream import Answer, ApiUpstream, Came, api_upstream
from tests.support.leak_watch import LEAKS

_SCOPE = "https://www.googleapis.com/auth/admin.directory.group.readonly"


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Workspace:
    """The directory. `memberships` are the groups of users and of groups, by address."""

    api: ApiUpstream
    memberships: dict[str, Sequence[str]]

    def directory(self, **changes: Any) -> Directory:
        """Return the settings that read it, for the domain `example.com`."""
        made = Directory(
            MappingProxyType({"example.com": "admin@example.com"}), self.service_account(), url=self.api.url
        )
        return replace(made, **changes)

    def service_account(self) -> str:
        """Return the service account's key, as Google gives it out."""
        pem = (
            _key()
            .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            .decode()
        )
        LEAKS.secret("a service account's key", pem.splitlines()[1])
        account = {"client_email": "sundial@project.iam", "private_key": pem, "token_uri": f"{self.api.url}/token"}
        return json.dumps({**account, "private_key_id": "k1", "type": "service_account"})

    def grant(self, came: Came) -> object:
        """https://developers.google.com/identity/protocols/oauth2/service-account"""
        assert came.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        assertion = came.form["assertion"]
        claims = jwt.decode(
            assertion,
            _key().public_key(),
            algorithms=["RS256"],
            options={"verify_aud": False, "verify_iat": False},  # the tests turn their clock, and not this one
        )
        assert claims["scope"] == _SCOPE
        return {"access_token": f"for {claims['sub']}", "expires_in": 3599, "token_type": "Bearer"}

    def groups(self, came: Came) -> object:
        """https://developers.google.com/workspace/admin/directory/reference/rest/v1/groups/list, a group a page"""
        if came.token != "for admin@example.com":
            return Answer({"error": {"code": 403}}, 403)
        found, page = self.memberships.get(came.query["userKey"], ()), int(came.query.get("pageToken", "0"))
        document: dict[str, object] = {"kind": "admin#directory#groups"}
        if found:
            document["groups"] = [{"email": found[page], "name": "a group"}]
        if page + 1 < len(found):
            document["nextPageToken"] = str(page + 1)
        return document


@contextmanager
def workspace(memberships: Mapping[str, Sequence[str]]) -> Iterator[Workspace]:
    """Serve a directory until the block ends."""
    with api_upstream() as api:
        made = Workspace(api, dict(memberships))
        api.routes |= {"POST /token": made.grant, "GET /admin/directory/v1/groups": made.groups}
        yield made
