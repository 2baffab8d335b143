"""What every step of the browser's side works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from sundial.clients import Clients
from sundial.config.model import Client, Config
from sundial.connectors.base import Connector, may_refresh
from sundial.events import Events
from sundial.store.envelopes import Envelopes, NoEnvelopes
from sundial.web.browser import BindingCookie, LuggageCookie
from sundial.web.http import Response
from sundial.web.pages import Pages

if TYPE_CHECKING:
    from sundial.keys.cache import RingCache
    from sundial.store.devices import DeviceStore
    from sundial.store.families import FamilyStore


@dataclass(frozen=True, slots=True)
class AuthorizeServer:
    """The configuration, the stores and the pages. `connectors` are by id, in the order of the file."""

    config: Config
    clients: Clients
    families: FamilyStore
    ring: RingCache
    connectors: Mapping[str, Connector]
    pages: Pages
    cookie: BindingCookie
    luggage: LuggageCookie
    envelopes: Envelopes = field(default_factory=NoEnvelopes, kw_only=True)
    devices: DeviceStore
    events: Events = field(default_factory=Events, kw_only=True)

    def connectors_for(self, client: Client, grant: str) -> tuple[Connector, ...]:
        """Return the connectors that `client` may use by `grant`, such as `authorization_code`.

        Dex: staticClients[].allowedConnectors, connectors[].grantTypes.
        """
        allowed = client.allowed_connectors
        offered = (one for id, one in self.connectors.items() if not allowed or id in allowed)
        return tuple(one for one in offered if self.config.allows(one.id, grant))

    def grantable(self, scopes: frozenset[str], connector: Connector, upstream: str) -> frozenset[str]:
        """Return `scopes` without `offline_access` where nothing could ever be refreshed (dex.md, "Tokens").

        `upstream` is what the connector keeps of the login.
        """
        if may_refresh(connector, upstream) and self.config.refreshes(connector.id):
            return scopes
        return scopes - {"offline_access"}

    def link(self, *segments: str, **query: str) -> str:
        """Return the path of one of our own pages, under the issuer's path.

        Without a host, so that it stays on the one that the browser is on, where the cookie is.
        """
        path = urlsplit(self.config.issuer).path.rstrip("/")
        path += "".join(f"/{quote(segment, safe='')}" for segment in segments)
        return f"{path}?{urlencode(query)}" if query else path


def see_other(location: str, *, cookies: tuple[str, ...] = ()) -> Response:
    """Return a redirect that the browser follows with a GET, whatever it sent before (RFC 9700 §4.12)."""
    return Response(303, "", {"Location": location, "Cache-Control": "no-store"}, cookies)
