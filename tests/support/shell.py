"""A shell of somebody who has this checkout's commands on their PATH."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sundial_local.paths import ROOT


def shell_of(home: Path) -> dict[str, str]:
    """Return the variables of a shell that knows nothing of tests, AWS or Sundial."""
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8"}


def typed(command: str, folder: Path, *, at: Path | None = None, status: int = 0, **variables: str) -> str:
    """Run a command as typed, at home in `folder` and in it, or in `at`; return what it prints, complaints included.

    It has to end with `status`. `variables` replace those of the shell, which are few.
    """
    run = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=at or folder,
        env={**shell_of(folder), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # no terminal of whoever runs the tests
        check=False,
    )
    assert run.returncode == status, f"{command}: {run.stdout}"
    return run.stdout
