"""What the `expiry` section of a Dex configuration comes to, for one client and one connector."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from sundial.settings import setting


class OnReplay(StrEnum):
    """What a replayed refresh token costs (`expiry.refreshTokens.onReplay`, Sundial's own)."""

    REVOKE = "revoke"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class RefreshTokenSettings:
    """One `refreshTokens` block as written: None means that the block does not state the setting.

    A stated zero is a statement: it unsets what a wider block had set.
    """

    disable_rotation: bool | None = field(
        default=None,
        metadata=setting(
            "disableRotation", "a refresh keeps the same token; needs one of the two limits", default="false"
        ),
    )
    reuse_interval: timedelta | None = field(
        default=None,
        metadata=setting(
            "reuseInterval",
            "for this long after a rotation the previous token still answers, with the current one",
            default="0: no grace",
        ),
    )
    valid_if_not_used_for: timedelta | None = field(
        default=None,
        metadata=setting("validIfNotUsedFor", "a login ends when unused for this long", default="no limit"),
    )
    absolute_lifetime: timedelta | None = field(
        default=None, metadata=setting("absoluteLifetime", "a login ends this long after it began", default="no limit")
    )
    on_replay: OnReplay | None = field(
        default=None,
        metadata=setting(
            "onReplay",
            "what a superseded token costs: `revoke` ends the login, `reject` refuses the one request, as Dex does",
            default="revoke",
            ours=True,
        ),
    )


@dataclass(frozen=True, slots=True)
class RefreshTokenPolicy:
    """The refresh token settings in force; None is Dex's "unset": the limit does not exist."""

    disable_rotation: bool = False
    reuse_interval: timedelta | None = None
    valid_if_not_used_for: timedelta | None = None
    absolute_lifetime: timedelta | None = None
    on_replay: OnReplay = OnReplay.REVOKE

    @classmethod
    def of(cls, *layers: RefreshTokenSettings | None) -> RefreshTokenPolicy:
        """Return the policy of `layers`, each overriding field by field the ones before it."""
        disable_rotation, on_replay = False, OnReplay.REVOKE
        reuse: timedelta | None = None
        idle: timedelta | None = None
        absolute: timedelta | None = None
        for layer in layers:
            if layer is None:
                continue
            if layer.disable_rotation is not None:
                disable_rotation = layer.disable_rotation
            if layer.reuse_interval is not None:
                reuse = layer.reuse_interval or None
            if layer.valid_if_not_used_for is not None:
                idle = layer.valid_if_not_used_for or None
            if layer.absolute_lifetime is not None:
                absolute = layer.absolute_lifetime or None
            if layer.on_replay is not None:
                on_replay = layer.on_replay
        return cls(disable_rotation, reuse, idle, absolute, on_replay)

    @property
    def never_ends(self) -> bool:
        """Whether one token would be good for ever: never rotated, without a limit. Dex's documentation forbids it."""
        return self.disable_rotation and self.valid_if_not_used_for is None and self.absolute_lifetime is None
