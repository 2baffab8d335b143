"""A proxy that has logged the user in before the request comes here, and says so in headers (Dex: `authproxy`).

Anybody can send headers to a public API. So the proxy proves itself by a secret of its own in each request, and what
it says counts on this connector's own path alone. See docs/connectors/authproxy.md for what the proxy has to do.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from sundial.config.problems import HIDDEN
from sundial.connectors.base import Arrival, Attempt, Departure, Identity
from sundial.connectors.http import unbelievable
from sundial.connectors.settings import read_secret
from sundial.errors import access_denied
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section

SHORTEST_SECRET = 32
"""Characters: anybody may try as often as they like."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2
_NOT_THE_PROXY = "This login did not come by way of the proxy that logs people in here. Go back and log in again."


@dataclass(frozen=True, slots=True)
class AuthProxySettings:
    """Dex: `connectors[].config` of an `authproxy`; the secrets are ours. Headers have their names in lower case."""

    secrets: tuple[str, ...] = field(repr=False)
    """Any of them will do: two, while one takes the place of the other."""
    proof_header: str = "x-remote-secret"
    """Where the secret is sent."""
    user_id_header: str = "x-remote-user-id"
    user_header: str = "x-remote-user"
    user_name_header: str = "x-remote-user-name"
    email_header: str = "x-remote-user-email"
    group_header: str = "x-remote-group"
    group_separator: str = ","
    static_groups: tuple[str, ...] = ()


class AuthProxyConnector:
    """Sends the browser to its own callback, which stands behind the proxy."""

    groups_are = "`groupHeader` and `staticGroups`"

    def __init__(self, id: str, name: str, settings: AuthProxySettings) -> None:
        self.id = id
        self.name = name
        self._settings = settings

    @staticmethod
    def read(section: Section, _issuer: str | None) -> AuthProxySettings:
        """Return the settings."""
        return AuthProxySettings(
            _read_secrets(section),
            _read_header(section, "proxySecretHeader", "X-Remote-Secret"),
            _read_header(section, "userIDHeader", "X-Remote-User-Id"),
            _read_header(section, "userHeader", "X-Remote-User"),
            _read_header(section, "userNameHeader", "X-Remote-User-Name"),
            _read_header(section, "emailHeader", "X-Remote-User-Email"),
            _read_header(section, "groupHeader", "X-Remote-Group"),
            section.text("groupHeaderSeparator") or ",",
            section.texts("staticGroups"),
        )

    def begin(self, attempt: Attempt, state: str, _now: int) -> Departure:
        """Return the callback of this connector (see RedirectLogin)."""
        return Departure(f"{attempt.callback_url}/{quote(self.id, safe='')}?{urlencode({'state': state})}")

    def finish(self, _attempt: Attempt, arrival: Arrival) -> Identity:
        """Return whom the proxy names (see RedirectLogin)."""
        settings, headers = self._settings, arrival.headers
        if not arrival.own_path:
            # A proxy may add its secret on every path, and take the user's headers away on the one that it guards.
            raise access_denied(_NOT_THE_PROXY, detail="authproxy: not on the connector's own callback")
        if not self._is_the_proxy(headers):
            raise access_denied(_NOT_THE_PROXY, detail=f"authproxy: {settings.proof_header} is not the secret")
        user = self._value(headers, settings.user_header)
        if not user:
            raise unbelievable(self.name, f"authproxy: the proxy sent no {settings.user_header}")
        return Identity(
            Claims(
                user_id=self._value(headers, settings.user_id_header) or user,
                username=user,
                preferred_username=self._value(headers, settings.user_name_header) or user,
                email=self._value(headers, settings.email_header) or user,
                email_verified=True,
                groups=self._groups(headers),
            )
        )

    def _is_the_proxy(self, headers: Mapping[str, str]) -> bool:
        sent = headers.get(self._settings.proof_header, "").encode("utf-8")
        return any(hmac.compare_digest(sent, secret.encode("utf-8")) for secret in self._settings.secrets)

    def _value(self, headers: Mapping[str, str], name: str) -> str:
        """Return a header; one with a comma may be two, of which the user sent the first (RFC 9110 §5.3)."""
        value = headers.get(name, "").strip()
        if "," in value:
            raise unbelievable(self.name, f"authproxy: {name} was sent twice, or holds a comma")
        return value

    def _groups(self, headers: Mapping[str, str]) -> tuple[str, ...]:
        sent = headers.get(self._settings.group_header, "").split(self._settings.group_separator)
        named = filter(None, (group.strip() for group in sent))
        return tuple(dict.fromkeys((*named, *self._settings.static_groups)))


def _read_secrets(section: Section) -> tuple[str, ...]:
    if not section.states("proxySecret"):
        message = "is missing: without it, anybody could say in a header who they are"
        section.error("proxySecret", message, "write 'proxySecret: $NAME', and have the proxy send that")
    secrets = []
    for key in ("proxySecret", "formerProxySecret"):
        secret = read_secret(section, key, required=False)
        if secret and len(secret) < SHORTEST_SECRET:
            remedy = "make one by 'openssl rand -hex 32'"
            section.error(key, f"is shorter than {SHORTEST_SECRET} characters", remedy, shown=HIDDEN)
        if secret:
            secrets.append(secret)
    return tuple(secrets)


def _read_header(section: Section, key: str, default: str) -> str:
    name = section.text(key) or default
    if not _NAME.fullmatch(name):
        section.error(key, "is not the name of a header", f"write a name, such as '{default}'")
    return name.lower()
