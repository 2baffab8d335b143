"""The discovery documents say what is configured, and where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.config.model import IMPLICIT_GRANT, PASSWORD_GRANT, RESPONSE_TYPES, SERVED_GRANTS
from sundial.config.problems import ConfigError, Severity
from sundial.discovery.documents import authorization_server_metadata, openid_configuration
from sundial.tokens.scopes import SCOPES
from tests.support.config import APP, make_config

REQUIRED_OIDC = {  # OpenID Connect Discovery §3
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
}


def test_the_openid_document_has_what_the_specification_requires_and_absolute_urls() -> None:
    document = openid_configuration(make_config())
    assert document.keys() >= REQUIRED_OIDC
    urls = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    assert urls == {
        "authorization_endpoint": "https://id.example.com/auth",
        "token_endpoint": "https://id.example.com/token",
        "introspection_endpoint": "https://id.example.com/token/introspect",
        "revocation_endpoint": "https://id.example.com/token/revoke",
        "device_authorization_endpoint": "https://id.example.com/device/code",
        "userinfo_endpoint": "https://id.example.com/userinfo",
        "end_session_endpoint": "https://id.example.com/logout",
        "jwks_uri": "https://id.example.com/keys",
    }


@pytest.mark.parametrize("issuer", ["https://id.example.com/dex", "https://id.example.com/dex/"])
def test_every_endpoint_lives_under_the_issuers_path(issuer: str) -> None:
    document = openid_configuration(make_config(APP.replace("https://id.example.com", issuer)))
    assert document["issuer"] == issuer, "to the letter: it is compared with the iss of every token"
    assert document["token_endpoint"] == "https://id.example.com/dex/token"


def test_what_is_not_served_is_not_offered() -> None:
    document = openid_configuration(make_config())
    assert document["response_types_supported"] == ["code"]
    assert document["response_modes_supported"] == ["query", "fragment", "form_post"]
    assert "implicit" not in document["grant_types_supported"]
    assert document["request_uri_parameter_supported"] is False
    assert "password" not in document["grant_types_supported"], "there is no passwordConnector"


def test_algorithms_grants_and_pkce_methods_are_those_of_the_configuration() -> None:
    document = openid_configuration(
        make_config(
            APP
            + "signing: {algorithms: [ES256, RS256]}\n"
            + "oauth2: {grantTypes: [authorization_code], pkce: {codeChallengeMethodsSupported: [S256]}}\n"
        )
    )
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    assert document["grant_types_supported"] == ["authorization_code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "offline_access" not in document["scopes_supported"], "it would yield nothing"


def test_where_the_device_flow_is_turned_off_it_is_not_offered() -> None:
    document = openid_configuration(make_config(APP + "oauth2: {grantTypes: [authorization_code]}\n"))
    assert "device_authorization_endpoint" not in document


def test_response_types_are_offered_in_every_combination_that_is_served() -> None:
    document = openid_configuration(make_config(APP + "oauth2: {responseTypes: [code, id_token]}\n"))
    assert document["response_types_supported"] == ["code", "id_token", "code id_token"]
    assert document["grant_types_supported"][-1] == "implicit"


def test_where_no_code_can_be_exchanged_none_is_offered() -> None:
    config = make_config(APP + "oauth2: {responseTypes: [code, id_token], grantTypes: [refresh_token]}\n")
    assert openid_configuration(config)["response_types_supported"] == ["id_token"]
    assert openid_configuration(config)["authorization_endpoint"] == "https://id.example.com/auth"


def test_where_nobody_logs_in_nothing_is_said_of_the_authorization_endpoint() -> None:
    document = openid_configuration(make_config(APP + "oauth2: {grantTypes: [client_credentials]}\n"))
    assert document.keys().isdisjoint(
        {"authorization_endpoint", "response_types_supported", "response_modes_supported"}
    )
    assert document["token_endpoint"] == "https://id.example.com/token"


GRANTS = (*SERVED_GRANTS, PASSWORD_GRANT, IMPLICIT_GRANT)
CHOICES = {
    "grantTypes": st.lists(st.sampled_from(GRANTS), unique=True),
    "responseTypes": st.lists(st.sampled_from(RESPONSE_TYPES), unique=True),
    "pkce": st.fixed_dictionaries({"codeChallengeMethodsSupported": st.lists(st.sampled_from(["S256", "plain"]))}),
    "passwordConnector": st.sampled_from(["", "local"]),
}


@given(st.fixed_dictionaries(CHOICES))
def test_no_list_is_ever_empty_whatever_is_configured(oauth2: Mapping[str, Any]) -> None:
    text = APP + json.dumps({"oauth2": oauth2})[1:-1] + "\n"
    try:
        config = make_config(text)
    except ConfigError as refusal:
        errors = {problem.key for problem in refusal.problems if problem.severity is Severity.ERROR}
        assert errors == {"oauth2.grantTypes"}, "which leaves nothing that is served"
        return
    for document in (openid_configuration(config), authorization_server_metadata(config)):
        assert [name for name, value in document.items() if value in ([], "", None)] == []


def test_the_password_grant_is_offered_where_there_is_a_connector_for_it() -> None:
    document = openid_configuration(make_config(APP + "oauth2: {passwordConnector: local}\n"))
    assert "password" in document["grant_types_supported"]


def test_scopes_are_those_that_are_served() -> None:
    assert openid_configuration(make_config())["scopes_supported"] == list(SCOPES)


def test_a_client_without_a_secret_is_welcome_for_operators_may_add_one() -> None:
    methods = openid_configuration(make_config())["token_endpoint_auth_methods_supported"]
    assert methods == ["client_secret_basic", "client_secret_post", "none"]


def test_introspection_wants_a_secret_and_revocation_does_not() -> None:
    document = openid_configuration(make_config())
    secret = ["client_secret_basic", "client_secret_post"]
    assert document["introspection_endpoint_auth_methods_supported"] == secret
    assert document["revocation_endpoint_auth_methods_supported"] == [*secret, "none"]


def test_the_oauth_document_says_the_same_of_what_both_describe() -> None:
    oauth, oidc = authorization_server_metadata(make_config()), openid_configuration(make_config())
    assert oauth.items() <= oidc.items()
    assert oauth["authorization_response_iss_parameter_supported"] is True
