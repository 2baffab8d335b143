"""The `oidc` connector at a provider that nobody here wrote: npm's oidc-provider, which insists on PKCE."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from sundial.connectors.base import Identity, Logout, RedirectLogin, TokenExchange, UpstreamRefresh
from sundial.connectors.mapping import GroupRules
from sundial.connectors.oauth2 import verifier
from sundial.connectors.oidc import ACCESS_TOKEN, ID_TOKEN, ClaimMapping, OidcConnector, OidcSettings
from sundial.connectors.settings import Registration
from sundial.errors import OAuthError
from sundial.expiry.family import Claims
from tests.support.upstream import (
    CALLBACK,
    CLIENT_ID,
    CLIENT_SECRET,
    KILGORE,
    OpenIDProvider,
    an_attempt,
    arrival,
    log_in_at,
    openid_provider,
)

USER = Claims("kilgore", "Kilgore Trout", "kilgore", "kilgore@example.com", email_verified=True)
OFFLINE = an_attempt("offline_access")


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIDProvider]:
    with openid_provider() as running:
        yield running


@pytest.fixture(autouse=True)
def nobody_has_changed(provider: OpenIDProvider) -> None:
    provider.change("kilgore", KILGORE)


def now() -> int:
    """The provider's clock can't be turned."""
    return int(time.time())


def connector(provider: OpenIDProvider, **changes: object) -> OidcConnector:
    settings = OidcSettings(
        provider.issuer,
        Registration(CLIENT_ID, CLIENT_SECRET, CALLBACK),
        scopes=("openid", "profile", "email", "offline_access"),
    )
    return OidcConnector("up", "The Provider", replace(settings, **changes))  # type: ignore[arg-type]


def logged_in(made: OidcConnector, *, offline: bool = True) -> Identity:
    attempt = OFFLINE if offline else an_attempt()
    came_back = log_in_at(made.begin(attempt, "a-state", now()).url)
    assert came_back.pop("state") == "a-state"
    return made.finish(attempt, arrival(now(), **came_back))


def test_it_can_do_what_its_type_says(provider: OpenIDProvider) -> None:
    for ability in (RedirectLogin, UpstreamRefresh, TokenExchange, Logout):
        assert isinstance(connector(provider), ability)


def test_a_login_with_pkce_and_a_nonce(provider: OpenIDProvider) -> None:
    made = connector(provider)
    query = dict(parse_qsl(urlsplit(made.begin(OFFLINE, "a-state", now()).url).query))
    assert query["code_challenge_method"] == "S256"
    assert (query["redirect_uri"], query["prompt"], query["access_type"]) == (CALLBACK, "consent", "offline")
    identity = logged_in(made)
    assert identity.claims == USER
    assert "refresh_token" in json.loads(identity.upstream)


def test_a_client_that_wants_a_new_login_has_the_provider_ask_for_one(provider: OpenIDProvider) -> None:
    made = connector(provider)
    for max_age, asked in ((0, "prompt=consent%20login"), (600, "max_age=600")):
        attempt = an_attempt("offline_access", max_age=max_age)
        url = made.begin(attempt, "a-state", now()).url
        assert asked in url
        identity = made.finish(attempt, arrival(now(), **log_in_at(url)))
        assert (identity.authenticated_at or 0) == pytest.approx(now(), abs=30)


def test_the_provider_says_iss_and_is_held_to_it(provider: OpenIDProvider) -> None:
    made = connector(provider)
    came_back = log_in_at(made.begin(OFFLINE, "a-state", now()).url)
    assert came_back["iss"] == provider.issuer
    for iss in (None, "https://evil.example.com"):
        changed = {name: value for name, value in {**came_back, "iss": iss}.items() if value is not None}
        with pytest.raises(OAuthError) as refused:
            made.finish(OFFLINE, arrival(now(), **changed))
        assert refused.value.status == 502
    assert made.finish(OFFLINE, arrival(now(), **came_back)).claims == USER


def test_without_offline_access_there_is_nothing_to_ask_again_with(provider: OpenIDProvider) -> None:
    made = connector(provider, scopes=("openid", "profile", "email"))
    assert logged_in(made, offline=False).upstream == ""


def test_a_code_is_good_once_and_for_the_attempt_that_asked_for_it(provider: OpenIDProvider) -> None:
    made = connector(provider)
    came_back = log_in_at(made.begin(OFFLINE, "a-state", now()).url)
    with pytest.raises(OAuthError) as refused:
        made.finish(an_attempt("offline_access", seed="another-seed"), arrival(now(), **came_back))
    assert (refused.value.code, refused.value.status) == ("invalid_request", 400)
    assert made.finish(OFFLINE, arrival(now(), **came_back)).claims == USER
    with pytest.raises(OAuthError) as refused:
        made.finish(OFFLINE, arrival(now(), **came_back))
    assert (refused.value.code, refused.value.status) == ("invalid_request", 400)


def test_a_refresh_shows_the_user_as_they_are_now_and_rotates_the_providers_token(provider: OpenIDProvider) -> None:
    made = connector(provider, enable_groups=True)
    first = logged_in(made)
    assert first.claims.groups == ("authors", "ops")
    provider.change("kilgore", {**KILGORE, "name": "Kilgore S. Trout", "groups": ["ops"]})
    second = made.refresh_upstream(first, frozenset(), now())
    assert second is not None
    assert (second.claims.username, second.claims.groups) == ("Kilgore S. Trout", ("ops",))
    assert second.upstream != first.upstream
    third = made.refresh_upstream(second, frozenset(), now())
    assert third is not None
    assert third.claims == second.claims


def test_a_user_who_is_gone_is_gone(provider: OpenIDProvider) -> None:
    made = connector(provider)
    identity = logged_in(made)
    provider.change("kilgore", None)
    assert made.refresh_upstream(identity, frozenset(), now()) is None


def test_a_token_that_the_provider_has_revoked_is_the_end(provider: OpenIDProvider) -> None:
    made = connector(provider)
    identity = logged_in(made)
    assert made.refresh_upstream(identity, frozenset(), now()) is not None
    assert made.refresh_upstream(identity, frozenset(), now()) is None  # used twice: it takes the whole grant away


def test_userinfo_tells_what_the_id_token_does_not(provider: OpenIDProvider) -> None:
    with openid_provider(conformIdTokenClaims=True) as thin:
        with pytest.raises(OAuthError) as refused:
            logged_in(connector(thin))
        assert "claim" in refused.value.detail
        identity = logged_in(connector(thin, get_user_info=True))
        assert identity.claims == USER
        thin.change("kilgore", {**KILGORE, "email": "trout@example.com"})
        refreshed = connector(thin, get_user_info=True).refresh_upstream(identity, frozenset(), now())
        assert refreshed is not None
        assert refreshed.claims.email == "trout@example.com"


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_the_client_authenticates_as_it_is_registered(method: str) -> None:
    with openid_provider(client={"token_endpoint_auth_method": method}) as running:
        made = connector(running, in_body=method == "client_secret_post")
        assert logged_in(made).claims == USER
        wrong_secret = Registration(CLIENT_ID, "wrong", CALLBACK)
        wrong = connector(running, registration=wrong_secret, in_body=method == "client_secret_post")
        with pytest.raises(OAuthError) as refused:
            logged_in(wrong)
        assert (refused.value.status, "invalid_client" in refused.value.detail) == (502, True)


def test_a_public_client_needs_no_secret() -> None:
    with openid_provider(client={"token_endpoint_auth_method": "none"}) as running:
        assert logged_in(connector(running, registration=Registration(CLIENT_ID, "", CALLBACK))).claims == USER


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_every_signature_that_discovery_names_is_believed(alg: str) -> None:
    with openid_provider(
        client={"id_token_signed_response_alg": alg},
        jwks={"keys": [{**private_jwk(alg), "use": "sig", "alg": alg, "kid": "k"}]},
        enabledJWA={"idTokenSigningAlgValues": [alg]},
    ) as running:
        assert logged_in(connector(running)).claims == USER


def test_claims_are_mapped_as_dex_maps_them(provider: OpenIDProvider) -> None:
    provider.change("kilgore", {**KILGORE, "email": "kilgore@example.com"})
    mapping = ClaimMapping(user_id="preferred_username", user_name="email", email="preferred_username")
    claims = logged_in(connector(provider, mapping=mapping)).claims
    assert (claims.user_id, claims.username, claims.email) == ("kilgore", "kilgore@example.com", "kilgore@example.com")
    claims = logged_in(connector(provider, mapping=replace(mapping, override=True))).claims
    assert claims.email == "kilgore"


def test_an_address_that_nobody_has_verified_is_refused_unless_that_is_skipped(provider: OpenIDProvider) -> None:
    provider.change("kilgore", {name: value for name, value in KILGORE.items() if name != "email_verified"})
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider))
    assert "email_verified" in refused.value.detail
    assert logged_in(connector(provider, skip_email_verified=True)).claims.email_verified


def test_who_is_in_none_of_the_allowed_groups_may_not_log_in_and_may_not_stay(provider: OpenIDProvider) -> None:
    made = connector(provider, enable_groups=True, groups=GroupRules(allowed=("ops",)))
    identity = logged_in(made)
    assert identity.claims.groups == ("ops",)
    provider.change("kilgore", {**KILGORE, "groups": ["authors"]})
    assert made.refresh_upstream(identity, frozenset(), now()) is None
    with pytest.raises(OAuthError) as refused:
        logged_in(made)
    assert (refused.value.code, refused.value.status) == ("access_denied", 403)


def test_who_is_of_another_domain_may_not_log_in(provider: OpenIDProvider) -> None:
    made = connector(provider, hosted_domains=("example.com",))
    assert "hd=example.com" in made.begin(OFFLINE, "s", now()).url
    assert logged_in(made).claims == USER
    with pytest.raises(OAuthError) as refused:
        logged_in(connector(provider, hosted_domains=("example.org", "example.net")))
    assert refused.value.code == "access_denied"


def test_an_id_token_of_the_provider_is_taken_for_a_login_where_it_is_for_us(provider: OpenIDProvider) -> None:
    made = connector(provider)
    tokens = tokens_of(provider, made)
    assert made.subject_token_types == {ID_TOKEN}
    assert made.exchange(tokens["id_token"], ID_TOKEN, now()) == USER
    other = connector(provider, registration=Registration("another", "", CALLBACK))
    assert other.exchange(tokens["id_token"], ID_TOKEN, now()) is None
    trusting = connector(provider, registration=Registration("another", "", CALLBACK), exchange_audiences=(CLIENT_ID,))
    assert trusting.exchange(tokens["id_token"], ID_TOKEN, now()) == USER
    assert made.exchange(tokens["id_token"] + "x", ID_TOKEN, now()) is None
    assert made.exchange("no-jwt", ID_TOKEN, now()) is None


def test_an_access_token_is_taken_where_userinfo_says_whose_it_is_and_anybodys_will_do(
    provider: OpenIDProvider,
) -> None:
    made = connector(provider, get_user_info=True, exchange_audiences=("*",))
    tokens = tokens_of(provider, made)
    assert ACCESS_TOKEN in made.subject_token_types
    assert made.exchange(tokens["access_token"], ACCESS_TOKEN, now()) == USER
    assert made.exchange("made-up", ACCESS_TOKEN, now()) is None
    careful = connector(provider, get_user_info=True)
    assert ACCESS_TOKEN not in careful.subject_token_types
    assert careful.exchange(tokens["access_token"], ACCESS_TOKEN, now()) is None


def test_the_provider_ends_its_own_session_too(provider: OpenIDProvider) -> None:
    url = connector(provider).logout_url(CALLBACK, now())
    assert url.startswith(f"{provider.issuer}/session/end?")
    assert dict(parse_qsl(urlsplit(url).query))["post_logout_redirect_uri"] == CALLBACK
    assert requests.get(url, timeout=5).status_code == 200


def private_jwk(alg: str) -> dict[str, str]:
    """Return a new key for `alg`."""
    if alg == "ES256":
        return dict(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True))
    if alg == "EdDSA":
        return dict(OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True))
    jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True)
    return {name: value for name, value in jwk.items() if name != "key_ops"}


def tokens_of(provider: OpenIDProvider, made: OidcConnector) -> dict[str, str]:
    """Return the tokens of a login, as another client of the provider has them."""
    came_back = log_in_at(made.begin(OFFLINE, "a-state", now()).url)
    answer = requests.post(
        f"{provider.issuer}/token",
        {
            "grant_type": "authorization_code",
            "code": came_back["code"],
            "redirect_uri": CALLBACK,
            "code_verifier": verifier(OFFLINE),
        },
        auth=(CLIENT_ID, CLIENT_SECRET.replace(" ", "%20")),
        timeout=5,
    )
    return dict(answer.json())
