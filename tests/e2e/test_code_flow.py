"""The authorization code flow through the local server, by a client that nobody here wrote."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable

import jwt
import pytest
import requests
from authlib.integrations.base_client import OAuthError

from tests.support.local_server import LocalServer
from tests.support.relying_party import RelyingParty

MakeParty = Callable[..., RelyingParty]
SUB = "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs"
"""Dex's: the protobuf of the demo user's id and the connector `local`."""


def _half_hash(token: str) -> str:
    digest = hashlib.sha256(token.encode("ascii")).digest()
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode("ascii")


def test_a_login_brings_verified_tokens_userinfo_and_a_refresh(demo: LocalServer, relying_party: MakeParty) -> None:
    party = relying_party(demo.issuer)
    tokens = party.log_in()
    assert tokens["token_type"] == "bearer"
    claims = party.verified(tokens["id_token"])
    assert claims["sub"] == SUB
    assert claims["aud"] == "example-app"
    assert (claims["email"], claims["email_verified"], claims["name"]) == ("admin@example.com", True, "admin")
    assert claims["at_hash"] == _half_hash(tokens["access_token"])
    assert claims["exp"] - claims["iat"] == tokens["expires_in"]
    assert jwt.get_unverified_header(tokens["access_token"])["typ"] == "at+jwt"
    assert party.userinfo() == {
        "sub": SUB,
        "email": "admin@example.com",
        "email_verified": True,
        "name": "admin",
    }
    refreshed = party.refresh()
    again = party.verified(refreshed["id_token"])
    assert {name: again[name] for name in ("iss", "sub", "aud", "auth_time")} == {
        name: claims[name] for name in ("iss", "sub", "aud", "auth_time")
    }
    assert again["at_hash"] == _half_hash(refreshed["access_token"])
    assert party.userinfo()["sub"] == SUB


def test_the_user_sees_a_login_page_and_a_consent_page(demo: LocalServer, relying_party: MakeParty) -> None:
    party = relying_party(demo.issuer)
    party.log_in()
    login, consent = party.browser.pages
    assert 'type="password"' in login
    assert "Example App" in consent


def test_a_public_client_comes_back_to_any_loopback_port(demo: LocalServer, relying_party: MakeParty) -> None:
    party = relying_party(demo.issuer, "example-cli", None, "http://127.0.0.1:49152/callback")
    tokens = party.log_in()
    assert party.verified(tokens["id_token"])["aud"] == "example-cli"
    assert party.refresh()["access_token"] != tokens["access_token"]


def test_without_offline_access_there_is_no_refresh_token(demo: LocalServer, relying_party: MakeParty) -> None:
    party = relying_party(demo.issuer, scope="openid")
    tokens = party.log_in()
    assert "refresh_token" not in tokens
    assert party.userinfo() == {"sub": SUB}


def test_a_wrong_password_is_told_on_the_page_and_can_be_mended(demo: LocalServer, relying_party: MakeParty) -> None:
    party = relying_party(demo.issuer)
    assert "id_token" in party.log_in("wrong", "Password", "password")
    first, second, third, consent = party.browser.pages
    assert "is wrong" not in first
    assert "is wrong" in second
    assert "is wrong" in third
    assert "Example App" in consent


def test_a_code_is_good_for_one_exchange_and_a_second_ends_the_login(
    demo: LocalServer, relying_party: MakeParty
) -> None:
    party = relying_party(demo.issuer)
    outcome = party.authorize()
    refresh_token = party.exchange(outcome)["refresh_token"]
    assert party.userinfo()["sub"] == SUB
    with pytest.raises(OAuthError, match="invalid_grant"):
        party.exchange(outcome)
    with pytest.raises(requests.HTTPError, match="401"):
        party.userinfo()
    with pytest.raises(OAuthError, match="invalid_grant"):
        party.refresh(refresh_token)


def test_an_old_refresh_token_is_retried_inside_the_interval_and_never_by_another_client(
    demo: LocalServer, relying_party: MakeParty
) -> None:
    party = relying_party(demo.issuer)
    first = party.log_in()["refresh_token"]
    stranger = relying_party(demo.issuer, "example-cli", None, "http://127.0.0.1:49152/callback")
    with pytest.raises(OAuthError, match="invalid_grant"):
        stranger.refresh(first)
    assert party.refresh(first)["refresh_token"] == party.refresh(first)["refresh_token"]


def test_a_mistake_of_the_client_is_answered_as_the_rfc_says(demo: LocalServer, relying_party: MakeParty) -> None:
    party = relying_party(demo.issuer)
    form = {"grant_type": "refresh_token", "refresh_token": "sundial_rt_forged"}
    with requests.post(party.discovery["token_endpoint"], data=b"\xff\xfe", timeout=30) as malformed:
        assert (malformed.status_code, malformed.json()["error"]) == (400, "invalid_request")
    with requests.post(party.discovery["token_endpoint"], form, auth=("example-app", "wrong"), timeout=30) as wrong:
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
        assert wrong.headers["WWW-Authenticate"].startswith("Basic ")
