"""What is kept between two calls: a refresh token and AWS credentials, in a file that its owner alone can read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sundial_cli.status import FINDING, UNREACHABLE, StoppedError

_FORMAT = 1
_OTHERS = 0o077
_SECONDS_TO_WAIT = 330
"""Longer than somebody else may take to log in."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one login. Credentials are by what was asked for; nothing of it is shown."""

    refresh_token: str = field(default="", repr=False)
    credentials: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)


class Keeper:
    """Keeps one login, by issuer, client and scope."""

    def __init__(self, folder: Path, *names: str) -> None:
        digest = hashlib.sha256("\0".join(names).encode("utf-8")).hexdigest()[:20]
        self.path = folder / f"{digest}.json"

    def read(self) -> Kept:
        """Return what is kept; nothing where there is no file, or one of another version.

        Raises StoppedError where others may read it.
        """
        try:
            with self.path.open(encoding="utf-8") as file:
                if os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS:
                    raise StoppedError(
                        FINDING, f"others may read {self.path}, which holds a login: delete it, log in again"
                    )
                document: Any = json.load(file)
        except (FileNotFoundError, ValueError):
            return Kept()
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            return Kept()
        return Kept(document["refresh_token"], document["credentials"])

    def write(self, kept: Kept) -> None:
        """Keep this instead, whole or not at all."""
        document = {"format": _FORMAT, "refresh_token": kept.refresh_token, "credentials": dict(kept.credentials)}
        unfinished = self.path.with_suffix(f".{os.getpid()}")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep all other processes out until the block ends: of many calls at once, one refreshes."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with FileLock(self.path.with_suffix(".lock"), timeout=_SECONDS_TO_WAIT, mode=0o600):
                yield
        except Timeout:
            raise StoppedError(UNREACHABLE, f"another process has had {self.path} to itself for too long") from None


def default_folder() -> Path:
    """Return where logins are kept: `$XDG_STATE_HOME/sundial`, as the XDG base directories have it."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sundial"
