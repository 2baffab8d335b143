"""Identity providers for the tests: one that nobody here wrote, and a browser that logs in there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
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
CALLBACK, AFTER_LOGOUT = "https://id.example.com/callback", "https://id.example.com/logout"
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
def openid_provider(
    *,
    client: Mapping[str, Any] | None = None,
    account: Mapping[str, Any] = KILGORE,
    api: Sequence[str] = (),
    always_refreshes: bool = False,
    **settings: Any,
) -> Iterator[OpenIDProvider]:
    """Run `oidc-provider`, knowing Kilgore; skips where there is no Node.js or no npm.

    `client` changes Sundial's registration there, `settings` the provider's own settings. `account` is what it
    knows of Kilgore, what the routes of `api` answer him included; with `always_refreshes` it gives a refresh
    token for any scope, as some providers do.
    """
    node = node_for(FOLDER, "oidc-provider")
    LEAKS.secret("client_secret", CLIENT_SECRET)
    wanted = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [CALLBACK, AFTER_LOGOUT],
        "client": dict(client or {}),
        "accounts": {"kilgore": dict(account)},
        "api": list(api),
        "always_refreshes": always_refreshes,
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


class _Page(HTMLParser):
    """A page, as far as a robot reads it: its first form, its links, and whether it asks who is there."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = values.get("action", "")
        elif tag in ("input", "button") and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "a":
            self.links.append(values.get("href", ""))

    @property
    def asks_for_a_login(self) -> bool:
        return "login" in self.fields


class Visitor:
    """A person in a browser of their own, which keeps the provider's cookies.

    Where they are asked who they are they say `login`, and to everything else yes; with `declines` they say no at once.
    `logins` counts how often they were asked who they are.
    """

    def __init__(self, login: str = "kilgore", *, declines: bool = False) -> None:
        self._browser = requests.Session()
        self._login = login
        self._declines = declines
        self.logins = 0

    def go(self, url: str, *back: str) -> str:
        """Go to a provider, and return with which address it sends the browser to one of `back`."""
        answer = self._browser.get(url, allow_redirects=False, timeout=10)
        for _ in range(12):
            if answer.is_redirect:
                url = urljoin(answer.url, answer.headers["Location"])
                if url.partition("?")[0] in back:
                    return url
                answer = self._browser.get(url, allow_redirects=False, timeout=10)
                continue
            answer = self._say(answer)
        raise AssertionError("the provider does not send the browser back")

    def _say(self, answer: requests.Response) -> requests.Response:
        page = _Page(answer.text)
        if self._declines:
            (no,) = [link for link in page.links if link.endswith("/abort")]
            return self._browser.get(urljoin(answer.url, no), allow_redirects=False, timeout=10)
        assert page.action, (answer.status_code, answer.text[:2000])
        fields = page.fields
        if page.asks_for_a_login:
            self.logins += 1
            fields = fields | {"login": self._login, "password": "any"}
        return self._browser.post(urljoin(answer.url, page.action), fields, allow_redirects=False, timeout=10)


def log_in_at(url: str, visitor: Visitor | None = None) -> dict[str, str]:
    """Go to a provider, log in as Kilgore and agree to everything; return what it sends back to Sundial."""
    return dict(parse_qsl(urlsplit((visitor or Visitor()).go(url, CALLBACK)).query))
