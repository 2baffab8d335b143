"""`staticClients[]`: the clients of the file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from sundial.config import environment
from sundial.config.general import check_refresh_tokens, is_loopback, read_lifetime, read_logo, read_refresh_tokens
from sundial.config.model import Client, ClientExpiry, ConnectorConfig, Expiry, Signing
from sundial.config.problems import HIDDEN
from sundial.config.section import Section
from sundial.config.suggestions import one_of, remedy_for
from sundial.tokens.resources import is_resource

_CLIENT_ID = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A.1
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_NEVER_A_CLIENTS = frozenset(("about", "blob", "data", "file", "ftp", "javascript", "vbscript", "ws", "wss"))
_WITHOUT_A_SCHEME = re.compile(r"[A-Za-z0-9.-]+:[0-9]+(?:/|$)")  # urlsplit takes `localhost:` for one
_OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
_EXAMPLE = "'https://app.example.com/callback'"


def read_clients(
    root: Section, expiry: Expiry, signing: Signing, connectors: tuple[ConnectorConfig, ...]
) -> Mapping[str, Client]:
    """Return the clients by id; each must fit the `expiry`, the `signing` and the `connectors` of the file."""
    clients: dict[str, Client] = {}
    sections = tuple(root.sections("staticClients"))
    for section in sections:
        client = read_client(section, expiry, signing, connectors)
        check_connectors(section, connectors)
        if client.id in clients:
            key = "id" if section.states("id") else "idEnv"
            section.error(key, "is an earlier client's too", "give each client an id of its own")
        elif client.id:
            clients[client.id] = client
    for section in sections:
        _check_peers(section, clients)
    return MappingProxyType(clients)


def read_client(section: Section, expiry: Expiry, signing: Signing, connectors: tuple[ConnectorConfig, ...]) -> Client:
    """Return the client of `section`, of the file or of the table; its id is empty where that can't be used."""
    client = _client(section)
    _check_algorithm(section, client, signing)
    _check_policies(section, client, expiry, connectors)
    section.close()
    return client


def read_client_expiry(parent: Section) -> ClientExpiry:
    """Return the `expiry` block of a client or a connector (ours)."""
    section = parent.section("expiry")
    expiry = ClientExpiry(read_lifetime(section, "idTokens"), read_refresh_tokens(section))
    section.close()
    return expiry


def _client(section: Section) -> Client:
    client_id = _client_id(section)
    public = section.flag("public")
    section.not_yet("mfaChain")
    section.leave_out("backchannelLogoutURI", "ssoSharedWith")
    section.choice("refreshTokenLifetime", ("standalone",), default="standalone")
    return Client(
        id=client_id,
        name=section.text("name") or client_id,
        secret_sha256=_secret(section, public=public),
        redirect_uris=_redirect_uris(section, "redirectURIs"),
        public=public,
        trusted_peers=section.texts("trustedPeers"),
        resources=_resources(section),
        own_groups=_own_groups(section, public=public),
        allowed_connectors=section.texts("allowedConnectors"),
        logo_url=read_logo(section),
        post_logout_redirect_uris=_redirect_uris(section, "postLogoutRedirectURIs"),
        id_token_signed_response_alg=section.text("idTokenSignedResponseAlg"),
        expiry=read_client_expiry(section),
    )


def _client_id(section: Section) -> str:
    """Return `id`, or what the variable of `idEnv` holds; as in Dex there is exactly one of the two."""
    if section.states("id") and section.states("idEnv"):
        section.error("idEnv", "stands beside id", "keep one of the two")
    if not section.states("id") and not section.states("idEnv"):
        section.error("id", "is missing", "write 'id: …', or 'idEnv: NAME' to take it from a variable")
    key = "id" if section.states("id") else "idEnv"
    client_id = section.text(key) if key == "id" else section.variable(key)
    if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
        section.error(key, "holds something else than printable ASCII (RFC 6749 appendix A.1)", "choose a plainer id")
    return client_id or ""


def _secret(section: Section, *, public: bool) -> bytes | None:
    """Return the SHA-256 of the client's secret, None where it has none; a clear secret is not kept."""
    stated = [key for key in ("secretHash", "secretEnv", "secret") if section.states(key)]
    if public:
        for key in stated:
            remedy = "remove it (and have the client stop sending it), or remove 'public: true'"
            section.error(key, "belongs to a client that is public, which has no secret", remedy, shown=HIDDEN)
        return None
    if not stated:
        remedy = "write what 'sundial config hash-secret --new' prints, or 'public: true' for a client without a secret"
        section.error("secretHash", "is missing", remedy)
        return None
    for key in stated[1:]:
        section.error(key, f"stands beside {stated[0]}", "keep one of them", shown=HIDDEN)
    readers = {"secretHash": _secret_hash, "secretEnv": _secret_of_environment, "secret": _clear_secret}
    return readers[stated[0]](section)


def _secret_hash(section: Section) -> bytes | None:
    text = section.text("secretHash", secret=True)
    if text is not None and not _SHA256.fullmatch(text):
        remedy = "write what 'sundial config hash-secret' prints"
        section.error("secretHash", "is not 64 hexadecimal digits, a SHA-256 digest", remedy, shown=HIDDEN)
        return None
    return bytes.fromhex(text) if text is not None else None


def _secret_of_environment(section: Section) -> bytes | None:
    return _digest(section.variable("secretEnv"))


def _clear_secret(section: Section) -> bytes | None:
    text = section.text("secret", secret=True, literal=True)
    if text is None:
        return None
    if environment.is_reference(text):
        remedy = "write 'secretEnv: NAME' to take the secret from a variable"
        section.error("secret", "is a $NAME, and a secret is never expanded (nor is it by Dex)", remedy, shown=HIDDEN)
        return None
    remedy = "write 'secretHash: …' instead ('sundial config hash-secret' makes it), or 'secretEnv: NAME'"
    section.warn("secret", "is a secret in clear", remedy, shown=HIDDEN)
    return _digest(text)


def _digest(secret: str | None) -> bytes | None:
    return None if secret is None else hashlib.sha256(secret.encode("utf-8")).digest()


def _redirect_uris(section: Section, key: str) -> tuple[str, ...]:
    uris = tuple(section.indexed_texts(key))
    for index, uri in uris:
        if (wrong := _wrong_with_redirect_uri(uri)) is not None:
            section.error(key, *wrong, index=index)
        elif (unwise := _unwise_about_redirect_uri(uri)) is not None:
            section.warn(key, *unwise, index=index)
    return tuple(uri for _, uri in uris)


def _wrong_with_redirect_uri(uri: str) -> tuple[str, str] | None:
    """Return what keeps `uri` from ever being redirected to and what to do, None where nothing does."""
    if _is_device_callback(uri):
        return None
    try:
        url = urlsplit(uri)
        host = url.hostname
    except ValueError:
        return "is not a URI", f"write all of it, such as {_EXAMPLE}"
    without_scheme = not url.scheme or _WITHOUT_A_SCHEME.match(uri) is not None
    if without_scheme or (url.scheme in ("http", "https") and not host) or re.search(r"[\s\\]", uri):
        return "is not an absolute URI", f"write all of it, such as {_EXAMPLE}"
    if uri == _OUT_OF_BAND:
        return "is not supported: a code that is copied by hand is easily phished", "use a loopback redirect"
    if "#" in uri:
        return "carries a fragment (RFC 6749 §3.1.2)", "remove what begins with '#'"
    if url.scheme in _NEVER_A_CLIENTS:
        return f"has the scheme {url.scheme}, which leads to no client", f"use https, such as {_EXAMPLE}"
    if "*" in (host or ""):
        return "holds a wildcard, and URIs are compared exactly (RFC 9700 §2.1)", "list every one of them"
    return None


def _unwise_about_redirect_uri(uri: str) -> tuple[str, str] | None:
    """Return what is risky about `uri` and what to do, None where nothing is."""
    if _is_device_callback(uri):
        return "is Dex's way to let a client use the device flow, which needs no redirect here", "it may stay, or go"
    url = urlsplit(uri)
    if url.scheme == "http" and not is_loopback(url.hostname):
        return "is http, so that anybody on the way can take the code", "use https"
    if url.scheme not in ("http", "https"):
        return "has a scheme that any app may claim (RFC 8252 §8.4)", "prefer an https or a loopback redirect"
    return None


def _is_device_callback(uri: str) -> bool:
    """Return whether `uri` is the path that Dex wants among the redirect URIs of a client of its device flow."""
    return uri.startswith("/") and not uri.startswith("//") and uri.endswith("/device/callback")


def _resources(section: Section) -> tuple[str, ...]:
    resources = tuple(section.indexed_texts("resources"))
    for index, resource in resources:
        if not is_resource(resource):
            message = "is not an absolute URI without a fragment (RFC 8707 §2)"
            section.error("resources", message, "write all of it, such as 'https://api.example.com'", index=index)
    return tuple(resource for _, resource in resources)


def _own_groups(section: Section, *, public: bool) -> tuple[str, ...]:
    """Return the groups of `clientCredentialsClaims`: Dex's, for the tokens that a client has for itself."""
    if public and section.states("clientCredentialsClaims"):
        message = "belongs to a client that is public, and such a client has no tokens for itself"
        section.error("clientCredentialsClaims", message, "remove it, or 'public: true'")
    claims = section.section("clientCredentialsClaims")
    groups = claims.texts("groups")
    claims.close()
    return groups


def _check_peers(section: Section, clients: Mapping[str, Client]) -> None:
    """Warn of a trusted peer that this file doesn't know: a slip of the pen, or a client of the table."""
    for index, peer in section.indexed_texts("trustedPeers"):
        if peer not in clients:
            message = "is not a client of this file"
            section.warn("trustedPeers", message, remedy_for(peer, clients), index=index)


def check_connectors(section: Section, connectors: tuple[ConnectorConfig, ...]) -> None:
    """Refuse an `allowedConnectors` of `section` that names a connector which isn't there."""
    ids = [connector.id for connector in connectors]
    for index, allowed in section.indexed_texts("allowedConnectors"):
        if allowed not in ids:
            section.error("allowedConnectors", "is not the id of a connector", remedy_for(allowed, ids), index=index)


def _check_algorithm(section: Section, client: Client, signing: Signing) -> None:
    algorithm = client.id_token_signed_response_alg
    if algorithm is not None and algorithm not in signing.algorithms:
        remedy = f"use {one_of(signing.algorithms)}, or add it to signing.algorithms"
        section.error("idTokenSignedResponseAlg", "is not one of signing.algorithms", remedy)


def _check_policies(section: Section, client: Client, expiry: Expiry, connectors: tuple[ConnectorConfig, ...]) -> None:
    for connector in connectors:
        if not client.allowed_connectors or connector.id in client.allowed_connectors:
            layers = expiry.refresh_tokens, connector.expiry.refresh_tokens, client.expiry.refresh_tokens
            check_refresh_tokens(section.section("expiry"), *layers)
