"""What outlives the process: refresh tokens over a restart, tokens over a rotation; and what CONFIG and PORT change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
from authlib.integrations.base_client import OAuthError

from tests.support.local_server import BANNER_END, local_server, needs_proc
from tests.support.relying_party import RelyingParty, verify

MakeParty = Callable[..., RelyingParty]


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_yesterdays_tokens_are_good_after_a_restart_and_a_rotation(tmp_path: Path, relying_party: MakeParty) -> None:
    with local_server(tmp_path, "--clock=-20h") as yesterday:
        yesterday.wait_for(BANNER_END)
        port = str(urlsplit(yesterday.issuer).port)
        party = relying_party(yesterday.issuer)
        before = party.log_in()
        cached = party.keys()
    with local_server(tmp_path, "--port", port) as today:
        today.wait_for(BANNER_END)
        after = party.refresh(before["refresh_token"])
        assert after["refresh_token"] != before["refresh_token"]
        assert _kid(after["id_token"]) != _kid(before["id_token"])
        # Today's key signs a token that a verifier knows who fetched the keys yesterday and not since.
        assert _kid(after["id_token"]) in {key["kid"] for key in cached["keys"]}
        for tokens in (before, after):
            assert party.verified(tokens["id_token"])["sub"] == party.userinfo()["sub"]
            assert verify(tokens["id_token"], party.discovery, "example-app", party.keys())["iss"] == today.issuer
        party.session.token = before
        assert party.userinfo()["email"] == "admin@example.com"


def test_what_has_expired_by_then_is_refused(tmp_path: Path, relying_party: MakeParty) -> None:
    with local_server(tmp_path, "--clock=-2161h") as long_ago:
        long_ago.wait_for(BANNER_END)
        port = str(urlsplit(long_ago.issuer).port)
        party = relying_party(long_ago.issuer)
        tokens = party.exchange(party.authorize())
    with local_server(tmp_path, "--port", port) as today:
        today.wait_for(BANNER_END)
        with pytest.raises(OAuthError, match="invalid_grant"):
            party.refresh(tokens["refresh_token"])
        assert "refresh_token" in party.log_in()


def test_an_id_token_is_signed_as_its_client_asks(tmp_path: Path, relying_party: MakeParty) -> None:
    config = _config(tmp_path, "http://127.0.0.1:8080", "RS256", "ES256")
    with local_server(tmp_path / "state", "--config", str(config)) as server:
        server.wait_for(BANNER_END)
        for algorithm in ("RS256", "ES256"):
            client_id = f"signed-by-{algorithm}"
            party = relying_party(server.issuer, client_id, client_secret="a-secret-of-a-test")
            tokens = party.log_in()
            assert jwt.get_unverified_header(tokens["id_token"])["alg"] == algorithm
            assert party.verified(party.refresh()["id_token"])["aud"] == client_id


def test_an_issuer_with_a_path_is_served_under_it(tmp_path: Path, relying_party: MakeParty) -> None:
    config = _config(tmp_path, "http://localhost:8080/dex")
    with local_server(tmp_path / "state", "--config", str(config)) as server:
        server.wait_for(BANNER_END)
        assert server.issuer.startswith("http://localhost:")
        assert server.issuer.endswith("/dex")
        party = relying_party(server.issuer, client_secret="a-secret-of-a-test")
        assert party.discovery["token_endpoint"] == f"{server.issuer}/token"
        assert party.verified(party.log_in()["id_token"])["iss"] == server.issuer
        assert party.userinfo()["email"] == "admin@example.com"


@needs_proc
def test_an_issuer_behind_a_proxy_is_served_as_it_is_configured(tmp_path: Path, relying_party: MakeParty) -> None:
    config = _config(tmp_path, "https://login.example.com/dex")
    with local_server(tmp_path / "state", "--config", str(config)) as server:
        server.wait_for(BANNER_END)
        assert server.issuer == "https://login.example.com/dex"
        found = relying_party(server.issuer, served_at=f"http://127.0.0.1:{server.port}/dex")
        assert found.discovery["jwks_uri"] == "https://login.example.com/dex/keys"


def _config(folder: Path, issuer: str, *algorithms: str) -> Path:
    """Write the configuration of the client `example-app`, and of one for each of these algorithms of ID tokens."""
    more = {f"signed-by-{algorithm}": f"idTokenSignedResponseAlg: {algorithm}" for algorithm in algorithms}
    clients = "".join(
        f"""\
  - id: {client_id}
    name: Example App
    secret: a-secret-of-a-test
    redirectURIs: [http://127.0.0.1:5555/callback]
    {setting}
"""
        for client_id, setting in {"example-app": "public: false", **more}.items()
    )
    path = folder / "sundial.yaml"
    path.write_text(
        f"""\
issuer: {issuer}
signing: {{algorithms: [RS256, ES256]}}
enablePasswordDB: true
staticClients:
{clients}\
staticPasswords:
  - email: admin@example.com
    hash: "$2a$10$a/.bMp1Rk5/b.k9TZg25c.u1DvvF4n3ojRq9iMMynH5PF2sNuwWeG"
    username: admin
    userID: 08a8684b-db88-4b73-90a9-3cd1661f5466
""",
        encoding="utf-8",
    )
    return path
