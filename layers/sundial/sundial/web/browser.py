"""The cookies: a random value that ties what we seal to the browser that we sealed it for; and some luggage."""

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


@dataclass(frozen=True, slots=True)
class LuggageCookie:
    """Holds what is too long for another provider's URL, until the browser is back from there.

    What is in it is sealed, and opens in its browser alone: whoever planted one would gain nothing.
    """

    name: str
    path: str
    secure: bool

    @classmethod
    def of(cls, issuer: str) -> LuggageCookie:
        """Return the cookie of a login, which comes back at /callback."""
        return cls._at("sundial-request", issuer, "callback")

    @classmethod
    def of_logout(cls, issuer: str) -> LuggageCookie:
        """Return the cookie of a logout, which comes back at /logout."""
        return cls._at("sundial-logout", issuer, "logout")

    @classmethod
    def _at(cls, name: str, issuer: str, path: str) -> LuggageCookie:
        url = urlsplit(issuer)
        return cls(name, f"{url.path.rstrip('/')}/{path}", url.scheme == "https")

    def read(self, request: Request) -> str | None:
        """Return what the browser brings back; None where it brings nothing."""
        return request.cookies.get(self.name) or None

    def set(self, sealed: str) -> str:
        """Return the `Set-Cookie` value."""
        secure = "; Secure" if self.secure else ""
        return f"{self.name}={sealed}; Path={self.path}; HttpOnly; SameSite=Lax{secure}"

    def end(self) -> str:
        """Return the `Set-Cookie` value that takes it away."""
        return f"{self.set('')}; Max-Age=0"


def new_binding() -> str:
    """Return 128 random bits in base64url: 22 characters."""
    return secrets.token_urlsafe(16)
