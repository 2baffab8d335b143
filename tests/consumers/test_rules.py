"""AWS's own verifiers take our tokens, by the rules that they publish; and those rules refuse what breaks them."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.consumers.rules import Fetched, HttpApiAuthorizer, IamOidcProvider, RefusedError, app_sync, load_balancer
from tests.consumers.site import ISSUER, Site
from tests.support.grants_world import API
from tests.support.keys import HOUR


def test_several_keys_are_published_at_once(site: Site) -> None:
    assert len(json.loads(site.get(f"{ISSUER}/keys").body)["keys"]) > 4


def test_sts_lets_in_a_user_of_a_registered_client(site: Site) -> None:
    token = site.tokens(scope="openid email groups")["id_token"]
    provider = IamOidcProvider(ISSUER, ("example-app",))
    subject = provider.assume_role_with_web_identity(token, site.now, site.get)
    assert subject == jwt.decode(token, options={"verify_signature": False})["sub"]


def test_sts_lets_in_whom_a_token_for_two_audiences_was_made_for(site: Site) -> None:
    token = site.tokens(scope="openid audience:server:client_id:builds")["id_token"]
    IamOidcProvider(ISSUER, ("example-app",)).assume_role_with_web_identity(token, site.now, site.get)
    with pytest.raises(RefusedError, match="azp"):
        IamOidcProvider(ISSUER, ("builds",)).assume_role_with_web_identity(token, site.now, site.get)


def test_an_http_api_takes_an_access_token_for_it(site: Site) -> None:
    token = site.tokens(scope="openid groups", resource=API)["access_token"]
    claims = HttpApiAuthorizer(ISSUER, (API,), ("groups",)).authorize(token, site.now, site.get)
    assert claims["client_id"] == "example-app"


def test_an_http_api_takes_a_client_s_own_token(site: Site) -> None:
    token = site.tokens(grant_type="client_credentials", username="", password="", resource=API)["access_token"]
    HttpApiAuthorizer(ISSUER, (API,)).authorize(token, site.now, site.get)


def test_an_http_api_refuses_a_token_for_another_api_or_without_the_scope(site: Site) -> None:
    token = site.tokens(scope="openid", resource=API)["access_token"]
    with pytest.raises(RefusedError, match="audience"):
        HttpApiAuthorizer(ISSUER, ("https://other.example.com",)).authorize(token, site.now, site.get)
    with pytest.raises(RefusedError, match="scope"):
        HttpApiAuthorizer(ISSUER, (API,), ("groups",)).authorize(token, site.now, site.get)


def test_a_load_balancer_finds_its_endpoints(site: Site) -> None:
    assert load_balancer(ISSUER, site.get) == {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/auth",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
    }


def test_app_sync_takes_an_id_token(site: Site) -> None:
    app_sync(ISSUER, "example-app", site.tokens(scope="openid")["id_token"], site.now, site.get)


@pytest.mark.parametrize(
    ("url", "demand"),
    [
        ("http://id.example.com", "https"),
        ("https://login.example.com:8443", "no port"),
        ("https://login.example.com/?tenant=1", "no query"),
    ],
)
def test_iam_registers_no_other_kind_of_url(url: str, demand: str) -> None:
    with pytest.raises(RefusedError, match=demand):
        IamOidcProvider(url, ("example-app",))


STRANGER = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("headers", "demand"), [({"kid": "unknown"}, "the kid"), ({"kid": ""}, "names a kid"), ({}, "signature")]
)
def test_sts_refuses_what_we_did_not_sign(site: Site, headers: dict[str, str], demand: str) -> None:
    token = site.tokens(scope="openid")["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, STRANGER, "RS256", {"kid": jwt.get_unverified_header(token)["kid"], **headers})
    with pytest.raises(RefusedError, match=demand):
        IamOidcProvider(ISSUER, ("example-app",)).assume_role_with_web_identity(forged, site.now, site.get)


@pytest.mark.parametrize(
    ("document", "changes", "demand"),
    [
        ("openid-configuration", {"issuer": f"{ISSUER}/"}, "issuer"),
        ("openid-configuration", {"jwks_uri": "http://id.example.com/keys"}, "jwks_uri"),
        ("keys", {"keys": [{"kid": "a", "kty": "RSA", "alg": "RS256"}]}, "kid, kty, alg and use"),
        ("keys", {"keys": [{"kid": "a", "kty": "OKP", "alg": "EdDSA", "use": "sig"}]}, "RSA or EC"),
        ("keys", {"keys": [{"kid": "a", "kty": "EC", "alg": "ES256", "use": "sig"}] * 2}, "same kid"),
        ("keys", {"keys": [{}] * 101}, "100 keys"),
    ],
)
def test_the_rules_notice_a_document_that_breaks_them(
    site: Site, document: str, changes: dict[str, Any], demand: str
) -> None:
    def get(url: str) -> Fetched:
        fetched = site.get(url)
        if not url.endswith(document):
            return fetched
        return Fetched(fetched.status, json.dumps(json.loads(fetched.body) | changes))

    token = site.tokens(scope="openid")["id_token"]
    with pytest.raises(RefusedError, match=demand):
        IamOidcProvider(ISSUER, ("example-app",)).assume_role_with_web_identity(token, site.now, get)


def test_sts_refuses_a_token_that_has_expired_and_one_that_is_another_client_s(site: Site) -> None:
    token = site.tokens(scope="openid")["id_token"]
    provider = IamOidcProvider(ISSUER, ("example-app",))
    with pytest.raises(RefusedError, match="exp"):
        provider.assume_role_with_web_identity(token, site.now + HOUR, site.get)
    with pytest.raises(RefusedError, match="client ids"):
        IamOidcProvider(ISSUER, ("another-app",)).assume_role_with_web_identity(token, site.now, site.get)
