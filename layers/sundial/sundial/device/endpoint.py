"""The function `device`: one route for devices, which is answered in JSON, and two for people, which are pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sundial.config.model import DEVICE_GRANT
from sundial.deployment import Deployment
from sundial.device.authorization import device_authorization
from sundial.device.server import DeviceServer
from sundial.device.verification import code_page, verify_code
from sundial.errors import OAuthError
from sundial.web.browser import BindingCookie
from sundial.web.edge import Edge
from sundial.web.http import Request, Response
from sundial.web.pages import Pages

Step = Callable[[DeviceServer, Request], Response]

FOR_DEVICES: Mapping[str, Step] = {"POST /device/code": device_authorization}
FOR_PEOPLE: Mapping[str, Step] = {"GET /device": code_page, "POST /device/auth/verify_code": verify_code}


class DeviceHandler:
    """The Lambda handler."""

    def __init__(self, server: DeviceServer, *, clock: Callable[[], float] = time.time) -> None:
        self._for_devices = Edge("device", _routes(server, FOR_DEVICES), server.config, clock=clock)
        self._for_people = Edge(
            "device",
            _routes(server, FOR_PEOPLE),
            server.config,
            clock=clock,
            on_error=lambda error, request_id: server.pages.error(
                error.status, error.description, request_id, error.headers
            ),
        )

    def __call__(self, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        """Answer one HTTP API event (payload format 2.0)."""
        edge = self._for_devices if event.get("routeKey") in FOR_DEVICES else self._for_people
        return edge(event, context)


def _routes(server: DeviceServer, steps: Mapping[str, Step]) -> dict[str, Callable[[Request], Response]]:
    """Return what is answered by the template's route: nothing where the grant is turned off."""
    served = DEVICE_GRANT in server.config.oauth2.grant_types
    return {route: partial(step, server) if served else _turned_off for route, step in steps.items()}


def _turned_off(_request: Request) -> Response:
    raise OAuthError("not_found", "the device flow is turned off here (oauth2.grantTypes)", status=404)


def device_edge(deployment: Deployment, *, clock: Callable[[], float] = time.time) -> DeviceHandler:
    """Return the handler of the function `device`."""
    config = deployment.config
    server = DeviceServer(
        config,
        deployment.clients,
        deployment.devices,
        deployment.ring,
        Pages(config),
        BindingCookie.of(config.issuer),
    )
    return DeviceHandler(server, clock=clock)
