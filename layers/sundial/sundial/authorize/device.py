"""The end of a device's login (RFC 8628 §3.3): the person is told, and the device is when it asks next."""

from __future__ import annotations

from dataclasses import replace

from sundial.authorize.flow import Login
from sundial.authorize.request import DeviceAsked
from sundial.authorize.response import family_of, note_login
from sundial.authorize.server import AuthorizeServer
from sundial.config.model import Client
from sundial.errors import invalid_request
from sundial.expiry.family import Ending, Family, expires_at
from sundial.web.http import Response

_ANSWERED = "This device has been answered before. If it still waits, ask it for a new code and begin again."


def allow_device(server: AuthorizeServer, client: Client, login: Login, device: DeviceAsked, now: int) -> Response:
    """Write the family that the device's request becomes, which is the one write of it; its next poll gets the tokens.

    A second time, as after a double click, it is the same family, and the same page.
    """
    begun = family_of(server, replace(login, family_id=device.family_id))
    family = replace(
        begun,
        redeemed_at=now,
        generation=1 if "offline_access" in begun.scopes else 0,
        rotated_at=now,
        last_used_at=now,
        mac_key_id=server.ring.current(now).mac(now).id,
    )
    if not server.devices.allow(family, device.expires_at, _alive_until(server, client, family, device)):
        raise invalid_request(_ANSWERED)
    note_login(family)
    return _done(server, client, allowed=True)


def deny_device(server: AuthorizeServer, client: Client, device: DeviceAsked, now: int) -> Response:
    """End the device's request, whether or not it had been allowed before."""
    server.families.revoke(device.family_id, now, Ending.DENIED)
    return _done(server, client, allowed=False)


def _alive_until(server: AuthorizeServer, client: Client, family: Family, device: DeviceAsked) -> int | None:
    """Return how long the login can be of use: as its refresh tokens, or an access token fetched at the last second."""
    if family.generation:
        policy = server.config.refresh_policy(client, family.connector_id)
        return expires_at(family.created_at, family.last_used_at, policy)
    lifetime = server.config.id_token_lifetime(client, family.connector_id)
    return device.expires_at + int(lifetime.total_seconds())


def _done(server: AuthorizeServer, client: Client, *, allowed: bool) -> Response:
    return server.pages.page("device_done.html", allowed=allowed, client_name=client.name or client.id)
