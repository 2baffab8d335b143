"""Answers that may be kept: a strong ETag, a lifetime, and 304 for whoever has it already (RFC 9110 §13, RFC 9111)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sundial.web.http import Request, Response


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document and its entity tag: equal bytes have equal tags, whichever function answers."""

    body: str
    etag: str

    @classmethod
    def of(cls, body: str) -> Document:
        """Return `body` with its tag."""
        return cls(body, f'"{hashlib.sha256(body.encode("utf-8")).hexdigest()[:32]}"')


def cacheable(request: Request, document: Document, max_age: int, *, vary: str = "") -> Response:
    """Return `document`, or 304 where `If-None-Match` names it (RFC 9110 §13.1.2); `max_age` is in seconds.

    `vary` is what the answer differs by, so that a shared cache keeps the differing ones apart.
    """
    # must-revalidate (RFC 9111 §5.2.2.2): else a cache that can't reach us may go on with what is stale, such as a JWKS
    # with a revoked key; CloudFront does.
    headers = {"Cache-Control": f"public, must-revalidate, max-age={max_age}", "ETag": document.etag}
    if vary:
        headers["Vary"] = vary
    if _matches(request.headers.get("if-none-match", ""), document.etag):
        return Response(304, headers=headers)
    return Response(200, document.body, headers | {"Content-Type": "application/json"})


def _matches(if_none_match: str, etag: str) -> bool:
    """Compare weakly, as RFC 9110 §13.1.2 has it: a proxy that compressed the answer has weakened the tag."""
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in ("*", etag) for tag in tags)
