"""The pages that people see: HTML made here, which needs no script, under a policy that allows none but one of ours."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from urllib.parse import quote, urljoin, urlsplit

from sundial.config.model import Config
from sundial.web.http import Response
from sundial.web.templating import TEMPLATES, environment

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
}
ANYWHERE = ""
"""A `form-action` for a form of ours that may end at any client, and nobody knows yet at which: its address may have
a scheme of its own, which no list of sources has."""
_SUBMIT = "document.forms[0].submit()"
_HEADINGS = {
    404: "There is nothing here",
    500: "Something went wrong",
    503: "We cannot answer at the moment",
}


class Pages:
    """The templates, in the look that `frontend` asks for."""

    def __init__(self, config: Config) -> None:
        frontend = config.frontend
        self._issuer = config.issuer
        jinja = environment()
        self._logo = self._absolute(frontend.logo_url)
        icon = (TEMPLATES / "sundial.svg").read_text("utf-8").strip()
        style = jinja.get_template("style.css").render(theme=frontend.theme)
        # `</` would end the element, and a backslash before the slash changes nothing in CSS. A carriage return is
        # one that HTML would drop before the browser takes the digest.
        style += frontend.theme_css.replace("</", "<\\/").replace("\r", "")
        self._style_source = _digest(style)
        jinja.globals.update(
            site_name=frontend.issuer,
            logo=self._logo,
            theme=frontend.theme,
            style=style,
            icon=icon,
            icon_url="data:image/svg+xml," + quote(icon),
        )
        # Loaded now: while a function starts, Lambda gives it more processor than it has later.
        self._templates = {file.name: jinja.get_template(file.name) for file in TEMPLATES.glob("*.html")}

    def page(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        cookies: tuple[str, ...] = (),
        form_action: str = "'none'",
        client_logo: str = "",
        submits_itself: bool = False,
        **values: object,
    ) -> Response:
        """Return the page of a template, its `values` escaped.

        `form_action` says where its form may lead (see `form_action`, and ANYWHERE); `client_logo` is the URL of the
        one picture that it shows besides its own. A page that `submits_itself` has the one script that
        there is, for a browser that runs scripts; in any other its button does.
        """
        client_logo = self._absolute(client_logo)
        script = _SUBMIT if submits_itself else ""
        body = self._templates[template].render(client_logo=client_logo, script=script, **values)
        policy = self._policy(form_action, (self._logo, client_logo), script)
        return Response(status, body, {**_HEADERS, "Content-Security-Policy": policy, **(headers or {})}, cookies)

    def error(self, status: int, description: str, request_id: str, headers: Mapping[str, str]) -> Response:
        """Return the page that tells a person what went wrong and what to do now."""
        return self.page(
            "error.html",
            status=status,
            headers=headers,
            heading=_HEADINGS.get(status, "This login cannot go on"),
            description=_advice(status, description),
            request_id=request_id,
        )

    def _policy(self, form_action: str, images: Iterable[str], script: str) -> str:
        """Content Security Policy: nothing but our own style, our pictures, and forms that lead where they may.

        And where a page has a `script`, that one.
        """
        forms = f"form-action {form_action}; " if form_action != ANYWHERE else ""
        scripts = f"script-src {_digest(script)}; " if script else ""
        sources = " ".join(("data:", *filter(None, map(_image_source, images))))
        return (
            f"default-src 'none'; {scripts}style-src {self._style_source}; img-src {sources}; "
            f"{forms}base-uri 'none'; frame-ancestors 'none'"
        )

    def _absolute(self, url: str) -> str:
        return urljoin(self._issuer.rstrip("/") + "/", url) if url else ""


def form_action(redirect_uri: str | None = None) -> str:
    """Return the `form-action` sources of a page whose form is ours, and may end in a redirect to `redirect_uri`.

    Chromium holds the policy against every redirect that follows a form, beyond the client's callback
    as well, and clients do send people on from there to another host. So what is allowed is https and
    the scheme of the callback: no narrower list would let every login through.
    """
    if redirect_uri is None:
        return "'self'"
    return " ".join(("'self'", *sorted({"https:", f"{urlsplit(redirect_uri).scheme}:"})))


def _digest(text: str) -> str:
    """Return the policy's source for an element that holds this very text (CSP Level 3 §2.3.1)."""
    return f"'sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _image_source(url: str) -> str:
    """Return the policy's source for one picture: its address without the query, which a source can't have."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return ""
    return re.sub(r"[;,'\s]", lambda match: quote(match[0]), f"{parts.scheme}://{parts.netloc}{parts.path}")


def _advice(status: int, description: str) -> str:
    """Return what a person reads of an error: what it is, and what to do now."""
    if status == 500:
        return "The fault is ours; try again in a while."
    said = _sentence(description)
    return f"{said} Nothing is lost: try again in a little while." if status == 503 and "again" not in said else said


def _sentence(text: str) -> str:
    """Return a description as people expect one to be written."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
