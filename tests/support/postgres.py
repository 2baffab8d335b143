"""PostgreSQL, a server of the test's own, reached by a socket in its folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_DEBIANS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
_INITDB = shutil.which("initdb") or next((str(path / "initdb") for path in reversed(_DEBIANS)), None)
USER = "dex"

needs_postgres = pytest.mark.skipif(
    _INITDB is None or shutil.which("psql") is None, reason="needs PostgreSQL (Debian: postgresql)"
)


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server until the block ends; yield what psql connects by."""
    assert _INITDB
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # a socket's path has to be short
    try:
        data, options = folder / "data", _as_somebody_else(folder)
        initdb = [_INITDB, "--pgdata", str(data), "--username", USER, "--auth", "trust", "--encoding", "UTF8"]
        made = subprocess.run(
            [*options, *initdb, "--no-sync", "--no-locale"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        server = str(Path(_INITDB).with_name("postgres"))
        command = [*options, server, "-D", str(data), "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            try:
                said = []
                for line in process.stderr:
                    said.append(line)
                    if "ready to accept connections" in line:
                        break
                else:
                    raise AssertionError("".join(said))
                yield f"host={folder} user={USER} dbname=postgres"
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate()
    finally:
        shutil.rmtree(folder)


def _as_somebody_else(folder: Path) -> list[str]:
    """Return what a command of PostgreSQL's begins with: it refuses to run as root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
