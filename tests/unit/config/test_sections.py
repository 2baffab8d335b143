"""The sections that are about the whole deployment, one test a rule."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sundial.config.model import Expiry, Frontend, OAuth2, Signing, Web
from sundial.config.problems import Severity
from sundial.config.reader import read
from sundial.expiry.policies import OnReplay, RefreshTokenSettings
from tests.support.config import MINIMAL, make_config, problems_of, the_problem, without_problems


def issuer_of(issuer: str) -> str:
    return f"issuer: '{issuer}'\nenablePasswordDB: true\n"


# issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "https://id.example.com",
        "https://id.example.com/dex",
        "https://id.example.com/",
        "https://id.example.com:8443/dex/",
        "http://127.0.0.1:5556/dex",
        "http://localhost:8080",
        "http://[::1]:8080",
    ],
)
def test_an_issuer_is_https_or_http_on_loopback_and_is_kept_letter_by_letter(issuer: str) -> None:
    assert without_problems(issuer_of(issuer)).issuer == issuer


@pytest.mark.parametrize(
    ("issuer", "message"),
    [
        ("http://id.example.com", "is http on a host that is not loopback"),
        ("http://127.0.0.1.example.com", "is http on a host that is not loopback"),
        ("https://id.example.com?x=1", "carries a query or a fragment"),
        ("https://id.example.com/#x", "carries a query or a fragment"),
        ("https://user@id.example.com", "carries a user or a password"),
        ("id.example.com", "is not an absolute http or https URL"),
        ("ftp://id.example.com", "is not an absolute http or https URL"),
        ("https://", "is not an absolute http or https URL"),
        ("https://id.example.com/a b", "is not an absolute http or https URL"),
        ("https://id.example.com:port", "is not a URL"),
        ("https://[::1", "is not a URL"),
    ],
)
def test_another_issuer_is_an_error(issuer: str, message: str) -> None:
    problem = the_problem(issuer_of(issuer))
    assert (problem.line, problem.key, problem.message) == (1, "issuer", message)
    assert problem.remedy


@pytest.mark.parametrize("issuer", [{}, {"issuer": None}, {"issuer": ""}])
def test_a_file_without_an_issuer_is_an_error(issuer: dict[str, str | None]) -> None:
    _, problems = read({"enablePasswordDB": True, **issuer}, {}, {})
    assert [(problem.key, problem.message) for problem in problems] == [("issuer", "is missing")]


@pytest.mark.parametrize("issuer", ["https://id.example.com/dex", "https://id.example.com/dex/"])
def test_urls_are_made_under_the_issuers_path_whether_or_not_it_ends_with_a_slash(issuer: str) -> None:
    assert without_problems(issuer_of(issuer)).url("/token") == "https://id.example.com/dex/token"


# expiry


def test_an_empty_expiry_is_dexs_default() -> None:
    assert without_problems("expiry: {}").expiry == Expiry(
        id_tokens=timedelta(hours=24),
        auth_requests=timedelta(hours=24),
        auth_codes=timedelta(seconds=60),
        device_requests=timedelta(minutes=5),
        signing_keys=timedelta(hours=6),
        refresh_tokens=RefreshTokenSettings(),
    )


def test_every_setting_of_expiry_is_read() -> None:
    text = """
expiry:
  idTokens: 1h
  authRequests: 30m
  authCodes: 2m
  deviceRequests: 10m
  signingKeys: 12h
  refreshTokens:
    disableRotation: true
    reuseInterval: 3s
    validIfNotUsedFor: 2160h
    absoluteLifetime: 3960h
    onReplay: reject
"""
    assert without_problems(text).expiry == Expiry(
        id_tokens=timedelta(hours=1),
        auth_requests=timedelta(minutes=30),
        auth_codes=timedelta(minutes=2),
        device_requests=timedelta(minutes=10),
        signing_keys=timedelta(hours=12),
        refresh_tokens=RefreshTokenSettings(
            disable_rotation=True,
            reuse_interval=timedelta(seconds=3),
            valid_if_not_used_for=timedelta(days=90),
            absolute_lifetime=timedelta(days=165),
            on_replay=OnReplay.REJECT,
        ),
    )


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("idTokens: 90d", "has the unknown unit 'd'", "'2160h'"),
        ("idTokens: 10", "has a number without a unit", "'10s', '10m' or '10h'"),
        ("idTokens: 1.5", "has a number without a unit", "'1.5s', '1.5m' or '1.5h'"),
        ("idTokens: -5m", "is negative", "'5m'"),
        ("idTokens: true", "is true or false where text belongs", "in quotes"),
        ("idTokens: 0", "is shorter than 1s", "'1s' or longer"),
        ("idTokens: 500ms", "is shorter than 1s", "leave it out for the default"),
        ("authRequests: 0s", "is shorter than 1s", "'1s' or longer"),
        ("deviceRequests: 0", "is shorter than 1s", "'1s' or longer"),
        ("signingKeys: 5m", "is shorter than 10m", "'10m' or longer"),
        ("authCodes: 11m", "is longer than ten minutes (RFC 6749 §4.1.2)", "'60s', or at most '10m'"),
    ],
)
def test_a_lifetime_that_makes_no_sense_is_an_error(text: str, message: str, remedy: str) -> None:
    problem = the_problem(f"expiry: {{{text}}}")
    assert problem.message == message
    assert remedy in problem.remedy


@pytest.mark.parametrize("limit", ["0", "0s", "'0'"])
def test_a_limit_of_zero_is_dexs_unset(limit: str) -> None:
    config = without_problems(f"expiry: {{refreshTokens: {{absoluteLifetime: {limit}, reuseInterval: {limit}}}}}")
    assert config.expiry.refresh_tokens.absolute_lifetime == timedelta(0)


def test_rotation_may_only_be_off_where_something_ends_the_token() -> None:
    problem = the_problem("expiry: {refreshTokens: {disableRotation: true, reuseInterval: 3s}}")
    assert (problem.key, problem.value) == ("expiry.refreshTokens.disableRotation", "true")
    assert "set validIfNotUsedFor or absoluteLifetime" in problem.remedy


@pytest.mark.parametrize("limit", ["validIfNotUsedFor", "absoluteLifetime"])
def test_one_limit_is_enough_without_rotation(limit: str) -> None:
    assert without_problems(f"expiry: {{refreshTokens: {{disableRotation: true, {limit}: 1h}}}}")


def test_what_a_replay_costs_is_one_of_two_words() -> None:
    assert the_problem("expiry: {refreshTokens: {onReplay: revok}}").remedy == "did you mean 'revoke'?"


# oauth2


def test_an_empty_oauth2_is_what_is_served() -> None:
    assert without_problems("oauth2: {grantTypes: [], responseTypes: [], pkce: {}}").oauth2 == OAuth2()


def test_every_served_setting_of_oauth2_is_read() -> None:
    text = """
oauth2:
  grantTypes: [authorization_code]
  responseTypes: [code]
  skipApprovalScreen: true
  alwaysShowLoginScreen: yes
  pkce: {enforce: on, codeChallengeMethodsSupported: [S256, S256]}
"""
    oauth2 = without_problems(text).oauth2
    assert oauth2.grant_types == ("authorization_code",)
    assert oauth2.skip_approval_screen
    assert oauth2.always_show_login_screen
    assert oauth2.pkce.enforce
    assert oauth2.pkce.code_challenge_methods == ("S256",)


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("grantTypes: [authorisation_code]", "oauth2.grantTypes[0]", "did you mean 'authorization_code'?"),
        ("grantTypes: [pasword]", "oauth2.grantTypes[0]", "did you mean 'password'?"),
        ("responseTypes: [codes]", "oauth2.responseTypes[0]", "did you mean 'code'?"),
        ("pkce: {codeChallengeMethodsSupported: [s256]}", "oauth2.pkce.codeChallengeMethodsSupported[0]", "'S256'?"),
    ],
)
def test_an_unknown_flow_is_an_error_with_the_nearest_match(text: str, key: str, remedy: str) -> None:
    problem = the_problem(f"oauth2: {{{text}}}")
    assert (problem.key, problem.message) == (key, "is unknown")
    assert remedy in problem.remedy


def test_without_grant_types_every_grant_is_served_that_needs_no_setting() -> None:
    assert without_problems("").oauth2.grant_types == (
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:device_code",
    )


@pytest.mark.parametrize(
    ("stated", "served"),
    [
        ("[code]", ["code"]),
        ("[code, id_token]", ["code", "id_token", "code id_token"]),
        (
            "[code, token, id_token]",
            ["code", "id_token", "token", "id_token token", "code id_token", "code token", "code id_token token"],
        ),
        ("[code id_token]", ["code id_token"]),
        ("[code, id_token token]", ["code", "id_token token"]),
    ],
)
def test_response_types_are_served_by_themselves_and_together_or_as_they_stand(stated: str, served: list[str]) -> None:
    assert list(without_problems(f"oauth2: {{responseTypes: {stated}}}").oauth2.served_response_types) == served


@pytest.mark.parametrize("stated", ["", ", grantTypes: [authorization_code, implicit]"])
@pytest.mark.parametrize("response_types", ["[code, token]", "[id_token]", "[code token]"])
def test_the_implicit_grant_is_served_by_what_response_types_say(response_types: str, stated: str) -> None:
    oauth2 = without_problems(f"oauth2: {{responseTypes: {response_types}{stated}}}").oauth2
    assert oauth2.grant_types[-1] == "implicit"


def test_an_implicit_grant_without_a_response_type_for_it_is_a_warning() -> None:
    problem = the_problem("oauth2: {grantTypes: [authorization_code, implicit]}")
    assert (problem.severity, problem.key) == (Severity.WARNING, "oauth2.grantTypes")


@pytest.mark.parametrize("grant", ["implicit", "password"])
def test_grants_of_which_none_is_served_are_an_error(grant: str) -> None:
    problems = problems_of(f"oauth2: {{grantTypes: [{grant}]}}")
    [error] = [problem for problem in problems if problem.severity is Severity.ERROR]
    assert (error.key, error.message) == ("oauth2.grantTypes", "leaves nothing that is served")


def test_the_password_grant_is_served_where_there_is_a_connector_for_it() -> None:
    oauth2 = without_problems("oauth2: {passwordConnector: local}").oauth2
    assert oauth2.password_connector == "local"
    assert oauth2.grant_types[-1] == "password"
    stated = without_problems("oauth2: {passwordConnector: local, grantTypes: [password]}").oauth2
    assert stated.grant_types == ("password",)


def test_the_password_grant_without_a_connector_is_left_out_with_a_warning() -> None:
    text = "oauth2: {grantTypes: [refresh_token, password]}"
    problem = the_problem(text)
    assert (problem.severity, problem.key) == (Severity.WARNING, "oauth2.grantTypes")
    assert make_config(MINIMAL + text).oauth2.grant_types == ("refresh_token",)


def test_a_password_connector_that_no_grant_uses_is_a_warning() -> None:
    problem = the_problem("oauth2: {passwordConnector: local, grantTypes: [refresh_token]}")
    assert (problem.severity, problem.key) == (Severity.WARNING, "oauth2.passwordConnector")


def test_a_password_connector_must_be_there_and_check_passwords() -> None:
    problem = the_problem("oauth2: {passwordConnector: loacl}")
    assert (problem.message, problem.remedy) == ("is not the id of a connector", "did you mean 'local'?")
    for proxy in ("type: mockCallback", "type: gitea", "type: mockPassword, grantTypes: [authorization_code]"):
        text = f"connectors: [{{{proxy}, id: proxy, name: Proxy}}]\noauth2: {{passwordConnector: proxy}}"
        problem = next(one for one in problems_of(text) if one.key == "oauth2.passwordConnector")
        assert problem.message.startswith("is a connector that checks no passwords")
        assert problem.remedy == "use local"


# signing, and Dex's signer


def test_keys_are_rs256_three_hours_ahead_unless_the_file_says_otherwise() -> None:
    assert without_problems("").signing == Signing(
        algorithms=("RS256",), publish_ahead=timedelta(hours=3), signer="secret"
    )


def test_every_setting_of_signing_is_read() -> None:
    signing = without_problems("signing: {algorithms: [ES256, RS256], publishAhead: 24h, signer: secret}").signing
    assert signing == Signing(algorithms=("ES256", "RS256"), publish_ahead=timedelta(hours=24))


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512"])
def test_no_token_is_unsigned_or_signed_by_a_secret(algorithm: str) -> None:
    problem = the_problem(f"signing: {{algorithms: ['{algorithm}']}}")
    assert (problem.severity, problem.key) == (Severity.ERROR, "signing.algorithms[0]")


def test_an_unknown_algorithm_is_an_error_with_the_nearest_match() -> None:
    assert the_problem("signing: {algorithms: [RS265]}").remedy == "did you mean 'RS256'?"


def test_a_key_is_published_no_shorter_ahead_than_the_functions_themselves_cache() -> None:
    assert the_problem("signing: {publishAhead: 1m}").message == "is shorter than 10m"


def test_dexs_local_signer_gives_the_period_and_the_algorithm() -> None:
    text = "expiry: {signingKeys: 6h}\nsigner: {type: local, config: {keysRotationPeriod: 12h, algorithm: ES256}}"
    config = without_problems(text)
    assert config.expiry.signing_keys == timedelta(hours=12)
    assert config.signing.algorithms == ("ES256",)


def test_signing_wins_over_the_signer_and_may_not_contradict_it() -> None:
    agreeing = "signing: {algorithms: [RS256, ES256]}\nsigner: {type: local, config: {algorithm: ES256}}"
    assert without_problems(agreeing).signing.algorithms == ("RS256", "ES256")
    contradicting = "signing: {algorithms: [RS256]}\nsigner: {type: local, config: {algorithm: ES256}}"
    assert the_problem(contradicting).message == "leaves out ES256, which signer.config.algorithm asks for"


# web


def test_every_setting_of_web_is_read() -> None:
    text = """
web:
  allowedOrigins: ['*', https://app.example.com, http://localhost:3000]
  allowedHeaders: [X-Requested-With]
  headers: {x-frame-options: DENY, Content-Security-Policy: '', Referrer-Policy: same-origin}
"""
    assert without_problems(text).web == Web(
        allowed_origins=("*", "https://app.example.com", "http://localhost:3000"),
        allowed_headers=("X-Requested-With",),
        headers={"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"},
    )


@pytest.mark.parametrize(
    "origin", ["https://app.example.com/", "app.example.com", "https://*.example.com", "HTTPS://x"]
)
def test_what_no_browser_sends_as_origin_is_an_error(origin: str) -> None:
    problem = the_problem(f"web: {{allowedOrigins: ['{origin}']}}")
    assert (problem.message, problem.value) == ("is not an origin", origin)


def test_a_header_name_with_a_space_is_an_error() -> None:
    assert the_problem("web: {allowedHeaders: ['X Y']}").message == "is not the name of a header"


def test_a_response_header_that_is_not_one_of_the_known_is_an_error_with_the_nearest_match() -> None:
    problem = the_problem("web: {headers: {X-Frame-Option: DENY}}")
    assert problem.key == "web.headers.X-Frame-Option"
    assert problem.remedy == "did you mean 'X-Frame-Options'?"


def test_a_response_header_is_one_line() -> None:
    problem = the_problem('web: {headers: {X-Frame-Options: "DENY\\r\\nSet-Cookie: a"}}')
    assert problem.message == "holds a line break or something else than printable ASCII"


# frontend


def test_every_setting_of_frontend_is_read() -> None:
    text = "frontend: {issuer: My Company, logoURL: https://example.com/logo.png, theme: dark, dir: theme}"
    assert without_problems(text).frontend == Frontend(
        issuer="My Company", logo_url="https://example.com/logo.png", theme="dark", dir="theme"
    )


@pytest.mark.parametrize("theme", ["coreos", "tectonic"])
def test_the_old_names_of_dexs_theme_are_its_light_one(theme: str) -> None:
    assert without_problems(f"frontend: {{theme: {theme}}}").frontend.theme == "light"


def test_a_misspelt_theme_is_an_error_with_the_nearest_match() -> None:
    assert the_problem("frontend: {theme: drak}").remedy == "did you mean 'dark'?"


def test_a_logo_that_dex_would_serve_from_its_folder_is_a_warning() -> None:
    problem = the_problem("frontend: {logoURL: theme/logo.png}")
    assert problem.severity is Severity.WARNING
    assert problem.message == "is not an absolute URL, and no file is served here"


# logger


@pytest.mark.parametrize(
    ("level", "python"),
    [("debug", "DEBUG"), ("INFO", "INFO"), ("Warn", "WARNING"), ("error", "ERROR")],
)
def test_a_log_level_is_dexs_in_any_case(level: str, python: str) -> None:
    assert without_problems(f"logger: {{level: {level}}}").log_level == python


def test_an_unknown_log_level_is_an_error_with_the_nearest_match() -> None:
    assert the_problem("logger: {level: warning}").remedy == "did you mean 'warn'?"


# What means nothing without a server.


def test_what_means_nothing_without_a_server_is_named_in_one_warning() -> None:
    text = """
storage: {type: kubernetes, config: {inCluster: true}}
web: {http: 0.0.0.0:5556, https: 0.0.0.0:5554, tlsCert: a, tlsKey: b, tlsMinVersion: '1.2', tlsMaxVersion: '1.3'}
grpc: {addr: 127.0.0.1:5557}
telemetry: {http: 0.0.0.0:5558}
logger: {level: info, format: json}
frontend: {extra: {a: b}}
"""
    problem = the_problem(text)
    assert (problem.severity, problem.line, problem.key) == (Severity.WARNING, 4, "storage")
    assert problem.message == (
        "means nothing without a server; nor do web.http, web.https, web.tlsCert, web.tlsKey, web.tlsMaxVersion,"
        " web.tlsMinVersion, grpc, telemetry, logger.format, frontend.extra"
    )


def test_a_file_that_only_serves_says_nothing_of_servers() -> None:
    assert without_problems(MINIMAL)
