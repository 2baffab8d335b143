"""The discovery documents: what is configured and served, and nothing else, at the URLs where it is."""

from __future__ import annotations

from typing import Any

from sundial.config.model import DEVICE_GRANT, Config
from sundial.config.model.oauth2 import RESPONSE_MODES
from sundial.connectors.registry import can_refresh
from sundial.tokens.scopes import SCOPES

_CLIENT_AUTHENTICATION = ("client_secret_basic", "client_secret_post", "none")
"""`none`, of a public client, stands in it always: operators may add one at any time."""
_PROMPTS = ("none", "login", "consent", "select_account")
_CLAIMS = (
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "auth_time",
    "sid",
    "nonce",
    "at_hash",
    "c_hash",
    "email",
    "email_verified",
    "groups",
    "name",
    "preferred_username",
    "federated_claims",
)


def authorization_server_metadata(config: Config) -> dict[str, Any]:
    """Return the OAuth 2.0 authorization server metadata (RFC 8414 §2).

    It is served at the issuer's URL followed by /.well-known/oauth-authorization-server. Where the
    issuer has a path, RFC 8414 §3.1 would have the well-known part before that path; no API can answer
    outside of its own base path, and OpenID Connect Discovery has it behind.
    """
    return {
        "issuer": config.issuer,
        **_authorization_endpoint(config),
        "token_endpoint": config.url("/token"),
        "introspection_endpoint": config.url("/token/introspect"),
        "revocation_endpoint": config.url("/token/revoke"),
        "jwks_uri": config.url("/keys"),
        **_device_flow(config),
        "grant_types_supported": list(config.oauth2.grant_types),
        "scopes_supported": _scopes(config),
        "token_endpoint_auth_methods_supported": list(_CLIENT_AUTHENTICATION),
        "introspection_endpoint_auth_methods_supported": [one for one in _CLIENT_AUTHENTICATION if one != "none"],
        "revocation_endpoint_auth_methods_supported": list(_CLIENT_AUTHENTICATION),
    }


def openid_configuration(config: Config) -> dict[str, Any]:
    """Return the OpenID provider's metadata (OpenID Connect Discovery §3)."""
    return authorization_server_metadata(config) | {
        "userinfo_endpoint": config.url("/userinfo"),
        "end_session_endpoint": config.url("/logout"),  # OpenID Connect RP-Initiated Logout §2.1
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(config.signing.algorithms),
        "claims_supported": list(_CLAIMS),
        "prompt_values_supported": list(_PROMPTS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _authorization_endpoint(config: Config) -> dict[str, Any]:
    """RFC 8414 §2: where no grant that is served uses the authorization endpoint, there is nothing to say of it.

    An empty list must not stand there either (§3.2).
    """
    response_types = config.oauth2.served_response_types
    if not response_types:
        return {}
    return {
        "authorization_endpoint": config.url("/auth"),
        "response_types_supported": list(response_types),
        "response_modes_supported": list(RESPONSE_MODES),
        "code_challenge_methods_supported": list(config.oauth2.pkce.code_challenge_methods),
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 §3
    }


def _device_flow(config: Config) -> dict[str, str]:
    """RFC 8628 §4."""
    if DEVICE_GRANT not in config.oauth2.grant_types:
        return {}
    return {"device_authorization_endpoint": config.url("/device/code")}


def _scopes(config: Config) -> list[str]:
    """`offline_access` means nothing where no refresh token is ever given out, or taken back."""
    refreshes = "refresh_token" in config.oauth2.grant_types and can_refresh(config)
    return [scope for scope in SCOPES if refreshes or scope != "offline_access"]
