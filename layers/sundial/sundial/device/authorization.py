"""The device authorization request (RFC 8628 §3.1 and §3.2): POST /device/code.

It is the one request that is kept before anybody has logged in, because the code that a person is to type has
to be found. What bounds it: the client authenticates as it does at /token, a public one excepted; the route
has a throttle of its own (template.yaml); and what is kept is a few hundred bytes, for `expiry.deviceRequests`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sundial.config.model import Client
from sundial.device.server import DeviceServer
from sundial.errors import invalid_request, invalid_scope, temporarily_unavailable
from sundial.expiry.device import INTERVAL, DeviceRequest
from sundial.grants.client_authentication import authenticate_client
from sundial.observe import count, logger
from sundial.tokens.device_codes import mint_device_code, new_user_code, show_user_code
from sundial.tokens.resources import read_resources
from sundial.tokens.scopes import AskedScope, read_scope
from sundial.web.http import Request, Response, json_response

_REPEATABLE = frozenset(("resource",))  # RFC 8707 §2
_CODES_TO_TRY = 5
"""Of 20^8, hardly any is another's: even with a million devices waiting, five would fail once in 10^21 requests."""


def device_authorization(server: DeviceServer, request: Request) -> Response:
    """Return a device code for the device, and a user code for its person: one write."""
    if request.raw_query:
        raise invalid_request("the parameters belong in the body, not in the URL (RFC 8628 §3.1)")
    parameters = request.form(repeatable=_REPEATABLE)
    client = authenticate_client(request.headers.get("authorization"), parameters, server.clients, request.now)
    asked = _scope(server, client, parameters, request.now)
    resources = read_resources(parameters.get("resource"), client)
    lifetime = int(server.config.expiry.device_requests.total_seconds())
    expires_at = request.now + lifetime
    mac_key = server.ring.current(request.now).mac(request.now)
    device_code, family_id = mint_device_code(mac_key, client.id, request.now, expires_at)
    for _ in range(_CODES_TO_TRY):
        kept = DeviceRequest(
            user_code=new_user_code(),
            family_id=family_id,
            client_id=client.id,
            scopes=asked.scopes,
            created_at=request.now,
            expires_at=expires_at,
            audience=asked.peers,
            resources=resources,
        )
        if server.devices.ask(kept, request.now):
            break
    else:
        raise temporarily_unavailable("no user code is free at the moment; ask again", detail="user codes collide")
    logger.info("device_asked", client_id=client.id, family_id=family_id)
    count("DeviceRequests", client=client.id)
    verification_uri = server.config.url("/device")
    user_code = show_user_code(kept.user_code)
    return json_response(
        {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": verification_uri,
            "verification_uri_complete": f"{verification_uri}?user_code={user_code}",
            "expires_in": lifetime,
            "interval": INTERVAL,
        }
    )


def _scope(server: DeviceServer, client: Client, parameters: Mapping[str, str], now: int) -> AskedScope:
    """As at /auth `openid` is part of every scope; a request without a scope is for that (RFC 6749 §3.3)."""
    scope = parameters.get("scope", "openid")
    asked = read_scope(scope, client, lambda client_id: server.clients.find(client_id, now))
    if "openid" not in asked.scopes:
        raise invalid_scope("the scope must contain openid")
    return asked
