"""What README.md and CONTRIBUTING.md begin with: a server, and a login in the browser."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sundial_local.paths import LAYER, ROOT, TOOLS
from tests.support.local_server import LocalServer, needs_make_run, run_as_typed
from tests.support.pages import answers, assert_alike, every_command, text_of

PERSON = "import sys; from tests.support.reader import allow; allow(sys.argv[1])"

pytestmark = needs_make_run


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The variables of a shell; its browser fills in the forms by itself."""
    browser = tmp_path / "browser"
    path = os.pathsep.join(map(str, (LAYER, TOOLS, ROOT)))
    browser.write_text(f"#!/bin/sh\nPYTHONPATH='{path}' exec '{sys.executable}' -c '{PERSON}' \"$1\"\n", "utf-8")
    browser.chmod(0o755)
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BROWSER": f"{browser} %s &"}


def done(command: str, environment: dict[str, str]) -> str:
    """Return what a command prints, in the folder of the checkout."""
    run = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_minute_after_the_readme_somebody_has_logged_in(tmp_path: Path, environment: dict[str, str]) -> None:
    with every_command("README.md") as shown, every_command("CONTRIBUTING.md", "make run", "make try") as again:
        run, walk = shown
        assert [run, walk] == list(again)
        with run_as_typed(run, tmp_path / "state") as server:
            assert_alike(answers(text_of("README.md"))[run], "\n".join(server.printed))
            walked = done(f"{walk} PORT={port(server)}", environment)
    for told in ("Log in, in a browser, as admin@example.com", '"email": "admin@example.com"', "refresh token"):
        assert told in walked


def port(server: LocalServer) -> str:
    return server.issuer.rpartition(":")[2]


def test_make_alone_lists_the_tasks(environment: dict[str, str]) -> None:
    with every_command("CONTRIBUTING.md", "make") as (make, *others):
        tasks = done(make, environment)
        for task in others:
            assert f"\n  {shlex.split(task)[1]} " in tasks
