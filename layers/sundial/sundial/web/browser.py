"""The one cookie: a random value that ties what we seal to the browser that we sealed it for."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from sundial.web.http import Request

_BINDING = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class BindingCookie:
    """How the cookie is called and where it is sent. It ends with the browser's session."""

    name: str
    path: str
    secure: bool

    @classmethod
    def of(cls, issuer: str) -> BindingCookie:
        """Return the cookie of an issuer.

        Over https it has the prefix `__Host-`, so that no other host, a subdomain say, can plant one
        (RFC 6265bis §4.1.3.2); that prefix wants Path=/. Over http, on loopback, browsers refuse the prefix.
        """
        url = urlsplit(issuer)
        if url.scheme == "https":
            return cls("__Host-sundial", "/", secure=True)
        return cls("sundial", url.path or "/", secure=False)

    def read(self, request: Request) -> str | None:
        """Return the browser's value; None where it sent none, or one that we never made."""
        value = request.cookies.get(self.name, "")
        return value if _BINDING.fullmatch(value) else None

    def set(self, value: str) -> str:
        """Return the `Set-Cookie` value.

        Lax, not Strict: the login begins with a navigation from the client's site, and a second tab must
        find the value of the first.
        """
        secure = "; Secure" if self.secure else ""
        return f"{self.name}={value}; Path={self.path}; HttpOnly; SameSite=Lax{secure}"


def new_binding() -> str:
    """Return 128 random bits in base64url: 22 characters."""
    return secrets.token_urlsafe(16)
