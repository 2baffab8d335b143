"""Providers that lie, or are somebody else: nobody logs in by them, and nothing of a login is lost."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import jwt
import pytest

from sundial.connectors.base import DeclinedError, Identity, InterruptedRefreshError
from sundial.connectors.oidc import ID_TOKEN
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from sundial.tokens.jwt import half_hash
from tests.support.api_upstream import Answer
from tests.support.hostile import (
    ACCESS_TOKEN,
    REFRESH_TOKEN,
    Hostile,
    honest_upstream,
    public_jwk,
    refused,
    signing_key,
)
from tests.support.upstream import CALLBACK, arrival


def test_an_honest_provider_is_believed(provider: Hostile) -> None:
    identity = provider.log_in()
    assert identity == honest_upstream()
    assert provider.refresh(identity) == identity


# The ID token


@pytest.mark.parametrize(
    ("claims", "about"),
    [
        ({"iss": "https://evil.example.com"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "somebody-else"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": ["sundial", "somebody-else"], "azp": "somebody-else"}, "azp"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": 1}, "nonce"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"at_hash": "of-another-token"}, "at_hash"),
        ({"at_hash": 7}, "at_hash"),
    ],
)
def test_an_id_token_that_says_something_else_is_not_believed(
    provider: Hostile, claims: dict[str, Any], about: str
) -> None:
    provider.claims = claims
    error = refused(provider)
    assert (error.status, error.code) == (502, "server_error")
    assert about in error.detail


@pytest.mark.parametrize(
    ("claims", "believed"),
    [
        ({"exp": -59}, True),
        ({"exp": -60}, False),
        ({"iat": 60}, True),
        ({"iat": 61}, False),
        ({"nbf": 60}, True),
        ({"nbf": 61}, False),
        ({"exp": float("nan")}, False),
    ],
)
def test_a_clock_may_be_a_minute_off_and_no_more(provider: Hostile, claims: dict[str, float], believed: bool) -> None:
    provider.claims = {name: provider.now + seconds for name, seconds in claims.items()}
    if believed:
        assert provider.log_in()
    else:
        assert refused(provider).status == 502


def test_the_access_token_must_be_the_one_that_the_id_token_names(provider: Hostile) -> None:
    provider.claims = {"at_hash": half_hash(ACCESS_TOKEN, "RS256")}
    assert provider.log_in()
    provider.tokens = {"access_token": "another access token"}
    assert "at_hash" in refused(provider).detail


def test_a_bad_signature_is_not_believed(provider: Hostile) -> None:
    provider.signed_by, provider.header = "key-2", {"kid": "key-1"}
    assert "signature" in refused(provider).detail


@pytest.mark.parametrize("alg", ["none", "HS256", "RS384"])
def test_an_algorithm_that_discovery_does_not_name_is_not_believed(provider: Hostile, alg: str) -> None:
    claims = jwt.decode(provider.id_token(), options={"verify_signature": False})
    keys: dict[str, Any] = {
        "none": None,
        "HS256": "a secret of thirty-two bytes or more",
        "RS384": signing_key("key-1"),
    }
    provider.tokens = {"id_token": jwt.encode(claims, keys[alg], alg, {"kid": "key-1"})}
    assert "alg" in refused(provider).detail


def test_a_shared_secret_is_never_a_signature_whatever_discovery_says(provider: Hostile) -> None:
    provider.discovery = {"id_token_signing_alg_values_supported": ["HS256", "none", "RS256"]}
    claims = jwt.decode(provider.id_token(), options={"verify_signature": False})
    keys: dict[str, Any] = {"HS256": "the secret at the provider, long enough", "none": None}
    for alg, key in keys.items():
        provider.tokens = {"id_token": jwt.encode(claims, key, alg)}
        assert "alg" in refused(provider).detail


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "…", "e30.e30.", 7, {"jwt": 1}])
def test_what_is_no_jwt_is_no_id_token(provider: Hostile, token: object) -> None:
    provider.tokens = {"id_token": token}
    assert refused(provider).status == 502


# The keys


def test_a_new_key_is_looked_for_once_it_signs_and_a_forger_makes_nobody_ask_again(provider: Hostile) -> None:
    made = provider.connector()
    provider.log_in(made)
    provider.now += 60
    provider.keys, provider.signed_by = [public_jwk("key-1"), public_jwk("key-2")], "key-2"
    assert provider.log_in(made)
    assert provider.asked("/jwks") == 2
    provider.signed_by = "key-3"
    for _ in range(5):
        with pytest.raises(OAuthError):
            provider.log_in(made)
    assert provider.asked("/jwks") == 2
    provider.now += 10
    with pytest.raises(OAuthError):
        provider.log_in(made)
    assert provider.asked("/jwks") == 3


def test_a_key_that_the_provider_drops_is_forgotten_within_the_hour(provider: Hostile) -> None:
    made = provider.connector()
    provider.log_in(made)
    provider.keys = [public_jwk("key-2")]
    provider.now += 3600
    with pytest.raises(OAuthError) as caught:
        provider.log_in(made)
    assert "signature" in caught.value.detail


def test_keys_and_discovery_in_hand_go_on_where_they_cannot_be_had_again(provider: Hostile) -> None:
    made = provider.connector()
    provider.log_in(made)
    provider.api.routes["GET /jwks"] = Answer({}, 503)
    provider.api.routes["GET /.well-known/openid-configuration"] = Answer(b"<html>", 500)
    provider.now += 3600
    assert provider.log_in(made)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [public_jwk("key-1", use="enc")],
        [{"kid": "key-1"}],
        ["text"],
        [{"kid": "key-1", "kty": "oct", "k": "c2VjcmV0", "alg": "RS256"}],
        [{**public_jwk("key-1"), "n": "AQAB"}],
        [public_jwk("key-1")] * 101,
    ],
)
def test_a_jwks_that_holds_no_usable_key_verifies_nothing(provider: Hostile, keys: list[Any]) -> None:
    provider.keys = keys
    assert refused(provider).status == 502


def test_a_token_without_a_kid_may_be_any_keys(provider: Hostile) -> None:
    provider.keys = [public_jwk("key-2"), public_jwk("key-1")]
    provider.header = {"kid": None}
    assert provider.log_in()


# Discovery


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example.com"},
        {"issuer": None},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": ["https://up/t"]},
    ],
)
def test_a_discovery_document_that_is_not_the_providers_is_not_believed(
    provider: Hostile, discovery: dict[str, Any]
) -> None:
    provider.discovery = discovery
    assert refused(provider).status == 502


# What comes back with the browser


def test_an_answer_of_another_issuer_is_a_mix_up(provider: Hostile) -> None:
    assert "RFC 9207" in refused(provider, iss="https://evil.example.com").detail
    assert provider.asked("/token") == 0
    assert provider.log_in(came_back={"iss": provider.api.url})
    provider.discovery = {"authorization_response_iss_parameter_supported": True}
    assert "RFC 9207" in refused(provider).detail


@pytest.mark.parametrize("own_path", [True, False])
def test_a_provider_with_a_path_of_its_own_is_handed_no_code_that_came_on_another(
    provider: Hostile, own_path: bool
) -> None:
    """RFC 9700 §4.4.1: it may have sent the browser on to an honest one, whose code then came to the common path."""
    made = provider.connector(registration=Registration("sundial", "the secret at the provider", f"{CALLBACK}/up"))
    came_back = replace(arrival(provider.now, code="a-code"), own_path=own_path)
    if own_path:
        assert made.finish(provider.attempt, came_back) == honest_upstream()
    else:
        with pytest.raises(OAuthError) as caught:
            made.finish(provider.attempt, came_back)
        assert (caught.value.status, caught.value.code) == (400, "invalid_request")
    assert provider.asked("/token") == int(own_path)


@pytest.mark.parametrize("error", ["access_denied", "consent_required", "login_required"])
def test_a_user_who_says_no_has_declined(provider: Hostile, error: str) -> None:
    with pytest.raises(DeclinedError):
        provider.log_in(came_back={"error": error, "error_description": "<script>"})


@pytest.mark.parametrize(
    ("error", "status"), [("temporarily_unavailable", 503), ("server_error", 503), ("invalid_scope", 502), ("<x>", 502)]
)
def test_another_error_of_the_provider_is_told_in_our_own_words(provider: Hostile, error: str, status: int) -> None:
    caught = refused(provider, error=error, error_description="<script>alert(1)</script>")
    assert caught.status == status
    assert "script" not in str(caught)
    assert "<x>" not in str(caught)


def test_an_answer_without_a_code_is_none(provider: Hostile) -> None:
    with pytest.raises(OAuthError) as caught:
        provider.connector().finish(provider.attempt, arrival(provider.now))
    assert caught.value.status == 502


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "HS256"}, {"alg": None}, {"alg": 1}, {"alg": ["RS256"]}, {"alg": {}}, {"kid": {}}, {}],
)
def test_whatever_a_client_writes_into_the_header_of_a_token_it_is_no_login(
    provider: Hostile, header: dict[str, Any]
) -> None:
    made_up = ".".join(b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, {}))
    assert provider.connector().exchange(f"{made_up}.AA", ID_TOKEN, provider.now) is None


# Refreshing


def test_a_refreshed_id_token_is_checked_like_the_first_but_for_the_nonce(provider: Hostile) -> None:
    provider.claims = {"nonce": None, "name": "Kilgore S. Trout"}
    refreshed = provider.refresh(honest_upstream())
    assert refreshed is not None
    assert refreshed.claims.username == "Kilgore S. Trout"


@pytest.mark.parametrize(
    "claims", [{"sub": "somebody-else"}, {"iss": "https://evil.example.com"}, {"aud": "x"}, {"exp": 1}]
)
def test_a_refresh_that_cannot_be_believed_keeps_the_token_that_came_with_it(
    provider: Hostile, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    provider.tokens = {"refresh_token": "the next refresh token"}
    with pytest.raises(InterruptedRefreshError) as interrupted:
        provider.refresh(honest_upstream())
    assert json.loads(interrupted.value.upstream)["refresh_token"] == "the next refresh token"
    assert interrupted.value.error.status == 502
    assert "next refresh token" not in f"{interrupted.value!r} {interrupted.value}"


def test_a_provider_without_id_tokens_on_refresh_says_that_the_user_is_still_there(provider: Hostile) -> None:
    provider.tokens = {"id_token": None, "refresh_token": None}
    identity = honest_upstream()
    assert provider.refresh(identity) == identity


def test_userinfo_of_another_user_is_not_believed(provider: Hostile) -> None:
    made = provider.connector(get_user_info=True)
    provider.api.routes["GET /me"] = {"sub": "kilgore", "name": "From userinfo"}
    assert provider.log_in(made).claims.username == "From userinfo"
    provider.api.routes["GET /me"] = {"sub": "somebody-else", "name": "Eve"}
    with pytest.raises(OAuthError) as caught:
        provider.log_in(made)
    assert "userinfo" in caught.value.detail


@pytest.mark.parametrize("answer", [Answer({"error": "invalid_grant"}, 400), Answer({"error": "invalid_grant"}, 401)])
def test_invalid_grant_is_the_end(provider: Hostile, answer: Answer) -> None:
    provider.api.routes["POST /token"] = answer
    assert provider.refresh(honest_upstream()) is None


@pytest.mark.parametrize("answer", [Answer({}, 500), Answer({"error": "invalid_client"}, 401), Answer(b"", 200)])
def test_anything_else_is_no_end(provider: Hostile, answer: Answer) -> None:
    provider.api.routes["POST /token"] = answer
    with pytest.raises(OAuthError) as caught:
        provider.refresh(honest_upstream())
    assert caught.value.status in (502, 503)


def test_an_identity_never_shows_what_is_kept_of_it() -> None:
    identity: Identity = honest_upstream()
    assert REFRESH_TOKEN not in f"{identity!r} {identity}"
