"""Identity providers for the tests: one that nobody here wrote, and a browser that logs in there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from sundial.connectors.base import Arrival, Attempt
from tests.support.leak_watch import LEAKS
from tests.support.node import node_for

FOLDER = Path(__file__).parents[1] / "connectors" / "upstreams"
CLIENT_ID, CLIENT_SECRET = "sundial", "the secret of sundial at the provider"
CALLBACK = "https://id.example.com/callback"
KILGORE: Mapping[str, Any] = {
    "name": "Kilgore Trout",
    "preferred_username": "kilgore",
    "email": "kilgore@example.com",
    "email_verified": True,
    "groups": ["authors", "ops"],
    "hd": "example.com",
}


def an_attempt(*scopes: str, seed: str = "c2VlZCBvZiBhIHRlc3Q", **changes: Any) -> Attempt:
    """Return an attempt to log in, for `openid` and `scopes`."""
    return Attempt(CALLBACK, frozenset(("openid", *scopes)), seed, **changes)


def arrival(now: int, **parameters: str) -> Arrival:
    """Return what the browser brings back."""
    return Arrival(parameters, {}, now)


@dataclass
class OpenIDProvider:
    """The npm package `oidc-provider`, running."""

    issuer: str
    _process: subprocess.Popen[str] = field(repr=False)

    def change(self, sub: str, claims: Mapping[str, Any] | None) -> None:
        """Change what the provider knows of a user; None for one who is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({sub: claims}) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "{}\n"


@contextmanager
def openid_provider(*, client: Mapping[str, Any] | None = None, **settings: Any) -> Iterator[OpenIDProvider]:
    """Run `oidc-provider`, knowing Kilgore; skips where there is no Node.js or no npm.

    `client` changes Sundial's registration there, `settings` the provider's own settings.
    """
    node = node_for(FOLDER, "oidc-provider")
    LEAKS.secret("client_secret", CLIENT_SECRET)
    wanted = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [CALLBACK],
        "client": dict(client or {}),
        "accounts": {"kilgore": dict(KILGORE)},
        "settings": settings,
    }
    process = subprocess.Popen(
        [node, FOLDER / "provider.mjs", json.dumps(wanted)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=FOLDER,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield OpenIDProvider(json.loads(process.stdout.readline())["issuer"], process)
        finally:
            process.stdin.close()
            process.wait(timeout=10)


class _Form(HTMLParser):
    """The first form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = values.get("action", "")
        elif tag == "input" and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")


def log_in_at(url: str, login: str = "kilgore") -> dict[str, str]:
    """Go to a provider as a browser does, log in and agree to everything; return what it sends back to Sundial."""
    browser = requests.Session()
    answer = browser.get(url, allow_redirects=False, timeout=10)
    for _ in range(12):
        if answer.is_redirect:
            url = urljoin(answer.url, answer.headers["Location"])
            if url.startswith(CALLBACK):
                return dict(parse_qsl(urlsplit(url).query))
            answer = browser.get(url, allow_redirects=False, timeout=10)
            continue
        form = _Form(answer.text)
        assert form.action, (answer.status_code, answer.text[:2000])
        fields = form.fields | ({"login": login, "password": "any"} if "login" in form.fields else {})
        answer = browser.post(urljoin(answer.url, form.action), fields, allow_redirects=False, timeout=10)
    raise AssertionError("the login at the provider does not end")
