"""The settings of the connectors that log in elsewhere: Dex's keys, each checked, and no secret shown."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sundial.config.problems import Severity
from sundial.connectors.github import GitHubSettings, Org
from sundial.connectors.gitlab import GitLabSettings
from sundial.connectors.google import GoogleSettings
from sundial.connectors.microsoft import MicrosoftSettings
from sundial.connectors.mock import MockPasswordSettings
from sundial.connectors.oauth import Keys, OAuthSettings
from sundial.connectors.oidc import OidcSettings
from sundial.connectors.registry import SERVED
from tests.support.certificates import authority
from tests.support.config import problems_of, the_problem, without_problems

SECRETS = {"SECRET": "hunter2hunter2", "ID": "an-id", "ACCOUNT": "{}"}
CLIENT = "clientID: $ID, clientSecret: $SECRET"
CALLBACK = "https://id.example.com/callback"
NEEDED = {
    "github": CLIENT,
    "gitlab": CLIENT,
    "google": CLIENT,
    "microsoft": CLIENT,
    "oidc": f"{CLIENT}, issuer: https://up.example.com",
    "oauth": f"{CLIENT}, authorizationURL: https://up/a, tokenURL: https://up/t, userInfoURL: https://up/u",
    "mockCallback": "",
    "mockPassword": "username: kilgore, password: $SECRET",
}


def file_of(type: str, config: str = "") -> str:
    both = ", ".join(filter(None, (NEEDED[type], config)))
    return f"connectors:\n  - type: {type}\n    id: up\n    name: Up\n    config: {{{both}}}\n"


def settings_of(type: str, config: str = "") -> Any:
    return without_problems(file_of(type, config), SECRETS).connectors[0].config


def problem_of(type: str, config: str) -> tuple[Severity, str, str]:
    problem = the_problem(file_of(type, config), SECRETS)
    assert problem.remedy
    return problem.severity, problem.key.removeprefix("connectors[0].config."), problem.message


def test_every_connector_that_is_served_here_is_read_with_as_little_as_it_needs() -> None:
    for type in NEEDED:
        assert type in SERVED
        settings_of(type)


@pytest.mark.parametrize("type", NEEDED)
def test_a_misspelt_key_is_an_error_with_its_line(type: str) -> None:
    problem = the_problem(file_of(type, "clientIDs: x"), SECRETS)
    assert (problem.severity, problem.line) == (Severity.ERROR, 7)
    assert problem.key == "connectors[0].config.clientIDs"


@pytest.mark.parametrize("type", ["github", "gitlab", "google", "microsoft", "oidc", "oauth"])
class TestOAuthClients:
    def test_a_secret_in_clear_is_a_warning_that_does_not_show_it(self, type: str) -> None:
        text = file_of(type).replace("$SECRET", "hunter2hunter2")
        problem = the_problem(text, SECRETS)
        assert (problem.severity, problem.message) == (Severity.WARNING, "is a secret in clear")
        assert "hunter2" not in str(problem)
        assert "$NAME" in problem.remedy

    def test_a_secret_is_taken_from_the_environment_and_never_shown(self, type: str) -> None:
        settings = settings_of(type)
        assert settings.registration.client_secret == "hunter2hunter2"
        assert settings.registration.client_id == "an-id"
        assert "hunter2" not in repr(settings)

    def test_where_the_file_is_checked_the_secret_need_not_be_there(self, type: str) -> None:
        problems = problems_of(file_of(type), deferred=True)
        assert {problem.severity for problem in problems} == {Severity.NOTE}

    def test_the_redirect_uri_is_the_issuers_callback(self, type: str) -> None:
        assert settings_of(type).registration.redirect_uri == CALLBACK
        for uri in (CALLBACK, f"{CALLBACK}/up"):
            assert settings_of(type, f"redirectURI: {uri}").registration.redirect_uri == uri
        assert problem_of(type, "redirectURI: https://dex.example.com/callback") == (
            Severity.ERROR,
            "redirectURI",
            "is not this issuer's callback",
        )

    def test_a_client_without_an_id_is_an_error(self, type: str) -> None:
        problem = the_problem(file_of(type).replace("clientID: $ID, ", ""), SECRETS)
        assert (problem.key, problem.message) == ("connectors[0].config.clientID", "is missing")


def test_a_file_of_dexs_for_oidc() -> None:
    settings = settings_of(
        "oidc",
        "scopes: [profile, email, groups, offline_access], basicAuthUnsupported: true, getUserInfo: true,"
        " insecureSkipEmailVerified: true, insecureEnableGroups: true, allowedGroups: [ops], acrValues: [phr],"
        " userIDKey: uid, userNameKey: nickname, promptType: login, hostedDomains: [example.com], pkceChallenge: S256,"
        " claimMapping: {preferred_username: pref, email: mail, groups: roles}, overrideClaimMapping: true,"
        " providerDiscoveryOverrides: {tokenURL: https://up/t, endSessionURL: https://up/bye}, issuerAlias: https://alias,"
        " claimModifications: {filterGroupClaims: {groupsFilter: ^o}, modifyGroupNames: {prefix: 'p:', suffix: ':s'},"
        " newGroupFromClaims: [{claims: [org, team], delimiter: '-', clearDelimiter: true, prefix: made}]}",
    )
    assert isinstance(settings, OidcSettings)
    assert settings.scopes == ("openid", "profile", "email", "groups", "offline_access")
    assert (settings.in_body, settings.get_user_info, settings.skip_email_verified) == (True, True, True)
    assert (settings.mapping.user_id, settings.mapping.groups, settings.mapping.override) == ("uid", "roles", True)
    assert settings.overrides.endpoints == {"token_endpoint": "https://up/t", "end_session_endpoint": "https://up/bye"}
    claims = {"org": "a-b", "team": "c"}
    assert settings.groups.apply(("ops", "dev"), claims) == ("p:ops:s", "made-ab-c")


def test_dexs_defaults_of_oidc() -> None:
    settings = settings_of("oidc")
    assert (settings.scopes, settings.prompt) == (("openid", "profile", "email"), "consent")
    assert (settings.in_body, settings.challenge) == (None, "")
    assert settings_of("oidc", "promptType: ''").prompt == ""


@pytest.mark.parametrize(
    ("config", "severity", "key"),
    [
        ("insecureSkipVerify: true", Severity.WARNING, "insecureSkipVerify"),
        ("rootCAs: [/etc/ssl/ca.pem]", Severity.ERROR, "rootCAs[0]"),
        (
            "claimModifications: {filterGroupClaims: {groupsFilter: '('}}",
            Severity.ERROR,
            "claimModifications.filterGroupClaims.groupsFilter",
        ),
        ("claimMapping: {mail: x}", Severity.ERROR, "claimMapping.mail"),
        ("providerDiscoveryOverrides: {tokenURL: token}", Severity.ERROR, "providerDiscoveryOverrides.tokenURL"),
        ("pkceChallenge: S512", Severity.ERROR, "pkceChallenge"),
        ("allowedGroups: [ops]", Severity.ERROR, "allowedGroups"),
    ],
)
def test_what_is_wrong_or_unwise_about_oidc(config: str, severity: Severity, key: str) -> None:
    assert problem_of("oidc", config)[:2] == (severity, key)


def test_an_issuer_on_http_is_a_warning_unless_it_is_this_machine() -> None:
    def on(issuer: str) -> str:
        return file_of("oidc").replace("https://up.example.com", issuer)

    assert the_problem(on("http://up.example.com"), SECRETS).severity is Severity.WARNING
    assert without_problems(on("http://127.0.0.1:9000"), SECRETS)
    assert the_problem(on("up.example.com"), SECRETS).severity is Severity.ERROR


def test_an_authority_may_be_pasted_or_in_base64() -> None:
    pem = authority().pem
    for written in (pem, base64.b64encode(pem.encode()).decode()):
        quoted = written.replace("\n", "\\n")
        assert settings_of("oidc", f'rootCAs: ["{quoted}"]').trust.cas == (pem,)
        assert settings_of("gitlab", f'rootCAData: "{quoted}"').trust.cas == (pem,)
        assert settings_of("github", f'hostName: git.example.com, rootCA: "{quoted}"').trust.cas == (pem,)


def test_a_file_of_dexs_for_github() -> None:
    settings = settings_of(
        "github",
        "orgs: [{name: example, teams: [ops, dev]}, {name: other}], hostName: git.example.com, teamNameField: both,"
        " loadAllGroups: true, useLoginAsID: true, preferredEmailDomain: '*.example.com'",
    )
    assert isinstance(settings, GitHubSettings)
    assert settings.orgs == (Org("example", ("ops", "dev")), Org("other"))
    assert (settings.web_url, settings.api_url) == ("https://git.example.com", "https://git.example.com/api/v3")
    assert settings.is_enterprise


@pytest.mark.parametrize(
    ("config", "severity", "key"),
    [
        ("org: example", Severity.WARNING, "org"),
        ("org: example, orgs: [{name: other}]", Severity.ERROR, "org"),
        ("orgs: [{teams: [ops]}]", Severity.ERROR, "orgs[0].name"),
        ("hostName: https://git.example.com", Severity.ERROR, "hostName"),
        ("teamNameField: id", Severity.ERROR, "teamNameField"),
        ("preferredEmailDomain: example.*", Severity.ERROR, "preferredEmailDomain"),
    ],
)
def test_what_is_wrong_or_unwise_about_github(config: str, severity: Severity, key: str) -> None:
    assert problem_of("github", config)[:2] == (severity, key)


def test_a_file_of_dexs_for_gitlab() -> None:
    settings = settings_of(
        "gitlab",
        "baseURL: https://gitlab.example.com/, groups: [ops], useLoginAsID: true, getGroupsPermission: true,"
        " inheritedGroups: true",
    )
    assert isinstance(settings, GitLabSettings)
    assert (settings.base_url, settings.groups) == ("https://gitlab.example.com", ("ops",))
    assert settings_of("gitlab").base_url == "https://gitlab.com"


def test_a_file_of_dexs_for_google() -> None:
    settings = settings_of(
        "google",
        "hostedDomains: [example.com], groups: [ops@example.com], serviceAccountFilePath: /opt/key.json,"
        " domainToAdminEmail: {example.com: admin@example.com}, fetchTransitiveGroupMembership: true,"
        " promptType: login",
    )
    assert isinstance(settings, GoogleSettings)
    assert settings.directory.admins == {"example.com": "admin@example.com"}
    assert (settings.directory.service_account_file, settings.directory.transitive) == ("/opt/key.json", True)
    ours = settings_of("google", "serviceAccount: $ACCOUNT, domainToAdminEmail: {'*': admin@example.com}")
    assert ours.directory.service_account == "{}"
    assert "service_account=" not in repr(ours)


@pytest.mark.parametrize(
    ("config", "severity", "key"),
    [
        ("serviceAccountFilePath: /opt/key.json", Severity.ERROR, "serviceAccountFilePath"),
        ("domainToAdminEmail: {'*': admin@example.com}", Severity.ERROR, "domainToAdminEmail"),
        ("groups: [ops@example.com]", Severity.ERROR, "groups"),
        ("adminEmail: a@b, serviceAccount: $ACCOUNT", Severity.WARNING, "adminEmail"),
    ],
)
def test_what_is_wrong_or_unwise_about_google(config: str, severity: Severity, key: str) -> None:
    assert problem_of("google", config)[:2] == (severity, key)


def test_a_file_of_dexs_for_microsoft() -> None:
    settings = settings_of(
        "microsoft",
        "tenant: contoso, groups: [ops], onlySecurityGroups: true, groupNameFormat: id, useGroupsAsWhitelist: true,"
        " emailToLowercase: true, promptType: consent, domainHint: contoso.com, batchGroupLookups: true,"
        " preferredUsernameField: mailNickname, apiURL: https://login.microsoftonline.us/",
    )
    assert isinstance(settings, MicrosoftSettings)
    assert (settings.tenant, settings.group_names, settings.only_allowed_groups) == ("contoso", False, True)
    assert settings.api_url == "https://login.microsoftonline.us"
    assert problem_of("microsoft", "clientAssertion: /var/run/token")[:2] == (Severity.ERROR, "clientAssertion")
    assert problem_of("microsoft", "groupNameFormat: short")[:2] == (Severity.ERROR, "groupNameFormat")


def test_a_file_of_dexs_for_oauth() -> None:
    settings = settings_of(
        "oauth",
        "scopes: [a], userIDKey: uid, claimMapping: {userNameKey: n, preferredUsernameKey: p, groupsKey: g,"
        " emailKey: e, emailVerifiedKey: v}",
    )
    assert isinstance(settings, OAuthSettings)
    assert settings.keys == Keys("uid", "n", "p", "e", "v", "g")


def test_the_mocks_of_dex() -> None:
    assert settings_of("mockPassword") == MockPasswordSettings("kilgore", "hunter2hunter2")
    assert "hunter2" not in repr(settings_of("mockPassword"))
    assert problems_of("connectors: [{type: mockCallback, id: m, name: M}]") == []


@pytest.mark.parametrize("tenant", ["", "tenant: common, ", "tenant: organizations, ", "tenant: consumers, "])
def test_groups_of_a_tenant_that_has_none_would_let_everybody_in_and_are_an_error(tenant: str) -> None:
    assert problem_of("microsoft", f"{tenant}groups: [ops]")[:2] == (Severity.ERROR, "groups")
    assert settings_of("microsoft", "tenant: example.com, groups: [ops]")
