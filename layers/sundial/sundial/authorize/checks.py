"""The rules of an authorization request, one function each (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).

Each takes the parameters, returns what it made of them, and raises the OAuthError that its section names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from sundial.clients import Clients
from sundial.config.model import IMPLICIT_GRANT, Client, Config, Pkce
from sundial.config.model.oauth2 import RESPONSE_MODES
from sundial.errors import (
    OAuthError,
    invalid_request,
    invalid_scope,
    server_error,
    unauthorized_client,
    unsupported_response_type,
)
from sundial.expiry.codes import challenge
from sundial.tokens.resources import read_resources
from sundial.tokens.scopes import AskedScope, read_scope
from sundial.tokens.verification import JwtKind, KeySet, authenticate

Parameters = Mapping[str, str]

_PROMPTS = frozenset(("none", "login", "consent", "select_account"))
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_PLAIN_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
# The whole of what may follow a loopback host, by RFC 3986 and without a fragment; so a browser can't read another
# host out of it than we do (user information, a backslash).
_LOOPBACK = re.compile(
    r"http://(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?(?:/[\w.~!$&'()*+,;=:@%/-]*)?(?:\?[\w.~!$&'()*+,;=:@%/?-]*)?",
    re.ASCII,
)
_LONGEST = {"state": 4096, "nonce": 512, "login_hint": 512}
"""Bytes of JSON. What the request carries comes back in one URL, and API Gateway takes 10,240 bytes of URL and
headers; so no login ends in a 414 after the client has been told nothing."""
_LONGEST_LOOPBACK = 512
_LONGEST_NUMBER = 16


def check_client(parameters: Parameters, clients: Clients, now: int) -> Client:
    """RFC 6749 §4.1.2.1: without a client that we know, nobody can be told but the user."""
    if "client_id" not in parameters:
        raise invalid_request("The application did not say which one it is: client_id is missing.")
    client = clients.find(parameters["client_id"], now)
    if client is None:
        raise invalid_request("The application is not known here: its client_id is not registered.")
    return client


def check_redirect_uri(parameters: Parameters, client: Client) -> str:
    """RFC 9700 §2.1: registered, compared exactly; a public client that registered none may use loopback."""
    if "redirect_uri" not in parameters:
        raise invalid_request("The application did not say where to send you afterwards: redirect_uri is missing.")
    redirect_uri = parameters["redirect_uri"]
    if redirect_uri in client.redirect_uris:
        return redirect_uri
    may_use_loopback = client.public and not client.redirect_uris and len(redirect_uri) <= _LONGEST_LOOPBACK
    if may_use_loopback and _LOOPBACK.fullmatch(redirect_uri):
        return redirect_uri  # RFC 8252 §7.3
    raise invalid_request(
        "The application asked to send you to an address that is not registered for it: "
        "its redirect_uri must be one of those registered, to the letter."
    )


def check_not_repeated(repeated: frozenset[str]) -> None:
    """RFC 6749 §3.1: no parameter stands twice, but `resource` (RFC 8707 §2)."""
    if repeated - {"resource"}:
        raise invalid_request("a parameter is included more than once (RFC 6749 section 3.1)")


def grant_of(response_types: frozenset[str]) -> str:
    """Return the grant that a response type belongs to; a hybrid one ends at /token, as a plain code does."""
    return "authorization_code" if "code" in response_types else IMPLICIT_GRANT


def check_connector(parameters: Parameters, client: Client, config: Config, grant: str) -> str:
    """Dex: `connector_id` chooses the connector; empty where it doesn't.

    A client's `allowedConnectors` and a connector's `grantTypes` limit the choice.
    """
    known = [connector.id for connector in config.connectors if config.allows(connector.id, grant)]
    allowed = [id for id in known if not client.allowed_connectors or id in client.allowed_connectors]
    if not allowed:
        raise server_error("no connector is configured for this client and grant (allowedConnectors, grantTypes)")
    chosen = parameters.get("connector_id", "")
    if chosen and chosen not in allowed:
        raise invalid_request("there is no such connector, or this client may not use it")
    return chosen


def check_lengths(parameters: Parameters) -> None:
    """Refuse what could not be carried through the login."""
    for name, longest in _LONGEST.items():
        if _carried(parameters.get(name, "")) > longest:
            raise invalid_request(f"{name} is longer than {longest} bytes")


def check_request_object(parameters: Parameters) -> None:
    """OpenID Connect Core §3.1.2.6: what we don't support has an error of its own."""
    for name in ("request", "request_uri", "registration"):
        if name in parameters:
            raise OAuthError(f"{name}_not_supported", f"the {name} parameter is not supported; send plain parameters")


def check_response_type(parameters: Parameters, config: Config) -> frozenset[str]:
    """RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Types §5: those that are configured, in any order."""
    if "response_type" not in parameters:
        raise invalid_request("response_type is missing")
    asked = parameters["response_type"].split()
    if len(set(asked)) != len(asked) or not config.oauth2.serves(frozenset(asked)):
        served = ", ".join(f"'{one}'" for one in config.oauth2.served_response_types)
        raise unsupported_response_type(f"response_type must be one of {served}" if served else "nobody logs in here")
    if "code" in asked and "authorization_code" not in config.oauth2.grant_types:
        raise unauthorized_client("the authorization code grant is turned off here (oauth2.grantTypes)")
    return frozenset(asked)


def response_mode(parameters: Parameters, repeated: frozenset[str]) -> str:
    """Return how the client is answered, an error included, whatever else is wrong with its request.

    OAuth 2.0 Multiple Response Types §2.1 and §5: in the fragment where a token was asked for, and never in
    the query then; else in the query. OAuth 2.0 Form Post Response Mode §2.
    """
    holds_tokens = not {"token", "id_token"}.isdisjoint(parameters.get("response_type", "").split())
    default = "fragment" if holds_tokens else "query"
    asked = parameters.get("response_mode", default)
    if repeated & {"response_mode", "response_type"} or asked not in RESPONSE_MODES:
        return default
    return default if holds_tokens and asked == "query" else asked


def check_response_mode(parameters: Parameters, response_types: frozenset[str]) -> None:
    """OAuth 2.0 Multiple Response Types §2.1 and §5: a URL's query is logged everywhere, so no token stands in it."""
    asked = parameters.get("response_mode")
    if asked is not None and asked not in RESPONSE_MODES:
        raise invalid_request(f"response_mode must be one of {', '.join(RESPONSE_MODES)}")
    if asked == "query" and response_types != {"code"}:
        raise invalid_request("response_mode must not be query where a token is asked for")


def check_nonce(parameters: Parameters, response_types: frozenset[str]) -> str | None:
    """OpenID Connect Core §3.2.2.1, §3.3.2.11: required where the browser brings an ID token; in Dex, without code."""
    if "nonce" not in parameters and ("id_token" in response_types or "code" not in response_types):
        raise invalid_request("a nonce is required for this response_type")
    return parameters.get("nonce")


def check_id_token_hint(parameters: Parameters, keys: Callable[[], KeySet], issuer: str) -> str:
    """OpenID Connect Core §3.1.2.1: return the `sub` of the user who is to log in; empty where the client says none.

    The token is one of ours, and may have expired.
    """
    if "id_token_hint" not in parameters:
        return ""
    try:
        return str(authenticate(parameters["id_token_hint"], keys(), issuer, JwtKind.ID_TOKEN).claims["sub"])
    except OAuthError as error:
        if error.status == 503:
            raise
        raise invalid_request("the id_token_hint is not an ID token of ours", detail=error.description) from None


def check_scope(parameters: Parameters, client: Client, clients: Clients, now: int) -> AskedScope:
    """OpenID Connect Core §3.1.2.1: `openid` is required; a scope that is not served is refused, as Dex does.

    So is one that names a client which doesn't list this one as a trusted peer (Dex: trustedPeers).
    """
    if "openid" not in parameters.get("scope", "").split():
        raise invalid_scope("the scope must contain openid")
    return read_scope(parameters["scope"], client, lambda client_id: clients.find(client_id, now))


def check_resource(parameters: Parameters, client: Client) -> tuple[str, ...]:
    """RFC 8707 §2.1: return the APIs that the access tokens are to be for."""
    return read_resources(parameters.get("resource"), client)


def check_pkce(parameters: Parameters, pkce: Pkce, response_types: frozenset[str]) -> str | None:
    """RFC 7636 §4.3 and §4.4.1: return the challenge as it is kept (`expiry.codes.challenge`), None without one."""
    if "code" not in response_types:
        return None  # there is nothing to exchange
    value = parameters.get("code_challenge")
    if value is None:
        if "code_challenge_method" in parameters:
            raise invalid_request("code_challenge_method without a code_challenge")
        if pkce.enforce:
            raise invalid_request("code challenge required: PKCE is enforced here (RFC 7636)")
        return None
    method = parameters.get("code_challenge_method", "plain")
    if method not in pkce.code_challenge_methods:
        methods = " or ".join(pkce.code_challenge_methods)
        raise invalid_request(f"transform algorithm not supported: code_challenge_method must be {methods}")
    if method == "S256" and not _S256_CHALLENGE.fullmatch(value):
        raise invalid_request("code_challenge must be 43 characters of base64url without padding (RFC 7636)")
    if not _PLAIN_CHALLENGE.fullmatch(value):
        raise invalid_request("code_challenge must be 43 to 128 unreserved characters (RFC 7636)")
    return challenge(method, value)


def check_prompt(parameters: Parameters) -> frozenset[str]:
    """OpenID Connect Core §3.1.2.1: `none` stands alone, and since every login here is a fresh one, it can't be had."""
    prompt = frozenset(parameters.get("prompt", "").split())
    if prompt - _PROMPTS:
        raise invalid_request("prompt must be of none, login, consent, select_account")
    if "none" in prompt and len(prompt) > 1:
        raise invalid_request("prompt=none must stand alone")
    if "none" in prompt:
        raise OAuthError("login_required", "the user must log in, and prompt=none does not let them")
    return prompt


def check_max_age(parameters: Parameters) -> int | None:
    """OpenID Connect Core §3.1.2.1: seconds. Every login here is a fresh one; a provider's own is held to it."""
    max_age = parameters.get("max_age")
    if max_age is None:
        return None
    if not (max_age.isascii() and max_age.isdigit() and len(max_age) < _LONGEST_NUMBER):
        raise invalid_request("max_age must be a number of seconds")
    return int(max_age)


def _carried(text: str) -> int:
    """Return the bytes that `text` comes to in JSON, without the quotes around it."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8")) - 2
