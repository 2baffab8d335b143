"""`connectors[]` and `staticPasswords[]`: how people log in, and those whom the file itself knows."""

from __future__ import annotations

import base64
import binascii
import re

from sundial.config import environment
from sundial.config.clients import read_client_expiry
from sundial.config.general import check_refresh_tokens
from sundial.config.model import CONNECTOR_GRANTS, ConnectorConfig, Expiry, StaticPassword
from sundial.config.problems import HIDDEN
from sundial.config.section import Section
from sundial.connectors.registry import SERVED, read_settings

LOCAL = ConnectorConfig(type="password", id="local", name="Email")
"""The local users, as Dex names them; the id is part of their `sub`."""
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}")
_LOWEST_COST, _HIGHEST_COST = 10, 16  # Dex's bounds
_HOW_TO_HASH = "write what 'htpasswd -BnC 12 x' prints after 'x:', in quotes"


def read_connectors(
    root: Section, expiry: Expiry, issuer: str | None, *, password_db: bool
) -> tuple[ConnectorConfig, ...]:
    """Return the connectors; `password_db` adds the local users as the last one, as in Dex. There is at least one."""
    connectors: list[ConnectorConfig] = []
    for section in root.sections("connectors"):
        connector = _connector(section, issuer)
        check_refresh_tokens(section.section("expiry"), expiry.refresh_tokens, connector.expiry.refresh_tokens)
        if any(connector.id == other.id for other in connectors) or (password_db and connector.id == LOCAL.id):
            section.error("id", "is another connector's too", "give each connector an id of its own")
        connectors.append(connector)
    if password_db:
        connectors.append(LOCAL)
    if not connectors:
        remedy = "write 'enablePasswordDB: true', or a list of connectors"
        root.error("enablePasswordDB", "is off and there is no connector: nobody could log in", remedy)
    return tuple(connectors)


def _connector(section: Section, issuer: str | None) -> ConnectorConfig:
    _require(section, "type", "id", "name")
    served = section.choice("type", SERVED, default="")
    config = section.section("config")
    connector = ConnectorConfig(
        type=section.text("type") or "",
        id=section.text("id") or "",
        name=section.text("name") or "",
        grant_types=section.choices("grantTypes", CONNECTOR_GRANTS, default=()),
        config=read_settings(served, config, issuer) if served else None,
        expiry=read_client_expiry(section),
    )
    section.close()
    return connector


def read_passwords(root: Section, *, password_db: bool) -> tuple[StaticPassword, ...]:
    """Return the users of the file; as in Dex they need `enablePasswordDB`."""
    if root.states("staticPasswords") and not password_db:
        remedy = "write 'enablePasswordDB: true', or remove staticPasswords"
        root.error("staticPasswords", "stands in a file without 'enablePasswordDB: true'", remedy)
    passwords: list[StaticPassword] = []
    for section in root.sections("staticPasswords"):
        password = _password(section)
        if password is None:
            continue
        if any(password.email.lower() == other.email.lower() for other in passwords):
            section.error("email", "is an earlier user's too (case doesn't count)", "keep one of the two")
        elif any(password.user_id == other.user_id for other in passwords):
            section.warn("userID", "is an earlier user's too: clients take both for one person", "make another one")
        passwords.append(password)
    return tuple(passwords)


def _password(section: Section) -> StaticPassword | None:
    _require(section, "email", "userID")
    username = section.text("username") or ""
    email, user_id, password_hash = section.text("email"), section.text("userID"), _password_hash(section)
    name = section.text("name") or username
    preferred_username = section.text("preferredUsername") or ""
    email_verified = section.flag("emailVerified", default=True)
    groups = section.texts("groups")
    section.close()
    if email is None or user_id is None or password_hash is None:
        return None
    return StaticPassword(
        email=email,
        hash=password_hash,
        user_id=user_id,
        username=username,
        name=name,
        preferred_username=preferred_username,
        email_verified=email_verified,
        groups=groups,
    )


def _password_hash(section: Section) -> bytes | None:
    """Return the bcrypt hash of `hash`, or of the variable of `hashFromEnv`; as in Dex, either may be in base64."""
    of_environment = section.states("hashFromEnv") and not section.states("hash")
    if not of_environment and not section.states("hash"):
        section.error("hash", "is missing", _HOW_TO_HASH)
        return None
    key = "hashFromEnv" if of_environment else "hash"
    text = section.variable(key) if of_environment else section.text(key, secret=True, literal=True)
    if text is None:
        return None
    match = _BCRYPT.fullmatch(text) or _BCRYPT.fullmatch(_from_base64(text))
    if match is None:
        is_reference = environment.is_reference(text)
        remedy = "write 'hashFromEnv: NAME' to take it from a variable" if is_reference else _HOW_TO_HASH
        section.error(key, "is not a bcrypt hash", remedy, shown=HIDDEN)
        return None
    cost = int(match["cost"])
    if not _LOWEST_COST <= cost <= _HIGHEST_COST:
        message = f"has a bcrypt cost of {cost}, and {_LOWEST_COST} to {_HIGHEST_COST} are allowed (as in Dex)"
        section.error(key, message, "hash the password again, with a cost of 12", shown=HIDDEN)
        return None
    return match[0].encode("ascii")


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("ascii", "replace")
    except (binascii.Error, ValueError):
        return ""


def _require(section: Section, *keys: str) -> None:
    for key in keys:
        if not section.states(key):
            section.error(key, "is missing", f"write '{key}: …'")
