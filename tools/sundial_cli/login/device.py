"""The device flow, for where no browser can be opened (RFC 8628)."""

from __future__ import annotations

import time
from collections.abc import Callable

from sundial_cli.login.provider import Provider, RefusedError, Tokens
from sundial_cli.status import FINDING, StoppedError

_INTERVAL = 5
"""Seconds between two polls where the provider doesn't say, and by how many more it may ask for (§3.2, §3.5)."""
_REASONS = {"access_denied": "the login was refused", "expired_token": "nobody has logged in in time"}


def log_in_by_device(
    provider: Provider, scope: str, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> Tokens:
    """Return the tokens of a login on another device. Raises StoppedError where it is refused, or never comes."""
    try:
        answer = provider.device_authorization(scope)
    except RefusedError as refused:
        raise StoppedError(FINDING, f"the provider gives no device code: {refused}") from None
    place = answer.get("verification_uri_complete") or answer["verification_uri"]
    say(f"Log in, on any device, at\n  {place}\nThe code is {answer['user_code']}.")
    interval = answer.get("interval", _INTERVAL)
    while True:
        sleep(interval)
        try:
            return provider.poll(answer["device_code"])
        except RefusedError as refused:
            if refused.code == "slow_down":
                interval += _INTERVAL
            elif refused.code != "authorization_pending":
                raise StoppedError(FINDING, _REASONS.get(refused.code, str(refused))) from None
