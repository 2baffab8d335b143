"""A provider that the browser is sent to, which believes everybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from sundial.connectors.base import Arrival, Attempt, Departure, Identity
from sundial.expiry.family import Claims
from tests.support.browser import Answer, Browser, BrowserWorld
from tests.support.leak_watch import LEAKS

PROVIDER = "https://provider.example.com/authorize"
KILGORE = Claims("kilgore", username="Kilgore Trout", email="kilgore@example.com", groups=("authors",))
UPSTREAM = "an-upstream-refresh-token"


@dataclass
class Provider:
    """A redirect login whose provider believes everybody; what it was asked is kept."""

    id: str = "provider"
    name: str = "The Provider"
    answers: Exception | Identity = field(default_factory=lambda: Identity(KILGORE, UPSTREAM))
    form: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    def begin(self, attempt: Attempt, state: str, now: int) -> Departure:
        self.attempts.append(attempt)
        if self.form:
            return Departure(PROVIDER, {"SAMLRequest": "a <request>", "RelayState": state})
        return Departure(f"{PROVIDER}?state={state}")

    def finish(self, attempt: Attempt, arrival: Arrival) -> Identity:
        assert attempt in self.attempts, "what comes back is an attempt that went"
        self.arrivals.append(arrival)
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


class RefreshingProvider(Provider):
    """One that can be asked again."""

    def refresh_upstream(self, identity: Identity, scopes: frozenset[str], now: int) -> Identity | None:
        raise AssertionError("nobody refreshes here")


def world_of(*connectors: Provider) -> BrowserWorld:
    LEAKS.secret("an upstream refresh token", UPSTREAM)
    return BrowserWorld(more=connectors)


def away(browser: Browser, connector: str = "provider", **changes: str | None) -> dict[str, str]:
    """Go to the provider, and return what it is to send back."""
    return query_of(browser.authorize(connector_id=connector, **changes))


def query_of(answer: Answer) -> dict[str, str]:
    assert answer.status == 303, answer.text
    assert answer.location == PROVIDER
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
