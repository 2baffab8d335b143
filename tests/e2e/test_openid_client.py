"""Every grant and every endpoint, by the npm package `openid-client`, whose authors know nothing of Sundial.

It verifies what it is answered: signature, issuer, audience, nonce, `c_hash`, `iss` and `state`. What it will not do,
Authlib does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import HybridIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.leak_watch import LEAKS
from tests.support.local_server import BANNER_END, LocalServer, local_server
from tests.support.openid_client import FOLDER, OpenIDClient, RefusedError, openid_client, url
from tests.support.relying_party import Browser

SECRETS = {"example-app": "ZXhhbXBsZS1hcHAtc2VjcmV0", "builds": "YnVpbGRzLXNlY3JldA"}
EMAIL, PASSWORD = "admin@example.com", "password"
CALLBACK, AFTERWARDS = "http://127.0.0.1:5555/callback", "http://127.0.0.1:5555/bye"
API = "https://api.example.com"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SCOPE = "openid email groups offline_access"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    state = tmp_path_factory.mktemp("openid-client") / "state"
    with local_server(state, "--config", str(FOLDER / "sundial.yaml")) as running:
        running.wait_for(BANNER_END)
        yield running


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[OpenIDClient]:
    """The application, which proves itself by HTTP Basic."""
    with openid_client(server.issuer, "example-app", SECRETS["example-app"], "client_secret_basic") as client:
        yield client


@pytest.fixture(scope="module")
def builds(server: LocalServer) -> Iterator[OpenIDClient]:
    """Another application, which proves itself in the body."""
    with openid_client(server.issuer, "builds", SECRETS["builds"], "client_secret_post") as client:
        yield client


@pytest.fixture(scope="module")
def tv(server: LocalServer) -> Iterator[OpenIDClient]:
    """A client without a secret, and without a browser."""
    with openid_client(server.issuer, "tv", None, "none") as client:
        yield client


class Login:
    """A login that the client begins, and what it checks of the outcome."""

    def __init__(self, client: OpenIDClient, **parameters: str) -> None:
        self.client, self.browser = client, Browser()
        self.verifier = client.call("randomPKCECodeVerifier")
        self.checks = {
            "pkceCodeVerifier": self.verifier,
            "expectedState": client.call("randomState"),
            "expectedNonce": client.call("randomNonce"),
            "idTokenExpected": True,
        }
        asked = {
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": self.checks["expectedState"],
            "nonce": self.checks["expectedNonce"],
            "code_challenge": client.call("calculatePKCECodeChallenge", self.verifier),
            "code_challenge_method": "S256",
        }
        self.address = client.call("buildAuthorizationUrl", asked | parameters)

    def outcome(self) -> dict[str, Any]:
        """Log in, allow it, and return what the browser brings to the client."""
        came_to = self.browser.open(self.address, CALLBACK, EMAIL, PASSWORD)
        return url(came_to, self.browser.posted or None)

    def tokens(self) -> dict[str, Any]:
        """Return the token response, which the library has verified."""
        tokens: dict[str, Any] = self.client.call("authorizationCodeGrant", self.outcome(), self.checks)
        return tokens


def by_password(client: OpenIDClient, **parameters: str) -> dict[str, Any]:
    """Return the tokens of a new login, without a browser."""
    form = {"username": EMAIL, "password": PASSWORD, "scope": SCOPE}
    tokens: dict[str, Any] = client.call("genericGrantRequest", "password", form | parameters)
    return tokens


def refused(client: OpenIDClient, name: str, *arguments: Any) -> str | None:
    with pytest.raises(RefusedError) as refusal:
        client.call(name, *arguments)
    return refusal.value.error


def test_it_logs_in_knows_the_user_refreshes_and_logs_out(client: OpenIDClient) -> None:
    tokens = Login(client).tokens()
    assert (tokens["claims"]["email"], tokens["claims"]["groups"]) == (EMAIL, ["ops"])
    user = client.call("fetchUserInfo", tokens["access_token"], tokens["claims"]["sub"])
    assert user == {"sub": tokens["claims"]["sub"], "email": EMAIL, "email_verified": True, "groups": ["ops"]}
    refreshed = client.call("refreshTokenGrant", tokens["refresh_token"], {"scope": "openid email"})
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    assert refreshed["claims"]["sub"] == tokens["claims"]["sub"]
    assert "groups" not in refreshed["claims"]
    asked = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTERWARDS, "state": "over"}
    leaving = client.call("buildEndSessionUrl", asked)
    assert Browser().open(leaving, AFTERWARDS, EMAIL) == f"{AFTERWARDS}?state=over"
    assert refused(client, "refreshTokenGrant", refreshed["refresh_token"]) == "invalid_grant"
    assert client.call("tokenIntrospection", tokens["access_token"]) == {"active": False}


def test_the_answer_to_a_login_may_be_posted(client: OpenIDClient) -> None:
    login = Login(client, response_mode="form_post")
    assert login.tokens()["claims"]["email"] == EMAIL
    assert login.browser.posted.keys() == {"code", "state", "iss"}


@pytest.mark.parametrize("mode", ["fragment", "form_post"])
def test_a_hybrid_login_brings_an_id_token_that_is_bound_to_its_code(server: LocalServer, mode: str) -> None:
    with openid_client(server.issuer, "example-app", SECRETS["example-app"], "client_secret_basic") as client:
        client.call("useCodeIdTokenResponseType")
        tokens = Login(client, response_mode=mode).tokens()
    assert tokens["claims"]["email"] == EMAIL
    assert "refresh_token" in tokens


@pytest.mark.parametrize("mode", ["fragment", "form_post"])
def test_an_id_token_alone_comes_by_the_browser(server: LocalServer, mode: str) -> None:
    with openid_client(server.issuer, "example-app", SECRETS["example-app"], "client_secret_basic") as client:
        client.call("useIdTokenResponseType")
        login = Login(client, response_mode=mode)
        nonce, state = login.checks["expectedNonce"], {"expectedState": login.checks["expectedState"]}
        claims = client.call("implicitAuthentication", login.outcome(), nonce, state)
    assert (claims["email"], claims["nonce"]) == (EMAIL, nonce)


def test_what_the_authorization_endpoint_refuses_is_the_clients_exception(client: OpenIDClient) -> None:
    login = Login(client, prompt="none")
    assert refused(client, "authorizationCodeGrant", login.outcome(), login.checks) == "login_required"


@pytest.mark.parametrize("response_type", ["token", "id_token token", "code token", "code id_token token"])
def test_access_tokens_that_come_by_the_browser_are_read_by_authlib(server: LocalServer, response_type: str) -> None:
    """openid-client won't: RFC 9700 §2.1.2 advises against them."""
    metadata = requests.get(f"{server.issuer}/.well-known/openid-configuration", timeout=30).json()
    session = OAuth2Session("example-app", SECRETS["example-app"], redirect_uri=CALLBACK, scope="openid email")
    address, state = session.create_authorization_url(
        metadata["authorization_endpoint"], response_type=response_type, nonce="n-0S6_WzA2Mj"
    )
    tokens = session.fetch_token(authorization_response=Browser().open(address, CALLBACK, EMAIL, PASSWORD), state=state)
    LEAKS.document(tokens)
    assert requests.get(metadata["userinfo_endpoint"], auth=session.token_auth, timeout=30).json()["email"] == EMAIL
    if "id_token" in response_type:
        keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
        decoded = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
        HybridIDToken(
            decoded.claims,
            decoded.header,
            {"iss": {"value": server.issuer}, "aud": {"value": "example-app"}},
            {"nonce": "n-0S6_WzA2Mj", "access_token": tokens["access_token"], "code": tokens.get("code")},
        ).validate()


def test_a_device_waits_for_its_person_and_gets_its_tokens(tv: OpenIDClient) -> None:
    codes = tv.call("initiateDeviceAuthorization", {"scope": SCOPE})
    tv.begin("pollDeviceAuthorizationGrant", codes)
    person = Browser()
    person.open(codes["verification_uri_complete"], "", EMAIL, PASSWORD)
    assert "Your device is connected" in person.pages[-1]
    tokens = tv.outcome()
    assert tokens["claims"]["aud"] == "tv"
    assert tv.call("refreshTokenGrant", tokens["refresh_token"])["claims"]["email"] == EMAIL
    assert refused(tv, "genericGrantRequest", DEVICE, {"device_code": codes["device_code"]}) == "invalid_grant"


def test_a_device_that_its_person_denies_hears_so(tv: OpenIDClient) -> None:
    codes = tv.call("initiateDeviceAuthorization", {"scope": "openid"})
    poll = DEVICE, {"device_code": codes["device_code"]}
    assert refused(tv, "genericGrantRequest", *poll) == "authorization_pending"
    person = Browser()
    person.answers = {"approval": "deny"}
    person.open(codes["verification_uri_complete"], "", EMAIL, PASSWORD)
    assert "The device was denied" in person.pages[-1]
    assert refused(tv, "genericGrantRequest", *poll) == "access_denied"


def test_a_client_gets_a_token_for_itself_and_for_its_api(client: OpenIDClient) -> None:
    tokens = client.call("clientCredentialsGrant", {"resource": API})
    told = client.call("tokenIntrospection", tokens["access_token"])
    assert (told["active"], told["sub"], told["aud"]) == (True, "example-app", API)
    assert refused(client, "clientCredentialsGrant", {"resource": "https://other.example.com"}) == "invalid_target"
    assert refused(client, "clientCredentialsGrant", {"scope": "offline_access"}) == "invalid_scope"


def test_an_api_that_nobody_here_wrote_takes_the_access_tokens_that_are_for_it_and_no_others(
    client: OpenIDClient,
) -> None:
    tokens, for_api = by_password(client), by_password(client, resource=API)
    claims = client.call("validateJwtAccessToken", for_api["access_token"], API)
    assert (claims["sub"], claims["client_id"]) == (tokens["claims"]["sub"], "example-app")
    assert client.call("validateJwtAccessToken", tokens["access_token"], "example-app")["scope"] == tokens["scope"]
    for token, audience in (
        (tokens["access_token"], API),
        (for_api["access_token"], "example-app"),
        (tokens["id_token"], "example-app"),
        (tokens["refresh_token"], "example-app"),
    ):
        with pytest.raises(RefusedError):
            client.call("validateJwtAccessToken", token, audience)


def test_a_public_client_has_no_token_for_itself(tv: OpenIDClient) -> None:
    assert refused(tv, "clientCredentialsGrant") == "unauthorized_client"


def test_a_password_is_exchanged_for_tokens(client: OpenIDClient) -> None:
    assert by_password(client)["claims"]["email"] == EMAIL
    wrong = {"username": EMAIL, "password": "wrong", "scope": "openid"}
    assert refused(client, "genericGrantRequest", "password", wrong) == "invalid_grant"


def test_a_token_is_exchanged_for_one_of_another_application(client: OpenIDClient, builds: OpenIDClient) -> None:
    subject = {"subject_token": by_password(client)["access_token"], "subject_token_type": ACCESS_TOKEN}
    actor = {"actor_token": client.call("clientCredentialsGrant")["access_token"], "actor_token_type": ACCESS_TOKEN}
    tokens = client.call("genericGrantRequest", EXCHANGE, {**subject, **actor, "audience": "builds"})
    assert (tokens["issued_token_type"], tokens["token_type"]) == (ACCESS_TOKEN, "bearer")
    told = builds.call("tokenIntrospection", tokens["access_token"])
    assert (told["active"], told["aud"], told["act"]) == (True, "builds", {"sub": "example-app"})
    assert refused(builds, "genericGrantRequest", EXCHANGE, subject) == "invalid_request"
    assert refused(client, "genericGrantRequest", EXCHANGE, {**subject, "audience": "tv"}) == "invalid_target"


def test_what_is_revoked_is_told_of_as_such_and_to_its_own_client_alone(
    client: OpenIDClient, builds: OpenIDClient
) -> None:
    tokens = by_password(client)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert client.call("tokenIntrospection", token)["active"] is True
        assert builds.call("tokenIntrospection", token) == {"active": False}
    builds.call("tokenRevocation", tokens["refresh_token"])
    assert refused(builds, "tokenRevocation", tokens["access_token"]) == "unauthorized_client"
    assert client.call("tokenIntrospection", tokens["access_token"])["active"] is True
    client.call("tokenRevocation", tokens["access_token"])
    assert client.call("tokenIntrospection", tokens["access_token"]) == {"active": False}
    client.call("tokenRevocation", tokens["refresh_token"], {"token_type_hint": "refresh_token"})
    assert refused(client, "refreshTokenGrant", tokens["refresh_token"]) == "invalid_grant"


def test_a_client_that_does_not_know_its_secret_hears_so(server: LocalServer) -> None:
    with openid_client(server.issuer, "example-app", "wrong", "client_secret_basic") as stranger:
        for name, *arguments in (
            ("clientCredentialsGrant",),
            ("tokenIntrospection", "x"),
            ("tokenRevocation", "x"),
            ("initiateDeviceAuthorization", {"scope": "openid"}),
        ):
            with pytest.raises(RefusedError) as refusal:
                stranger.call(name, *arguments)
            assert refusal.value.status == 401
