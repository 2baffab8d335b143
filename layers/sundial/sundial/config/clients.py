"""`staticClients[]`, `staticPasswords[]` and `connectors[]`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from sundial.config import environment
from sundial.config.general import check_refresh_tokens, is_loopback, read_lifetime, read_refresh_tokens
from sundial.config.model import Client, ClientExpiry, ConnectorConfig, Expiry, Signing, StaticPassword
from sundial.config.section import HIDDEN, Section, nearest, one_of

_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}")
_LOWEST_COST, _HIGHEST_COST = 10, 16  # Dex's own bounds
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_NEVER_A_REDIRECT = frozenset(("javascript", "data", "file", "vbscript", "about", "blob", "ftp", "ws", "wss"))
_OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


def read_clients(
    root: Section, expiry: Expiry, signing: Signing, connectors: tuple[ConnectorConfig, ...]
) -> Mapping[str, Client]:
    """Return the clients by id; each fits the `expiry`, the `signing` and the `connectors` of the file."""
    clients: dict[str, Client] = {}
    for section in root.sections("staticClients"):
        client = _client(section)
        _check_connectors(section, client, connectors)
        _check_algorithm(section, client, signing)
        for connector in connectors:
            if connector.id in (client.allowed_connectors or (connector.id,)):
                check_refresh_tokens(
                    section.section("expiry"),
                    expiry.refresh_tokens,
                    connector.expiry.refresh_tokens,
                    client.expiry.refresh_tokens,
                )
        section.close()
        if not client.id:
            continue
        if client.id in clients:
            key = "id" if section.states("id") else "idEnv"
            section.error(key, "is the id of an earlier client too", "give each client an id of its own")
        clients.setdefault(client.id, client)
    return MappingProxyType(clients)


def _client(section: Section) -> Client:
    """Return the client of `section`, with an empty id where that can't be used."""
    client_id = _text_or_variable(section, "id", "idEnv")
    public = section.flag("public")
    expiry = read_client_expiry(section)
    name = section.text("name")
    section.not_yet(
        "trustedPeers",
        "postLogoutRedirectURIs",
        "backchannelLogoutURI",
        "mfaChain",
        "ssoSharedWith",
        "clientCredentialsClaims",
    )
    section.choice("refreshTokenLifetime", ("standalone",), default="standalone")
    return Client(
        id=client_id or "",
        name=name or client_id or "",
        secret_sha256=_secret(section, public=public),
        redirect_uris=_redirect_uris(section),
        public=public,
        allowed_connectors=section.texts("allowedConnectors"),
        logo_url=section.text("logoURL") or "",
        id_token_signed_response_alg=section.text("idTokenSignedResponseAlg"),
        expiry=expiry,
    )


def _check_connectors(section: Section, client: Client, connectors: tuple[ConnectorConfig, ...]) -> None:
    ids = [connector.id for connector in connectors]
    for index, allowed in enumerate(client.allowed_connectors):
        if allowed not in ids:
            remedy = nearest(allowed, ids) or (f"use {one_of(ids)}" if ids else "add the connector")
            section.error(f"allowedConnectors[{index}]", "is not the id of a connector", remedy)


def _check_algorithm(section: Section, client: Client, signing: Signing) -> None:
    algorithm = client.id_token_signed_response_alg
    if algorithm is not None and algorithm not in signing.algorithms:
        remedy = f"use {one_of(signing.algorithms)}, or add it to signing.algorithms"
        section.error("idTokenSignedResponseAlg", "is not one of signing.algorithms", remedy)


def read_client_expiry(parent: Section) -> ClientExpiry:
    """Return the `expiry` block of a client or a connector (ours)."""
    section = parent.section("expiry")
    expiry = ClientExpiry(read_lifetime(section, "idTokens"), read_refresh_tokens(section.section("refreshTokens")))
    section.close()
    return expiry


def _text_or_variable(section: Section, key: str, env_key: str) -> str | None:
    """Return the text at `key`, or the value of the variable that `env_key` names; exactly one must be there."""
    if section.states(key) and section.states(env_key):
        section.error(env_key, f"stands beside {key}", "keep one of the two")
    if not section.states(key) and not section.states(env_key):
        section.error(key, "is missing", f"write '{key}: …', or '{env_key}: NAME' to take it from a variable")
    return section.text(key) if section.states(key) else section.variable(env_key)


def _secret(section: Section, *, public: bool) -> bytes | None:
    """Return the SHA-256 of the client's secret; the clear one is not kept."""
    stated = [key for key in ("secret", "secretEnv", "secretHash") if section.states(key)]
    if public and stated:
        section.error(stated[0], "belongs to a client that is public", "remove it, or remove 'public'", shown=HIDDEN)
        return None
    if not public and not stated:
        remedy = "write 'secretHash: …' (made by 'sundial config hash-secret --new'), or 'public: true'"
        section.error("secretHash", "is missing", remedy, shown="")
        return None
    if len(stated) > 1:
        section.error(stated[1], f"stands beside {stated[0]}", "keep one of them", shown=HIDDEN)
        return None
    if not stated:
        return None
    if stated[0] == "secretHash":
        return _secret_hash(section)
    return _hashed(section) if stated[0] == "secret" else _digest(section.variable("secretEnv"))


def _secret_hash(section: Section) -> bytes | None:
    text = section.text("secretHash", secret=True)
    if text is None:
        return None
    if not _SHA256.fullmatch(text):
        remedy = "write what 'sundial config hash-secret' prints"
        section.error("secretHash", "is not a SHA-256 digest of 64 hexadecimal digits", remedy, shown=HIDDEN)
        return None
    return bytes.fromhex(text)


def _hashed(section: Section) -> bytes | None:
    text = section.text("secret", secret=True, literal=True)
    if text is not None and environment.is_reference(text):
        name = environment.names(text)[0]
        remedy = f"write 'secretEnv: {name}' to take the secret from that variable"
        section.error("secret", "is a '$NAME', which is not expanded here (as in Dex)", remedy, shown=HIDDEN)
        return None
    if text is not None:
        remedy = "write 'secretHash: …' instead ('sundial config hash-secret' makes it), or 'secretEnv: NAME'"
        section.warn("secret", "is a secret in clear", remedy, shown=HIDDEN)
    return _digest(text)


def _digest(secret: str | None) -> bytes | None:
    return None if secret is None else hashlib.sha256(secret.encode("utf-8")).digest()


def _redirect_uris(section: Section) -> tuple[str, ...]:
    uris = section.texts("redirectURIs")
    for index, uri in enumerate(uris):
        _check_redirect_uri(section, f"redirectURIs[{index}]", uri)
    return uris


def _check_redirect_uri(section: Section, key: str, uri: str) -> None:
    try:
        url = urlsplit(uri)
        host = url.hostname
    except ValueError:
        section.error(key, "is not a URI", "write an absolute one, such as 'https://app.example.com/callback'")
        return
    if uri.endswith("/device/callback") and uri.startswith("/"):
        section.warn(key, "serves the device grant alone, which is not supported yet", "leave it, or remove it")
    elif uri == _OUT_OF_BAND:
        section.error(key, "is not supported: a code to copy by hand is easily phished", "use a loopback redirect")
    elif not url.scheme or (url.scheme in ("http", "https") and not host) or re.search(r"[\s\\]", uri):
        section.error(key, "is not an absolute URI", "write all of it, such as 'https://app.example.com/callback'")
    elif "#" in uri:
        section.error(key, "carries a fragment (RFC 6749 §3.1.2)", "remove what begins with '#'")
    elif url.scheme in _NEVER_A_REDIRECT:
        section.error(key, f"has the scheme {url.scheme}, which is never a client's", "use https")
    elif "*" in (host or ""):
        section.error(key, "holds a wildcard, and URIs are compared exactly (RFC 9700 §2.1)", "list each of them")
    elif url.scheme == "http" and not is_loopback(host):
        section.warn(key, "is http: whoever is on the way can take the code", "use https")
    elif url.scheme not in ("http", "https"):
        remedy = "prefer an https or a loopback redirect; any app may claim the scheme (RFC 8252 §8.4)"
        section.warn(key, "has a scheme of its own", remedy)


def read_passwords(root: Section, *, enabled: bool) -> tuple[StaticPassword, ...]:
    """Return the local users of the file."""
    passwords: list[StaticPassword] = []
    if root.states("staticPasswords") and not enabled:
        remedy = "write 'enablePasswordDB: true', or remove staticPasswords"
        root.error("staticPasswords", "stands in a file without 'enablePasswordDB: true'", remedy)
    for section in root.sections("staticPasswords"):
        password = _password(section)
        if password is None:
            continue
        if any(password.email.lower() == other.email.lower() for other in passwords):
            section.error("email", "is an earlier user's too (case doesn't count)", "keep one of the two")
        if any(password.user_id == other.user_id for other in passwords):
            section.warn("userID", "is an earlier user's too: both are one 'sub'", "give each person a userID")
        passwords.append(password)
    return tuple(passwords)


def _password(section: Section) -> StaticPassword | None:
    for required in ("email", "userID"):
        if not section.states(required):
            section.error(required, "is missing", f"write '{required}: …'")
    email, user_id, password_hash = section.text("email"), section.text("userID"), _password_hash(section)
    username = section.text("username") or ""
    name = section.text("name") or username
    preferred_username = section.text("preferredUsername") or ""
    email_verified = section.flag("emailVerified", default=True)
    groups = section.texts("groups")
    section.close()
    if email is None or user_id is None or password_hash is None:
        return None
    return StaticPassword(email, password_hash, user_id, username, name, preferred_username, email_verified, groups)


def _password_hash(section: Section) -> bytes | None:
    """Return the bcrypt hash; like Dex, also from base64, and from `hashFromEnv` where `hash` says nothing."""
    key = "hash" if section.states("hash") or not section.states("hashFromEnv") else "hashFromEnv"
    section.states("hashFromEnv")
    if not section.states(key):
        section.error("hash", "is missing", "write the bcrypt hash of the password: 'htpasswd -BinC 12 x'")
        return None
    text = section.text(key, secret=True, literal=True) if key == "hash" else section.variable(key)
    if text is None:
        return None
    match = _BCRYPT.fullmatch(text) or _BCRYPT.fullmatch(_from_base64(text))
    if match is None:
        remedy = "write what 'htpasswd -BinC 12 x' prints after 'x:', in quotes"
        section.error(key, "is not a bcrypt hash", remedy, shown=HIDDEN)
        return None
    if not _LOWEST_COST <= int(match["cost"]) <= _HIGHEST_COST:
        message = f"has a cost of {int(match['cost'])}; it must be {_LOWEST_COST} to {_HIGHEST_COST}"
        section.error(key, message, "hash the password again with a cost of 12", shown=HIDDEN)
        return None
    return match[0].encode("ascii")


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("ascii", "replace")
    except (binascii.Error, ValueError):
        return ""


def read_connectors(root: Section, expiry: Expiry, *, password_db: bool) -> tuple[ConnectorConfig, ...]:
    """Return the connectors; `enablePasswordDB` adds the local users as `local`, the last one, as Dex does."""
    connectors: list[ConnectorConfig] = []
    for section in root.sections("connectors"):
        for required in ("type", "id", "name"):
            if not section.states(required):
                section.error(required, "is missing", f"write '{required}: …'")
        section.choice("type", (), default="")
        section.texts("grantTypes")
        connector = ConnectorConfig(
            type=section.text("type") or "",
            id=section.text("id") or "",
            name=section.text("name") or "",
            config=section.mapping("config"),
            expiry=read_client_expiry(section),
        )
        section.close()
        if any(connector.id == other.id for other in connectors) or (password_db and connector.id == "local"):
            section.error("id", "is another connector's too", "give each connector an id of its own")
        connectors.append(connector)
        check_refresh_tokens(section.section("expiry"), expiry.refresh_tokens, connector.expiry.refresh_tokens)
    if not connectors and not password_db:
        remedy = "write 'enablePasswordDB: true', or a list of connectors"
        root.error("enablePasswordDB", "no connector: nobody could log in", remedy)
    if password_db:
        connectors.append(ConnectorConfig("password", "local", "Email"))
    return tuple(connectors)
