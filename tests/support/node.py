"""Node.js for the tests, and the packages that a folder's package-lock.json names."""

from __future__ import annotations

import shutil
import subprocess
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest


def node_for(folder: Path, package: str) -> str:
    """Return Node.js, once `folder` has its packages; skips where there is no Node.js or no npm, naming `package`.

    They are installed again when the lock file has changed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"{package} needs Node.js and npm, and one of them is not installed")
    with (folder / "package.json").open() as lock:
        flock(lock, LOCK_EX)  # the workers of one run all come here at once
        locked, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
            install = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            if subprocess.run(install, cwd=folder, capture_output=True, check=False).returncode != 0:
                pytest.skip(f"{package} could not be installed by npm")
    return node
