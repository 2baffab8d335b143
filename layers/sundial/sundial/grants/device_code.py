"""The device code grant (RFC 8628 §3.4 and §3.5): the rule stands in `expiry.device`, here it meets the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sundial.config.model import Client
from sundial.errors import OAuthError, invalid_grant, invalid_target, server_error
from sundial.expiry import device
from sundial.expiry.device import Poll
from sundial.grants.form import required
from sundial.grants.response import token_response
from sundial.grants.server import Signers, TokenServer
from sundial.observe import count
from sundial.tokens.device_codes import read_device_code
from sundial.tokens.opaque import Kind, mint, new_change_id
from sundial.tokens.resources import read_resources

_NOT_OURS = "this device code is not one of ours, or was given to another client"
_REFUSALS = {
    Poll.PENDING: ("authorization_pending", "the user has not answered yet; ask again after the interval"),
    Poll.SLOW_DOWN: ("slow_down", f"asked again too soon: wait {device.INTERVAL} seconds longer from now on"),
    Poll.EXPIRED: ("expired_token", "this device code has expired; ask for a new one"),
    Poll.DENIED: ("access_denied", "the user did not allow it, or has ended the login since"),
    Poll.USED: ("invalid_grant", "the tokens of this device code have been given out before; ask for a new one"),
    Poll.REFUSED: ("invalid_grant", _NOT_OURS),
}


def device_code_grant(server: TokenServer, client: Client, parameters: Mapping[str, str], now: int) -> dict[str, Any]:
    """Return the token response for a device code: one conditional write, which notes the poll or takes the tokens.

    A forged code, another client's, or one that is over costs no network call.
    """
    text = required(parameters, "device_code", "RFC 8628 §3.4")
    resources = read_resources(parameters.get("resource"), client)
    ring = server.ring.current(now)
    presented = read_device_code(text, client.id, ring.mac_by_id)
    if presented is None:
        raise invalid_grant(_NOT_OURS)
    over = device.is_over(presented.created_at, presented.expires_at, now, ring.not_before)
    if over is not None:
        raise _refused(over)
    signers = Signers.for_client(ring, server.config, client, now)
    polled = server.devices.poll(presented, client.id, frozenset(resources), now, new_change_id())
    outcome = device.decide(polled.login, client.id, frozenset(resources), now)
    count("DevicePolls", outcome=outcome)
    family = polled.login.family
    if outcome is not Poll.GRANT or family is None:
        raise _refused(outcome)
    if not polled.applied:
        raise server_error("this poll was refused for no reason that we know", detail="condition and rule differ")
    mac_key = ring.mac_by_id(family.mac_key_id)
    if mac_key is None:
        raise server_error("the key of this login is gone; begin again", detail=f"no MAC key {family.mac_key_id}")
    refresh_token = mint(Kind.REFRESH_TOKEN, mac_key, family, family.generation) if family.generation else None
    return token_response(server, client, family, family.scopes, signers, now, refresh_token, resources)


def _refused(outcome: Poll) -> OAuthError:
    if outcome is Poll.WRONG_TARGET:
        return invalid_target("that resource was not asked for when the device began (RFC 8707 §2.2)")
    code, description = _REFUSALS[outcome]
    return OAuthError(code, description, detail=outcome.value)
