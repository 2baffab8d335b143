"""The device flow for tests: the functions `device`, `authorize` and `token` over the same stores in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sundial.clients import ClientRegistry
from sundial.config.model import DEVICE_GRANT, Config
from sundial.connectors.password import PasswordConnector
from sundial.device.endpoint import FOR_DEVICES, FOR_PEOPLE, DeviceHandler
from sundial.device.server import DeviceServer
from sundial.grants.endpoint import token_routes
from sundial.grants.server import TokenServer
from sundial.live_tokens import LiveTokens
from sundial.tokens.subject import connector_tag
from sundial.web.browser import BindingCookie
from sundial.web.edge import Edge
from sundial.web.pages import Pages
from tests.support.bearers import MemoryBearers
from tests.support.browser import Answer as Page
from tests.support.browser import Browser, BrowserWorld
from tests.support.events import Parameters, http_event
from tests.support.token_world import Answer

SCOPE = "openid email offline_access"


@dataclass
class DeviceWorld(BrowserWorld):
    """The three functions at `now`: `edge` answers for all of them."""

    bearers: Any = field(init=False)

    def __post_init__(self) -> None:
        self.bearers = MemoryBearers(self.families)
        super().__post_init__()

    def use(self, config: Config) -> None:
        super().use(config)
        authorize = self.edge
        clients = ClientRegistry(config, lambda: self.clients)
        pages, cookie = Pages(config), BindingCookie.of(config.issuer)
        device = DeviceHandler(
            DeviceServer(config, clients, self.devices, self.ring, pages, cookie), clock=lambda: self.now
        )
        local = PasswordConnector("local", "Email", config.static_passwords, lambda: self.directory, least_cost=4)
        live_tokens = LiveTokens(self.bearers, config.issuer)
        connectors = {connector_tag("local"): local}
        server = TokenServer(
            config, clients, self.families, self.ring, connectors, devices=self.devices, live_tokens=live_tokens
        )
        token = Edge("token", token_routes(server), config, clock=lambda: self.now)

        def answer(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
            route = event["routeKey"]
            if route in FOR_DEVICES or route in FOR_PEOPLE:
                return device(event, context)
            return (token if route.startswith("POST /token") else authorize)(event, context)

        self.edge = cast(Edge, answer)

    def forget(self) -> None:
        """Begin anew, with nothing kept."""
        families, devices = self.families, self.devices
        for kept in (families.families, families.revoked, devices.requests, devices.polls, devices.tries):
            kept.clear()

    def post(self, path: str, form: Parameters, headers: Mapping[str, str] | None = None) -> Answer:
        """POST `form` as a device does."""
        response = self.edge(http_event(f"POST {path}", form=form, headers=headers or {}))
        return Answer(response["statusCode"], response["headers"], json.loads(response["body"]))


class Device:
    """A television: it has a client, and shows a code."""

    def __init__(self, world: DeviceWorld, client_id: str = "cli", secret: str | None = None) -> None:
        self.world = world
        self.credentials = {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        self.codes: dict[str, Any] = {}

    def ask(self, scope: str | None = SCOPE, **more: str) -> Answer:
        """Ask for codes."""
        form = self.credentials | ({} if scope is None else {"scope": scope}) | more
        answer = self.world.post("/device/code", form)
        self.codes = answer.body
        return answer

    def poll(self, **changes: str) -> Answer:
        """Ask for the tokens."""
        form = {"grant_type": DEVICE_GRANT, "device_code": self.codes.get("device_code", "")}
        return self.world.post("/token", self.credentials | form | changes)


def open_page(browser: Browser, user_code: str = "") -> Page:
    """Return the page where a code is typed; with `user_code`, by verification_uri_complete."""
    return browser.get("/device", {"user_code": user_code or None})


def type_code(browser: Browser, user_code: str) -> Page:
    """Open the page, type a code, and go on to the login."""
    return browser.follow(browser.submit(open_page(browser), user_code=user_code))


def log_in(browser: Browser, user_code: str) -> Page:
    """Type a code and log in; return the consent page."""
    return browser.log_in(type_code(browser, user_code))
