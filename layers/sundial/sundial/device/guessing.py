"""How many user codes one address may try (RFC 8628 §5.1).

A user code is one of 20^8. A browser tells nothing of who is behind it, for whoever guesses can have a new one
each time; an address can be had anew as well, but not for nothing. With a thousand devices waiting, an
address that guesses without a pause hits one of them once in twelve years. All addresses together are held by
the throttle of the route (template.yaml).
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sundial.device.server import DeviceServer
from sundial.errors import OAuthError
from sundial.observe import count, logger
from sundial.web.http import Request

MOST_TRIES = 20
"""In one WINDOW: for a person who mistypes, and for an office behind one address."""
WINDOW = timedelta(minutes=5)
_DERIVATION = b"sundial tries v1"
_IPV6_SUBSCRIBER = 64
"""Bits of an IPv6 address that are one subscriber's; the rest are theirs to choose."""


def check_guessing(server: DeviceServer, request: Request) -> None:
    """Count a try, the right ones too, before it is looked up: one write. Raises a 429 for one too many."""
    seconds = int(WINDOW.total_seconds())
    window = request.now // seconds
    ends_at = (window + 1) * seconds
    if server.devices.may_try(_source(server, request), window, MOST_TRIES, ends_at):
        return
    logger.warning("user_codes_guessed", source_ip=request.source_ip)
    count("UserCodesThrottled")
    wait = {"Retry-After": str(ends_at - request.now)}
    problem = "Too many codes have been tried from here. Wait five minutes, and try again."
    raise OAuthError("too_many_requests", problem, status=429, headers=wait)


def _source(server: DeviceServer, request: Request) -> str:
    """Return what stands for the address in the table, which is no place to list who visited."""
    mac_key = server.ring.current(request.now).mac(request.now)
    digest = hmac.digest(mac_key.secret, _DERIVATION + _subscriber(request.source_ip).encode("ascii"), "sha256")
    return urlsafe_b64encode(digest[:12]).decode("ascii")


def _subscriber(source_ip: str) -> str:
    try:
        address = ip_address(source_ip)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SUBSCRIBER), strict=False))
    return str(address)
