"""What the device flow works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sundial.clients import Clients
from sundial.config.model import Config
from sundial.web.browser import BindingCookie
from sundial.web.pages import Pages

if TYPE_CHECKING:
    from sundial.keys.cache import RingCache
    from sundial.store.devices import DeviceStore


@dataclass(frozen=True, slots=True)
class DeviceServer:
    """The configuration, the stores and the pages."""

    config: Config
    clients: Clients
    devices: DeviceStore
    ring: RingCache
    pages: Pages
    cookie: BindingCookie
