"""Authlib, from the issuer alone: client credentials, passwords, exchange, introspection, revocation, resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from sundial_local.paths import ROOT
from tests.support.leak_watch import LEAKS
from tests.support.local_server import BANNER_END, LocalServer, local_server

API = "https://api.example.com"
SECRET, BUILDS_SECRET = "ZXhhbXBsZS1hcHAtc2VjcmV0", "YnVpbGRzLXNlY3JldA"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A local server with the configuration of docs/tokens.md."""
    state = tmp_path_factory.mktemp("standard") / "state"
    with local_server(state, "--config", str(ROOT / "examples" / "tokens.yaml")) as running:
        running.wait_for(BANNER_END)
        yield running


class Application:
    """A client made from discovery, and the verifier that it comes with."""

    def __init__(self, issuer: str, client_id: str = "example-app", secret: str = SECRET, **options: Any) -> None:
        self.server = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()
        self.session = OAuth2Session(client_id, secret, token_endpoint=self.server["token_endpoint"], **options)

    def fetch(self, **parameters: Any) -> dict[str, Any]:
        tokens = dict(self.session.fetch_token(**parameters))
        LEAKS.document(tokens)
        return tokens

    def introspect(self, token: str) -> dict[str, Any]:
        answer = self.session.introspect_token(self.server["introspection_endpoint"], token=token)
        assert answer.status_code == 200
        return dict(answer.json())

    def revoke(self, token: str) -> int:
        return int(self.session.revoke_token(self.server["revocation_endpoint"], token=token).status_code)

    def verified(self, access_token: str) -> dict[str, Any]:
        """Return an access token's claims, its signature verified by joserfc from the JWKS (RFC 9068 §4)."""
        keys = KeySet.import_key_set(requests.get(self.server["jwks_uri"], timeout=10).json())
        token = jwt.decode(access_token, keys, algorithms=["RS256"])
        assert token.header["typ"] == "at+jwt"
        return dict(token.claims)


@pytest.fixture
def application(server: LocalServer) -> Application:
    return Application(server.issuer)


def log_in(application: Application, **more: str) -> dict[str, Any]:
    return application.fetch(
        grant_type="password", username="admin@example.com", password="password", scope="openid offline_access", **more
    )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_client_gets_a_token_for_itself_and_for_its_api(server: LocalServer, method: str) -> None:
    application = Application(server.issuer, token_endpoint_auth_method=method)
    claims = application.verified(application.fetch(grant_type="client_credentials")["access_token"])
    assert claims["sub"] == claims["aud"] == "example-app"
    tokens = application.fetch(grant_type="client_credentials", resource=API)
    assert application.verified(tokens["access_token"])["aud"] == API


def test_a_login_is_told_of_refreshed_and_revoked(application: Application) -> None:
    tokens = log_in(application)
    assert application.introspect(tokens["access_token"])["active"] is True
    assert application.introspect(tokens["refresh_token"])["active"] is True
    refreshed = dict(application.session.refresh_token(refresh_token=tokens["refresh_token"]))
    LEAKS.document(refreshed)
    assert application.revoke(refreshed["access_token"]) == 200
    assert application.introspect(refreshed["access_token"]) == {"active": False}
    assert application.introspect(tokens["access_token"])["active"] is True
    assert application.revoke(refreshed["refresh_token"]) == 200
    for token in (tokens["access_token"], refreshed["refresh_token"]):
        assert application.introspect(token) == {"active": False}


def test_a_token_is_exchanged_for_one_that_another_client_may_ask_about(
    server: LocalServer, application: Application
) -> None:
    tokens = log_in(application)
    exchanged = application.fetch(
        grant_type=EXCHANGE, subject_token=tokens["access_token"], subject_token_type=ACCESS_TOKEN, audience="builds"
    )
    assert exchanged["issued_token_type"] == ACCESS_TOKEN
    builds = Application(server.issuer, "builds", BUILDS_SECRET)
    assert builds.verified(exchanged["access_token"])["aud"] == "builds"
    assert builds.introspect(exchanged["access_token"])["active"] is True
    assert builds.introspect(tokens["access_token"]) == {"active": False}


def test_the_deployed_functions_own_words_are_the_clients_exceptions(application: Application) -> None:
    with pytest.raises(OAuthError, match="invalid_target"):
        application.fetch(grant_type="client_credentials", resource="https://other.example.com")
    with pytest.raises(OAuthError, match="invalid_scope"):
        application.fetch(grant_type="client_credentials", scope="offline_access")
