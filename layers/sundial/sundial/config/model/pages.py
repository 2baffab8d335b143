"""What browsers get (Dex: `web`, `frontend`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sundial.settings import setting


@dataclass(frozen=True, slots=True)
class Web:
    """Headers of the answers."""

    allowed_origins: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "allowedOrigins", "origins of browser apps (CORS), such as `https://app.example.com`; or `*`", default="[]"
        ),
    )
    allowed_headers: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "allowedHeaders", "request headers of theirs, beside Authorization and Content-Type", default="[]"
        ),
    )
    headers: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}),
        metadata=setting("headers", "response headers to add, such as `X-Frame-Options`", default="none"),
    )


@dataclass(frozen=True, slots=True)
class Frontend:
    """How the pages look."""

    issuer: str = field(
        default="Sundial", metadata=setting("issuer", "the name at the top of each page", default="Sundial")
    )
    logo_url: str = field(default="", metadata=setting("logoURL", "the logo at the top of each page", default="none"))
    theme: str = field(
        default="auto", metadata=setting("theme", "`light`, `dark`, or `auto`: as the reader's system", default="auto")
    )
    dir: str = field(
        default="",
        metadata=setting(
            "dir", "a folder, relative to the file's, whose `theme.css` is added to the pages", default="none"
        ),
    )
    theme_css: str = field(default="", metadata=setting("", "the text of that theme.css, read at compile time"))
