"""How long everything lives (Dex: `expiry`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sundial.expiry.policies import RefreshTokenSettings
from sundial.settings import setting


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long everything lives."""

    id_tokens: timedelta = field(
        default=timedelta(hours=24), metadata=setting("idTokens", "ID tokens and access tokens", default="24h")
    )
    auth_requests: timedelta = field(
        default=timedelta(hours=24),
        metadata=setting("authRequests", "a login, from the client's request to its end", default="24h"),
    )
    auth_codes: timedelta = field(
        default=timedelta(seconds=60),
        metadata=setting(
            "authCodes", "an authorization code; at most `10m` (RFC 6749 §4.1.2)", default="60s", ours=True
        ),
    )
    device_requests: timedelta = field(
        default=timedelta(minutes=5),
        metadata=setting("deviceRequests", "a device's request, from its codes to its tokens (RFC 8628)", default="5m"),
    )
    signing_keys: timedelta = field(
        default=timedelta(hours=6),
        metadata=setting(
            "signingKeys",
            "how long a key signs, at least `10m`; `signer.config.keysRotationPeriod`, its newer name in Dex, wins",
            default="6h",
        ),
    )
    refresh_tokens: RefreshTokenSettings = field(
        default=RefreshTokenSettings(), metadata=setting("refreshTokens", "see `expiry.refreshTokens`")
    )


@dataclass(frozen=True, slots=True)
class ClientExpiry:
    """What a connector overrides of `expiry`, and a client of both."""

    id_tokens: timedelta | None = field(
        default=None, metadata=setting("idTokens", "ID tokens and access tokens", default="the wider one", ours=True)
    )
    refresh_tokens: RefreshTokenSettings = field(
        default=RefreshTokenSettings(),
        metadata=setting(
            "refreshTokens",
            "as `expiry.refreshTokens`, field by field; `0` takes a limit away",
            default="the wider ones",
            ours=True,
        ),
    )
