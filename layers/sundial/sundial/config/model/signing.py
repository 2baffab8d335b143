"""The signing keys (`signing`; Dex: `signer`), and what a provider before this one has signed (`migration`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sundial.settings import setting


@dataclass(frozen=True, slots=True)
class Signing:
    """The signing keys."""

    algorithms: tuple[str, ...] = field(
        default=("RS256",),
        metadata=setting(
            "algorithms",
            "the `alg`s that there are keys for, of `RS256` and `ES256`; the first is the default",
            default="[RS256], or signer.config.algorithm",
            ours=True,
        ),
    )
    publish_ahead: timedelta = field(
        default=timedelta(hours=3),
        metadata=setting(
            "publishAhead",
            "how long a key stands in the JWKS before it signs, at least `10m`: longer than any verifier caches",
            default="3h",
            ours=True,
        ),
    )
    signer: str = field(
        default="secret",
        metadata=setting("signer", "where the private keys are: `secret`, the key ring", default="secret", ours=True),
    )


@dataclass(frozen=True, slots=True)
class Migration:
    """What goes on from the provider before this one."""

    dex_refresh_tokens: bool = field(
        default=False,
        metadata=setting(
            "dexRefreshTokens",
            "the refresh tokens that Dex gave out are taken, for logins that `sundial import-dex storage` has imported;"
            " one that is presented costs a read, forged ones too: take this out when Dex's last login is over",
            default="false",
            ours=True,
        ),
    )
