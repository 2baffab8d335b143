"""The browser's side for tests: the real handler over stores in memory, and a browser that keeps its cookies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit

from sundial.authorize.endpoint import ROUTES, edge_of
from sundial.authorize.server import AuthorizeServer
from sundial.clients import ClientRegistry
from sundial.config.model import Config, ConnectorConfig
from sundial.connectors.base import Connector
from sundial.connectors.password import PasswordConnector
from sundial.errors import temporarily_unavailable
from sundial.store.directory import LocalUser
from sundial.tokens.subject import user_tag
from sundial.web.browser import BindingCookie, LuggageCookie
from sundial.web.edge import Edge
from sundial.web.pages import Pages
from tests.support.clients import MemoryClients
from tests.support.config import make_config
from tests.support.devices import MemoryDevices
from tests.support.envelopes import MemoryEnvelopes
from tests.support.events import http_event
from tests.support.families import LOGIN_AT, MemoryFamilies
from tests.support.token_world import FixedRing

EMAIL, PASSWORD = "admin@example.com", "password"
USER_ID = "08a8684b-db88-4b73-90a9-3cd1661f5466"
HASH = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"
"""bcrypt of PASSWORD."""
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, Appendix B
CALLBACK = "https://app.example.com/callback"

CONFIG = f"""\
issuer: https://id.example.com
enablePasswordDB: true
staticPasswords:
  - email: {EMAIL}
    hash: "{HASH}"
    username: admin
    userID: {USER_ID}
    groups: [ops]
staticClients:
  - id: app
    name: The App
    secret: a-secret-of-a-test
    redirectURIs: [{CALLBACK}, "https://app.example.com/other?tenant=1"]
  - id: cli
    public: true
expiry:
  authRequests: 1h
"""

REQUEST = {
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email profile offline_access",
    "state": "a state/with+odd characters & more",
    "nonce": "n-0S6_WzA2Mj",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class MemoryDirectory:
    """A Directory in memory; `broken` stands for a table that can't be reached. `calls` counts its round trips."""

    def __init__(self, *users: LocalUser) -> None:
        self.users = list(users)
        self.broken = False
        self.calls = 0

    def user(self, key: str) -> LocalUser | None:
        return self._find(lambda user: user.email.lower() == key)

    def user_by_tag(self, tag: bytes) -> LocalUser | None:
        found = self._find(lambda user: user_tag(user.user_id) == tag)
        return None if found is None else replace(found, hash=b"")

    def _find(self, wanted: Callable[[LocalUser], bool]) -> LocalUser | None:
        self.calls += 1
        if self.broken:
            raise temporarily_unavailable("the user directory can't be reached at the moment")
        return next(filter(wanted, self.users), None)


class FlakyFamilies(MemoryFamilies):
    """Families in memory; `broken` stands for a table that can't be reached."""

    broken = False

    def begin(self, family: Any, alive_until: int | None = None) -> bool:
        if self.broken:
            raise temporarily_unavailable("the token store can't be reached at the moment")
        return super().begin(family, alive_until)


@dataclass
class BrowserWorld:
    """The function `authorize` at `now`. `more` are connectors beside the local one."""

    yaml_text: str = CONFIG
    more: Sequence[Connector] = ()
    now: int = LOGIN_AT
    families: FlakyFamilies = field(default_factory=FlakyFamilies)
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    clients: MemoryClients = field(default_factory=MemoryClients)
    ring: Any = field(default_factory=FixedRing)
    envelopes: MemoryEnvelopes = field(default_factory=MemoryEnvelopes)
    devices: MemoryDevices = field(init=False)
    config: Config = field(init=False)
    edge: Edge = field(init=False)

    def __post_init__(self) -> None:
        self.devices = MemoryDevices(self.families)
        self.configure(self.yaml_text)

    def configure(self, yaml_text: str) -> None:
        """Put another configuration in force, as a deployment in mid-life does."""
        config = make_config(yaml_text)
        others = (ConnectorConfig("fake", connector.id, connector.name) for connector in self.more)
        self.use(replace(config, connectors=(*config.connectors, *others)))

    def use(self, config: Config) -> None:
        """The same, with what YAML can't say."""
        self.config = config
        local = PasswordConnector("local", "Email", self.config.static_passwords, lambda: self.directory, least_cost=4)
        server = AuthorizeServer(
            self.config,
            ClientRegistry(self.config, lambda: self.clients),
            self.families,
            self.ring,
            {connector.id: connector for connector in (local, *self.more)},
            Pages(self.config),
            BindingCookie.of(self.config.issuer),
            LuggageCookie.of(self.config.issuer),
            self.devices,
            envelopes=self.envelopes,
        )
        self.edge = edge_of(server, clock=lambda: self.now)


@dataclass
class Form:
    """A form of a page, its fields as the server filled them in."""

    action: str
    method: str
    fields: dict[str, str]


@dataclass
class Answer(HTMLParser):
    """An answer, as a browser sees it; `url` is the address that gave it."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: str
    cookies: Sequence[str]
    title: str = ""
    forms: list[Form] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    inputs: dict[str, dict[str, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self._within = ""
        self.feed(self.body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        values = dict(attrs)
        if tag == "form":
            self.forms.append(Form(values["action"] or "", values.get("method") or "get", {}))
        if tag == "input" and values.get("name"):
            self.inputs[str(values["name"])] = values
            self.forms[-1].fields[str(values["name"])] = values.get("value") or ""
        if tag == "a":
            self.links.append(values["href"] or "")

    def handle_data(self, data: str) -> None:
        if self._within == "title":
            self.title += data
        elif self._within != "style" and data.strip():
            self.texts.append(" ".join(data.split()))

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(self.texts)

    @property
    def location(self) -> str:
        """Where a redirect leads, without its query and its fragment."""
        return self.headers["Location"].partition("#")[0].partition("?")[0]

    @property
    def answer(self) -> dict[str, str]:
        """The query of a redirect, or its fragment where it has one, each parameter of it once."""
        url = urlsplit(self.headers["Location"])
        pairs = parse_qsl(url.fragment or url.query, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)


class Browser:
    """Keeps cookies, follows redirects within the site, and fills in forms. One instance is one browser."""

    def __init__(self, world: BrowserWorld) -> None:
        self.world = world
        self.cookies: dict[str, str] = {}

    def authorize(self, **changes: str | None) -> Answer:
        """Ask for authorization, with `changes` to REQUEST (None leaves one out), and follow to the page."""
        return self.follow(self.get("/auth", {**REQUEST, **changes}))

    def get(self, url: str, query: Mapping[str, str | None] | str = "", **more: Any) -> Answer:
        if not isinstance(query, str):
            query = urlencode({name: value for name, value in query.items() if value is not None})
        path, _, own = url.partition("?")
        return self._send("GET", path, query=query or own, **more)

    def post(self, url: str, form: Mapping[str, str] | Sequence[tuple[str, str]], **more: Any) -> Answer:
        """POST a form; or a `body`, whatever it is."""
        return self._send("POST", url, **(more if "body" in more else {"form": form, **more}))

    def submit(self, page: Answer, **fields: str) -> Answer:
        """Send the page's form, filled in."""
        (form,) = page.forms
        assert form.method == "post"
        return self.post(form.action, form.fields | fields)

    def log_in(self, page: Answer, email: str = EMAIL, password: str = PASSWORD) -> Answer:
        return self.submit(page, login=email, password=password)

    def approve(self, page: Answer) -> Answer:
        return self.submit(page, approval="approve")

    def follow(self, answer: Answer) -> Answer:
        """Follow redirects for as long as they stay on the site."""
        while answer.status == 303 and answer.headers["Location"].startswith("/"):
            answer = self.get(answer.headers["Location"])
        return answer

    def _send(self, method: str, path: str, **parts: Any) -> Answer:
        event = http_event(self._route(method, path), path=path, cookies=self.cookies, **parts)
        return self.take(path, self.world.edge(event))

    def take(self, path: str, response: Mapping[str, Any]) -> Answer:
        """Return the answer that `path` gave, its cookies kept."""
        for cookie in response.get("cookies", ()):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(
            urljoin("https://id.example.com", path),
            response["statusCode"],
            response["headers"],
            response["body"],
            response.get("cookies", ()),
        )

    def _route(self, method: str, path: str) -> str:
        own = path.removeprefix(urlsplit(self.world.config.issuer).path)
        for route in ROUTES:
            if re.fullmatch(route.replace("{connector}", "[^/]+"), f"{method} {own}"):
                return route
        return f"{method} {own}"


def query_of(url: str) -> dict[str, list[str]]:
    """Return the query of a URL."""
    return parse_qs(urlsplit(url).query)


def assert_page(answer: Answer, *statuses: int) -> None:
    """Check that a person reads a page that leads nowhere, and in which nothing that was sent is markup."""
    assert answer.status in statuses
    assert "Location" not in answer.headers
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<script" not in answer.body
