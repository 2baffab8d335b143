"""A site behind a bad network: its users, its clients, its provider, and a person who visits it with a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import urllib3

from sundial.config.model import Config
from sundial.expiry.family import PendingCode, Upstream
from sundial.store.directory import LocalUser
from sundial.tokens.opaque import Kind, mint
from sundial.web.pages import Pages
from tests.support.api_upstream import Answer as Answered
from tests.support.api_upstream import Came
from tests.support.browser import CALLBACK, EMAIL, HASH, REQUEST, Answer, Browser, query_of
from tests.support.clients import CLIENT_SECRET, a_client
from tests.support.crash_plans import Asked
from tests.support.crash_world import Bench, Item, Machine, Response, in_json
from tests.support.events import http_event
from tests.support.families import LOGIN_AT, MAC_KEY, a_login
from tests.support.faults import Killed
from tests.support.hostile import ACCESS_TOKEN, Hostile, hostile_provider
from tests.support.leak_watch import LEAKS
from tests.support.token_world import SECRET, USER_ID
from tests.support.token_world import Answer as Json

TABLE_EMAIL = "joan@example.com"
PEERS = tuple(f"peer-{nth}" for nth in range(4))
"""Clients of the table that trust `table-app`, which is one too."""
FOR_PEERS = " ".join(("openid offline_access", *(f"audience:server:client_id:{peer}" for peer in PEERS)))
"""The scope of tokens for all of them."""
SECRETS = {"table-app": CLIENT_SECRET, "cli": ""}
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, Appendix B

_CONFIG = f"""\
issuer: https://id.example.com
enablePasswordDB: true
staticPasswords:
  - {{email: {EMAIL}, hash: "{HASH}", username: admin, userID: {USER_ID}, groups: [ops]}}
staticClients:
  - id: app
    name: The App
    secret: {SECRET}
    redirectURIs: [{CALLBACK}]
    postLogoutRedirectURIs: [https://app.example.com/bye]
  - {{id: cli, public: true}}
connectors:
  - type: oidc
    id: up
    name: The Provider
    config:
      issuer: %s
      clientID: sundial
      clientSecret: the secret at the provider
      exchangeAudiences: [sundial]
oauth2:
  responseTypes: [code, token, id_token]
  passwordConnector: local
  skipApprovalScreen: %s
signing: {{algorithms: [ES256]}}
expiry: {{idTokens: 1h, refreshTokens: %s}}
logger: {{level: error}}
"""


@dataclass
class StrictProvider:
    """A provider whose codes and refresh tokens are good once: a second use ends the login there.

    Where it is `lenient`, the token before the current one is given the current one, as Sundial itself does.
    """

    hostile: Hostile
    lenient: bool = False
    serial: int = 1
    is_over: bool = False
    presented: list[str] = field(default_factory=list)
    """The codes and refresh tokens that came, in order."""

    def __post_init__(self) -> None:
        self.hostile.api.routes["POST /token"] = self._token

    @property
    def current(self) -> str:
        """The refresh token that is good."""
        return self._token_of(self.serial)

    def begin(self, *, lenient: bool = False) -> None:
        """Begin with a new login, whose refresh token is the first."""
        self.lenient, self.serial, self.is_over = lenient, 1, False
        self.presented.clear()

    def _token_of(self, serial: int) -> str:
        LEAKS.secret("an upstream refresh token", f"upstream-token-{serial}")
        return f"upstream-token-{serial}"

    def _token(self, came: Came) -> Answered:
        presented = came.form.get("refresh_token") or came.form["code"]
        is_first = presented not in self.presented
        self.presented.append(presented)
        if "code" in came.form:
            self.is_over |= not is_first
        elif presented == self.current:
            self.serial += 1
        else:
            self.is_over |= not (self.lenient and presented == self._token_of(self.serial - 1))
        if self.is_over:
            return Answered({"error": "invalid_grant"}, 400)
        issued = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "refresh_token": self.current}
        return Answered({**issued, "id_token": self.hostile.id_token()})


@dataclass
class CrashSite:
    """The deployment, its provider, and the configurations that it is deployed with."""

    bench: Bench
    provider: StrictProvider
    pool: urllib3.PoolManager
    _pages: dict[int, Pages] = field(default_factory=dict)
    _right: dict[str, Machine] = field(default_factory=dict)

    def __post_init__(self) -> None:
        url = self.provider.hostile.api.url
        self.config = _CONFIG % (url, "false", "{reuseInterval: 30s}")
        self.without_consent = _CONFIG % (url, "true", "{reuseInterval: 30s}")
        self.with_a_short_window = _CONFIG % (url, "false", "{reuseInterval: 5s}")
        self.without_rotation = _CONFIG % (url, "false", "{disableRotation: true, validIfNotUsedFor: 1h}")
        joan = LocalUser(email=TABLE_EMAIL, user_id="3d5c9f7a", hash=HASH.encode(), username="joan", groups=("ops",))
        assert self.bench.users.create(joan)
        for peer in PEERS:
            assert self.bench.clients.create(a_client(peer, trustedPeers=["table-app"]))
        assert self.bench.clients.create(a_client("table-app", name="An App", redirectURIs=[CALLBACK]))

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Let machines share what takes each of them long to make and holds nothing of a request."""
        with pytest.MonkeyPatch.context() as patches:
            patches.setattr("sundial.authorize.endpoint.Pages", self._pages_of)
            patches.setattr("sundial.device.endpoint.Pages", self._pages_of)
            patches.setattr("sundial.connectors.http.Http._pool", self.pool)
            yield

    def _pages_of(self, config: Config) -> Pages:
        if id(config) not in self._pages:
            self._pages[id(config)] = Pages(config)
        return self._pages[id(config)]

    def machine(self, config: str = "") -> Machine:
        """Return the machine that is all right, the ring in memory."""
        wanted = config or self.config
        if wanted not in self._right:
            self._right[wanted] = self.bench.machine(wanted, warm=True)
        return self._right[wanted]

    def tokens(self, connector_id: str = "local", **login: Any) -> dict[str, Any]:
        """Return the token response of a login of just now, to the client `app`; `login` are changes to its family."""
        now = self.bench.now
        claims = replace(a_login().claims, user_id=USER_ID)
        code = PendingCode(now + 60, CALLBACK)
        begun = {"client_id": "app", "connector_id": connector_id, "claims": claims, "created_at": now, "code": code}
        family = a_login(**begun | login)
        assert self.bench.families.begin(family)
        return self.redeem(mint(Kind.AUTHORIZATION_CODE, MAC_KEY, family, 1), family.client_id, code_verifier="")

    def redeem(self, code: str, client_id: str = "app", **changes: str) -> dict[str, Any]:
        """Exchange a code, which must be good, and return the answer."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        answer = self.post(client_id, **form | changes)
        assert answer.status == 200, answer.body
        return answer.body

    def post(self, client_id: str = "app", path: str = "/token", **form: str) -> Json:
        """POST to the function `token`, which is all right."""
        answer = self.machine().send(self.form(client_id, path, **form))
        assert answer is not None
        return in_json(answer)

    def form(self, client_id: str = "app", path: str = "/token", **form: str) -> Mapping[str, Any]:
        """Return the event of such a POST; an empty value leaves a parameter out."""
        whole = {"client_id": client_id, "client_secret": SECRETS.get(client_id, SECRET), **form}
        return http_event(f"POST {path}", form={name: value for name, value in whole.items() if value})

    def check_one_login(self, *, revoked: bool = False) -> Item:
        """Return the one login that anybody has, and clear the table.

        Another may stand there whose answer was lost: nobody was given its code, and it ends by itself in a minute.
        """
        logins = [item for item in self.bench.take_items() if "client_id" in item]
        (login,) = (item for item in logins if "redeemed_at" in item)
        assert ("revoked_at" in login) == revoked
        assert len(logins) <= 2
        return login

    def kept(self, login: Item) -> str:
        """Return the refresh token of the provider's that is kept of a login."""
        upstream = Upstream(login["upstream"]["M"]["key"]["B"], login["upstream"]["M"]["data"]["B"])
        text = self.bench.envelopes.open(login["id"]["S"], upstream).text
        return str(json.loads(text)["refresh_token"])


class Visitor:
    """A person with a browser, at a site that is all right until it is the turn of what is tried."""

    def __init__(self, site: CrashSite, config: str = "", **request: str | None) -> None:
        """`request` are changes to the authorization request."""
        site.bench.now = LOGIN_AT
        site.provider.begin()
        self.site, self.email, self.user_code, self.yes = site, EMAIL, "", True
        self.browser = Browser(cast(Any, site.machine(config)))
        self.request = {**REQUEST, "connector_id": "local", **request}

    def begin(self) -> Answer:
        """Go to the site, and on to the login."""
        return self.browser.follow(self.browser.get("/auth", self.request))

    def log_in(self) -> Answer:
        """Log in with a password, or at the provider."""
        page = self.begin()
        return self.come_back(page) if page.status == 303 else self.press(page)

    def come_back(self, departure: Answer) -> Answer:
        """Come back from the provider."""
        sent = query_of(departure.headers["Location"])
        hostile = self.site.provider.hostile
        hostile.now = self.site.bench.now
        hostile.claims["nonce"] = sent["nonce"][0]
        return self.browser.get("/callback", {"code": "a-code", "state": sent["state"][0]})

    def log_in_by(self, connector_id: str, chooser: Answer) -> Answer:
        """Choose how to log in, and do."""
        (link,) = (link for link in chooser.links if f"/{connector_id}?" in link)
        page = self.browser.follow(self.browser.get(link))
        return self.come_back(page) if page.status == 303 else self.press(page)

    def type_code(self) -> Answer:
        """Type the code of a device."""
        return self.press(self.browser.get("/device"))

    def press(self, page: Answer) -> Answer:
        """Fill in a page's form, and press its button."""
        if "password" in page.inputs:
            return self.browser.log_in(page, self.email)
        if "user_code" in page.inputs:
            return self.browser.submit(page, user_code=self.user_code)
        return self.browser.submit(page, approval="approve" if self.yes else "deny")

    def asks(self, act: Callable[[], object], settled: Callable[[Answer], None]) -> Asked:
        """Return what the browser would send by `act`, which is what is tried."""

        def press(response: Response) -> Mapping[str, Any] | None:
            page = self.browser.take("/", response)
            return self._sent_by(lambda: self.press(page)) if page.forms else None

        return Asked(self._sent_by(act), lambda response: settled(self.browser.take("/", response)), press)

    def _sent_by(self, act: Callable[[], object]) -> Mapping[str, Any]:
        site = self.browser.world
        waiting = _Waiting(site.config)
        self.browser.world = cast(Any, waiting)
        with suppress(Killed):
            act()
        self.browser.world = site
        return waiting.sent


@dataclass
class _Waiting:
    """A site that answers nothing: what is sent there is kept."""

    config: Config
    sent: Mapping[str, Any] = field(default_factory=dict)

    def edge(self, event: Mapping[str, Any]) -> Response:
        self.sent = event
        raise Killed


@contextmanager
def crash_site(bench: Bench) -> Iterator[CrashSite]:
    """Run the provider."""
    with hostile_provider() as hostile, urllib3.PoolManager(retries=False) as pool:
        yield CrashSite(bench, StrictProvider(hostile), pool)
