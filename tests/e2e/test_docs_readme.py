"""What README.md and CONTRIBUTING.md begin with: a server, and a login in the browser."""

from __future__ import annotations

import shlex
from pathlib import Path

from sundial_local.paths import ROOT
from tests.support.local_server import needs_make_run, run_as_typed
from tests.support.pages import answers, assert_alike, every_command, text_of, wanted
from tests.support.person import browser_of
from tests.support.shell import typed

pytestmark = needs_make_run


def test_a_minute_after_the_readme_somebody_has_logged_in(tmp_path: Path) -> None:
    with every_command("README.md") as shown, every_command("CONTRIBUTING.md", "make run", "make try") as again:
        run, walk = shown
        assert [run, walk] == list(again)
        with run_as_typed(run, tmp_path / "state") as server:
            assert_alike(answers(text_of("README.md"))[run], "\n".join(server.printed))
            walked = typed(
                f"{walk} PORT={server.issuer.rpartition(':')[2]}", tmp_path, at=ROOT, BROWSER=browser_of(tmp_path)
            )
    for told in ("Log in, in a browser, as admin@example.com", '"email": "admin@example.com"', "refresh token"):
        assert told in walked


def test_make_alone_lists_the_tasks(tmp_path: Path) -> None:
    with every_command("CONTRIBUTING.md", "make") as (make,):
        tasks = typed(make, tmp_path, at=ROOT)
    for task in wanted("CONTRIBUTING.md", "make "):
        assert f"\n  {shlex.split(task)[1]} " in tasks
