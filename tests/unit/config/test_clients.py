"""`staticClients[]`, one test a rule."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from sundial.config.model import Client, ClientExpiry
from sundial.config.problems import HIDDEN, Severity
from sundial.expiry.policies import RefreshTokenSettings
from tests.support.config import problems_of, the_problem, without_problems

DIGEST = hashlib.sha256(b"correct horse battery staple").digest()
PUBLIC = "id: a, public: true"


def client(settings: str) -> str:
    return f"staticClients: [{{{settings}}}]"


def test_every_served_setting_of_a_client_is_read() -> None:
    text = f"""
signing: {{algorithms: [RS256, ES256]}}
staticClients:
  - id: app
    name: The App
    secretHash: {DIGEST.hex().upper()}
    redirectURIs: [https://app.example.com/callback, "https://app.example.com/other?x=1"]
    logoURL: https://app.example.com/logo.png
    allowedConnectors: [local]
    idTokenSignedResponseAlg: ES256
    refreshTokenLifetime: standalone
    expiry:
      idTokens: 10m
      refreshTokens: {{absoluteLifetime: 24h}}
"""
    assert without_problems(text).clients["app"] == Client(
        id="app",
        name="The App",
        secret_sha256=DIGEST,
        redirect_uris=("https://app.example.com/callback", "https://app.example.com/other?x=1"),
        logo_url="https://app.example.com/logo.png",
        allowed_connectors=("local",),
        id_token_signed_response_alg="ES256",
        expiry=ClientExpiry(timedelta(minutes=10), RefreshTokenSettings(absolute_lifetime=timedelta(hours=24))),
    )


# id


def test_a_client_without_a_name_is_shown_by_its_id() -> None:
    assert without_problems(client(PUBLIC)).clients["a"].name == "a"


def test_an_id_may_come_from_a_variable() -> None:
    config = without_problems(client("idEnv: APP_ID, public: true"), {"APP_ID": "app"})
    assert list(config.clients) == ["app"]


@pytest.mark.parametrize(
    ("settings", "key", "message"),
    [
        ("public: true", "id", "is missing"),
        ("id: a, idEnv: APP_ID, public: true", "idEnv", "stands beside id"),
        ("id: é, public: true", "id", "holds something else than printable ASCII (RFC 6749 appendix A.1)"),
        ("idEnv: NOWHERE, public: true", "idEnv", "the environment variable NOWHERE is not set"),
        ("idEnv: $APP_ID, public: true", "idEnv", "is not the name of a variable"),
    ],
)
def test_a_client_has_one_id(settings: str, key: str, message: str) -> None:
    problem = the_problem(client(settings), {"APP_ID": "app"})
    assert (problem.key, problem.message) == (f"staticClients[0].{key}", message)
    assert problem.remedy


def test_two_clients_with_one_id_are_an_error_at_the_second() -> None:
    problem = the_problem(f"staticClients:\n  - {{{PUBLIC}}}\n  - idEnv: APP_ID\n    public: true\n", {"APP_ID": "a"})
    assert (problem.key, problem.line) == ("staticClients[1].idEnv", 5)
    assert problem.message == "is an earlier client's too"


# secret


@pytest.mark.parametrize(
    "settings", [f"secretHash: {DIGEST.hex()}", "secretHash: $APP_SECRET_HASH", "secretEnv: APP_SECRET"]
)
def test_a_secret_is_kept_as_its_digest_alone(settings: str) -> None:
    environment = {"APP_SECRET": "correct horse battery staple", "APP_SECRET_HASH": DIGEST.hex()}
    config = without_problems(client(f"id: a, {settings}"), environment)
    assert config.clients["a"].secret_sha256 == DIGEST
    assert "horse" not in repr(config)
    assert DIGEST.hex() not in repr(config)
    assert repr(DIGEST) not in repr(config)


def test_a_secret_in_clear_is_a_warning_with_the_remedy() -> None:
    problem = the_problem(client("id: a, secret: correct horse battery staple"))
    assert (problem.severity, problem.message, problem.value) == (Severity.WARNING, "is a secret in clear", HIDDEN)
    assert "secretHash" in problem.remedy
    assert "sundial config hash-secret" in problem.remedy


def test_a_secret_may_hold_dollar_signs() -> None:
    assert the_problem(client("id: a, secret: pa$$word$NAME")).severity is Severity.WARNING


def test_a_secret_that_looks_like_a_variable_is_an_error_since_dex_would_take_it_literally() -> None:
    problem = the_problem(client("id: a, secret: $APP_SECRET"), {"APP_SECRET": "x"})
    assert (problem.severity, problem.value) == (Severity.ERROR, HIDDEN)
    assert "secretEnv: NAME" in problem.remedy


@pytest.mark.parametrize("digest", ["abc", "g" * 64, "a" * 63, "a" * 65])
def test_a_secret_hash_is_64_hexadecimal_digits(digest: str) -> None:
    problem = the_problem(client(f"id: a, secretHash: {digest}"))
    assert problem.message == "is not 64 hexadecimal digits, a SHA-256 digest"


def test_a_client_that_is_not_public_needs_a_secret() -> None:
    problem = the_problem(client("id: a"))
    assert (problem.key, problem.message) == ("staticClients[0].secretHash", "is missing")
    assert "public: true" in problem.remedy


def test_a_public_client_has_no_secret() -> None:
    problem = the_problem(client(f"{PUBLIC}, secretHash: {DIGEST.hex()}"))
    assert problem.message == "belongs to a client that is public, which has no secret"


def test_a_secret_is_stated_once() -> None:
    problem = the_problem(client(f"id: a, secretHash: {DIGEST.hex()}, secretEnv: APP_SECRET"))
    assert (problem.key, problem.message) == ("staticClients[0].secretEnv", "stands beside secretHash")


@pytest.mark.parametrize(("deferred", "severity"), [(False, Severity.ERROR), (True, Severity.NOTE)])
def test_a_secrets_variable_must_be_set_where_the_function_runs(deferred: bool, severity: Severity) -> None:
    problem = the_problem(client("id: a, secretEnv: APP_SECRET"), deferred=deferred)
    assert problem.severity is severity
    assert "APP_SECRET is not set" in problem.message


# redirectURIs


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example.com/callback",
        "https://app.example.com:8443/callback?x=1",
        "http://127.0.0.1:5555/callback",
        "http://localhost/callback",
        "http://[::1]:5555/callback",
    ],
)
def test_a_redirect_uri_is_https_or_http_on_loopback(uri: str) -> None:
    assert without_problems(client(f"{PUBLIC}, redirectURIs: ['{uri}']")).clients["a"].redirect_uris == (uri,)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("app.example.com/callback", "is not an absolute URI"),
        ("/callback", "is not an absolute URI"),
        ("//app.example.com/device/callback", "is not an absolute URI"),
        ("localhost:5555/callback", "is not an absolute URI"),
        ("https:///callback", "is not an absolute URI"),
        ("https://app.example.com/call back", "is not an absolute URI"),
        ("https://[::1/callback", "is not a URI"),
        ("https://app.example.com/callback#x", "carries a fragment (RFC 6749 §3.1.2)"),
        ("https://app.example.com/#", "carries a fragment (RFC 6749 §3.1.2)"),
        ("https://*.example.com/", "holds a wildcard, and URIs are compared exactly (RFC 9700 §2.1)"),
        ("javascript:alert(1)", "has the scheme javascript, which leads to no client"),
        ("DATA:text/html,x", "has the scheme data, which leads to no client"),
        ("urn:ietf:wg:oauth:2.0:oob", "is not supported: a code that is copied by hand is easily phished"),
    ],
)
def test_a_redirect_uri_that_can_lead_to_no_client_is_an_error(uri: str, message: str) -> None:
    problem = the_problem(client(f"{PUBLIC}, redirectURIs: ['https://ok.example.com/', '{uri}']"))
    assert (problem.severity, problem.key) == (Severity.ERROR, "staticClients[0].redirectURIs[1]")
    assert (problem.message, problem.value) == (message, uri)
    assert problem.remedy


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://app.example.com/callback", "is http, so that anybody on the way can take the code"),
        ("com.example.app:/callback", "has a scheme that any app may claim (RFC 8252 §8.4)"),
        ("myapp://callback", "has a scheme that any app may claim (RFC 8252 §8.4)"),
        ("/device/callback", "is Dex's way to let a client use the device flow, which needs no redirect here"),
        ("/dex/device/callback", "is Dex's way to let a client use the device flow, which needs no redirect here"),
    ],
)
def test_a_redirect_uri_that_is_unwise_or_of_no_use_is_a_warning(uri: str, message: str) -> None:
    problem = the_problem(client(f"{PUBLIC}, redirectURIs: ['{uri}']"))
    assert (problem.severity, problem.message) == (Severity.WARNING, message)


# What its tokens may be for, and what they say of itself.


def test_peers_resources_and_its_own_groups_are_read() -> None:
    text = """\
staticClients:
  - id: a
    secretHash: cd4e57bc33d9c976fa33a2c9a2aea3a57a829b84a68a1f99d3002c18893d976a
    trustedPeers: [b]
    resources: [https://api.example.com/v1, "urn:example:api"]
    clientCredentialsClaims: {groups: [ops]}
  - {id: b, public: true}
"""
    a = without_problems(text).clients["a"]
    assert a.trusted_peers == ("b",)
    assert a.resources == ("https://api.example.com/v1", "urn:example:api")
    assert a.own_groups == ("ops",)


@pytest.mark.parametrize("resource", ["api", "/api", "https://api.example.com/#x", "https://a b", "https:", "ü:x"])
def test_a_resource_is_an_absolute_uri_without_a_fragment(resource: str) -> None:
    problem = the_problem(client(f"{PUBLIC}, resources: ['{resource}']"))
    assert problem.key == "staticClients[0].resources[0]"
    assert problem.message == "is not an absolute URI without a fragment (RFC 8707 §2)"


def test_a_trusted_peer_that_the_file_does_not_know_is_a_warning_for_it_may_be_one_of_the_table() -> None:
    problem = the_problem("staticClients: [{id: builds, public: true, trustedPeers: [biulds]}]")
    assert (problem.severity, problem.key) == (Severity.WARNING, "staticClients[0].trustedPeers[0]")
    assert problem.remedy == "did you mean 'builds'?"


def test_a_public_client_has_no_tokens_for_itself_and_so_no_groups_in_them() -> None:
    problem = the_problem(client(f"{PUBLIC}, clientCredentialsClaims: {{groups: [ops]}}"))
    assert problem.key == "staticClients[0].clientCredentialsClaims"


# What must fit the rest of the file.


def test_allowed_connectors_must_exist() -> None:
    problem = the_problem(client(f"{PUBLIC}, allowedConnectors: [local, loacl]"))
    assert problem.key == "staticClients[0].allowedConnectors[1]"
    assert (problem.message, problem.remedy) == ("is not the id of a connector", "did you mean 'local'?")


@pytest.mark.parametrize("algorithm", ["ES256", "none", "RS384"])
def test_the_algorithm_of_id_tokens_must_be_one_that_there_are_keys_for(algorithm: str) -> None:
    problem = the_problem(client(f"{PUBLIC}, idTokenSignedResponseAlg: {algorithm}"))
    assert problem.message == "is not one of signing.algorithms"
    assert problem.remedy == "use RS256, or add it to signing.algorithms"


def test_a_client_may_not_take_both_rotation_and_the_end_from_its_tokens() -> None:
    problem = the_problem(client(f"{PUBLIC}, expiry: {{refreshTokens: {{disableRotation: true}}}}"))
    assert problem.key == "staticClients[0].expiry.refreshTokens.disableRotation"
    assert problem.message == "leaves refresh tokens with neither rotation nor an end"


def test_a_client_may_not_take_the_only_limit_away_from_tokens_without_rotation() -> None:
    text = "expiry: {refreshTokens: {disableRotation: true, absoluteLifetime: 1h}}\n"
    problem = the_problem(text + client(f"{PUBLIC}, expiry: {{refreshTokens: {{absoluteLifetime: '0'}}}}"))
    assert problem.key == "staticClients[0].expiry.refreshTokens"


def test_a_client_is_not_blamed_for_what_the_global_settings_get_wrong() -> None:
    text = "expiry: {refreshTokens: {disableRotation: true}}\n"
    text += client(f"{PUBLIC}, expiry: {{refreshTokens: {{reuseInterval: 3s}}}}")
    assert [problem.key for problem in problems_of(text)] == ["expiry.refreshTokens.disableRotation"]


def test_a_client_inherits_a_global_limit_when_it_turns_rotation_off() -> None:
    text = "expiry: {refreshTokens: {absoluteLifetime: 1h}}\n"
    text += client(f"{PUBLIC}, expiry: {{refreshTokens: {{disableRotation: true}}}}")
    config = without_problems(text)
    policy = config.refresh_policy(config.clients["a"], "local")
    assert policy.disable_rotation
    assert policy.absolute_lifetime == timedelta(hours=1)
