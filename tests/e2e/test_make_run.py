"""`make run`, as a person has it: on a terminal, with the lines that it tells them to paste."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.local_server import BANNER_END, make_run, needs_make_run, needs_proc
from tests.support.relying_party import RelyingParty

pytestmark = needs_make_run


@needs_proc
def test_ctrl_c_stops_everything_that_was_started_and_a_second_run_goes_on(
    tmp_path: Path, relying_party: Callable[..., RelyingParty]
) -> None:
    with make_run(tmp_path, PORT="0") as server:
        server.wait_for(BANNER_END)
        url = urlsplit(server.issuer)
        party = relying_party(server.issuer)
        refresh_token = party.log_in()["refresh_token"]
        started = server.descendants()
        assert len(started) == 3  # the local server, MiniStack, the serving process
        server.stop()
        assert server.printed[-1].startswith("^CStopped.")
        assert "Traceback" not in "\n".join(server.printed)
        assert not any(Path(f"/proc/{process}").exists() for process in started)
    with socket.create_server(("127.0.0.1", url.port or 0)):
        pass
    with make_run(tmp_path, PORT=str(url.port)) as server:
        server.wait_for(BANNER_END)
        assert party.verified(party.refresh(refresh_token)["id_token"])["email"] == "admin@example.com"


def test_the_line_to_paste_walks_the_code_flow(tmp_path: Path) -> None:
    with make_run(tmp_path / "state", PORT="0") as server:
        server.wait_for(BANNER_END)
        [line] = [line for line in server.printed if line.startswith("  try it ")]
        walk = subprocess.run(
            [*shlex.split(line)[2:], "--headless"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert walk.returncode == 0, walk.stderr
        for told in ('"email": "admin@example.com"', "Userinfo:", "refresh token"):
            assert told in walk.stdout


def test_a_file_with_mistakes_is_refused_and_every_line_is_named(tmp_path: Path) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text("issuer: http://127.0.0.1:8080\nexpiry:\n  idTokens: 90d\n  refreshToken: {}\n", encoding="utf-8")
    with make_run(tmp_path / "state", CONFIG=str(config)) as server:
        assert server.wait() == 2
    printed = "\n".join(server.printed)
    assert f"{config}:3: " in printed
    assert f"{config}:4: " in printed
    assert "Traceback" not in printed
