"""The refresh rule once more, in ten lines and another shape, to hold the real one against."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

SUCCESSOR = "its successor, which nobody has seen yet"


@dataclass(frozen=True, slots=True)
class Rules:
    """The five settings, in seconds; `inf` is no limit and a `window` of 0 is no grace."""

    rotation: bool = True
    window: float = 0
    idle: float = inf
    absolute: float = inf
    revokes: bool = True

    def yaml(self) -> str:
        """Return the `refreshTokens` block that states them, each of them."""
        stated = {
            "disableRotation": str(not self.rotation).lower(),
            "reuseInterval": duration(self.window),
            "validIfNotUsedFor": duration(self.idle),
            "absoluteLifetime": duration(self.absolute),
            "onReplay": "revoke" if self.revokes else "reject",
        }
        return "{" + ", ".join(f"{key}: {value}" for key, value in stated.items()) + "}"


@dataclass
class Tokens:
    """A family: its refresh tokens, oldest first, when the newest was made, when it was last used, whether it ended."""

    born: int
    made: int
    used: int
    strings: list[str] = field(default_factory=list)
    ended: bool = False

    def present(self, token: str, now: int, rules: Rules) -> str | None:
        """Return the refresh token that answers `token`, None for a refusal."""
        behind = len(self.strings) - 1 - self.strings.index(token)
        in_window = rules.window > 0 and now <= self.made + rules.window
        if self.ended or now > self.born + rules.absolute or now > self.used + rules.idle:
            return None
        if behind == 0 and not rules.rotation:
            self.used = now
            return token
        if behind <= 1 and in_window:
            return self.strings[-1]
        if behind == 0:
            self.made = self.used = now
            return SUCCESSOR
        self.ended = rules.revokes
        return None


def duration(seconds: float) -> str:
    """Return a duration in Go's syntax; no limit is a stated zero."""
    return "0s" if seconds == inf else f"{int(seconds)}s"
