"""The one error type: what a client is told, and what only the log is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

_NOT_ALLOWED = re.compile(r"[^ !#-\[\]-~]")  # RFC 6749 §5.2 and §4.1.2.1, RFC 6750 §3


@dataclass(slots=True, eq=False)
class OAuthError(Exception):
    """A refusal, as the RFC that refuses would word it.

    `code` is the registered OAuth error code, `description` goes to the client and says what to do,
    `detail` goes to the log alone. None of them ever holds a token, a code, a key or a password. `upstream` is an
    identity provider's failure, or of whoever comes back in its name, as any browser can: no fault of this version.
    `connector_id` then says at which (`asking`).
    """

    code: str
    description: str
    status: int = 400
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    upstream: bool = False
    connector_id: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.description}" + (f" ({self.detail})" if self.detail else "")

    @property
    def told(self) -> str:
        """The `error_description` that a client is sent: ASCII without quotes and backslashes."""
        return in_allowed_characters(self.description)


def in_allowed_characters(description: str) -> str:
    """Return `description` as far as an `error_description` may say it (RFC 6749 §5.2)."""
    return _NOT_ALLOWED.sub("", description.replace("§", "section "))


def invalid_request(description: str, *, detail: str = "") -> OAuthError:
    """RFC 6749 §5.2 and §4.1.2.1: a parameter is missing, repeated or malformed."""
    return OAuthError("invalid_request", description, detail=detail)


def invalid_client(description: str, *, basic: bool = False, detail: str = "") -> OAuthError:
    """RFC 6749 §5.2: client authentication failed; answers the scheme that the client tried."""
    headers = {"WWW-Authenticate": 'Basic realm="sundial", charset="UTF-8"'} if basic else {}
    return OAuthError("invalid_client", description, status=401, detail=detail, headers=headers)


def invalid_grant(description: str, *, detail: str = "") -> OAuthError:
    """RFC 6749 §5.2: the code or refresh token is invalid, expired, revoked or another client's."""
    return OAuthError("invalid_grant", description, detail=detail)


def unauthorized_client(description: str, *, detail: str = "") -> OAuthError:
    """RFC 6749 §5.2: this client may not use this grant or response type."""
    return OAuthError("unauthorized_client", description, detail=detail)


def unsupported_grant_type(description: str) -> OAuthError:
    """RFC 6749 §5.2."""
    return OAuthError("unsupported_grant_type", description)


def unsupported_response_type(description: str) -> OAuthError:
    """RFC 6749 §4.1.2.1."""
    return OAuthError("unsupported_response_type", description)


def invalid_scope(description: str, *, detail: str = "") -> OAuthError:
    """RFC 6749 §5.2 and §6: a scope is unknown, malformed, or wider than what was granted."""
    return OAuthError("invalid_scope", description, detail=detail)


def invalid_target(description: str, *, detail: str = "") -> OAuthError:
    """RFC 8707 §2 and RFC 8693 §2.2.2: a resource or an audience that this client may not have tokens for."""
    return OAuthError("invalid_target", description, detail=detail)


def access_denied(description: str, *, detail: str = "") -> OAuthError:
    """RFC 6749 §4.1.2.1: the user, or the policy, said no."""
    return OAuthError("access_denied", description, status=403, detail=detail)


def invalid_token(description: str, *, detail: str = "") -> OAuthError:
    """RFC 6750 §3.1: the bearer token is malformed, expired, revoked or not ours."""
    told = in_allowed_characters(description)
    challenge = f'Bearer realm="sundial", error="invalid_token", error_description="{told}"'
    return OAuthError("invalid_token", description, status=401, detail=detail, headers={"WWW-Authenticate": challenge})


def temporarily_unavailable(
    description: str, *, retry_after: int = 1, detail: str = "", upstream: bool = False
) -> OAuthError:
    """A dependency can't be reached; nothing was consumed and the same request may be sent again.

    `retry_after` is in seconds (RFC 9110 §10.2.3); `upstream` says that it is an identity provider.
    """
    return OAuthError(
        "temporarily_unavailable",
        description,
        status=503,
        detail=detail,
        headers={"Retry-After": str(retry_after)},
        upstream=upstream,
    )


def upstream_failed(description: str, *, detail: str = "") -> OAuthError:
    """RFC 9110 §15.6.3: an identity provider that we asked answered what can't be used, or refused to answer us."""
    return OAuthError("server_error", description, status=502, detail=detail, upstream=True)


def server_error(description: str, *, detail: str = "") -> OAuthError:
    """RFC 6749 §4.1.2.1: something that should not happen did."""
    return OAuthError("server_error", description, status=500, detail=detail)


@contextmanager
def asking(connector_id: str) -> Iterator[None]:
    """Ask a connector within this, and a failure of its provider says whose it is."""
    try:
        yield
    except OAuthError as error:
        if error.upstream:
            error.connector_id = connector_id
        raise
