"""The folder in which a local server keeps its state (`.sundial/`), and the lock that keeps two off one folder.

Run as a program, it forgets the state: `make reset`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sundial_local.paths import STATE

CLOCK_SHIFT = "SUNDIAL_CLOCK_SHIFT"
"""The variable of the environment file that says how many seconds the functions' clock is ahead of the machine's."""
_LARGEST_LOG = 10 * 1024 * 1024


class StateInUseError(Exception):
    """Another local server uses the folder; says which."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Where everything that a local server writes is."""

    path: Path

    @property
    def log(self) -> Path:
        """What the functions print: a JSON object a line."""
        return self.path / "log.jsonl"

    @property
    def config(self) -> Path:
        """The compiled configuration."""
        return self.path / "sundial.json"

    @property
    def environment(self) -> Path:
        """The variables of the functions, for a shell to read."""
        return self.path / "environment"

    @property
    def ministack(self) -> Path:
        """MiniStack's state."""
        return self.path / "ministack"

    @property
    def ministack_log(self) -> Path:
        """What MiniStack prints."""
        return self.path / "ministack.log"


@contextmanager
def held(path: Path) -> Iterator[StateFolder]:
    """Hold the folder `path`, made where it is missing, readable by its owner alone: private keys are in it.

    Raises StateInUseError.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (path / "lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise StateInUseError(
                f"another local server (process {lock.read().strip()}) keeps its state in {path}"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        folder = StateFolder(path)
        if folder.log.exists() and folder.log.stat().st_size > _LARGEST_LOG:
            folder.log.unlink()
        yield folder


def forget(path: Path = STATE) -> None:
    """Delete the folder `path` and what is in it. Raises StateInUseError."""
    if path.exists():
        with held(path):
            shutil.rmtree(path)


if __name__ == "__main__":
    try:
        forget()
    except StateInUseError as in_use:
        sys.exit(f"{in_use}: stop it first")
