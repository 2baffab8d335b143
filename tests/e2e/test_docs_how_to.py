"""Logging in and out by the commands of docs/how-to, at a server that has the clients of those pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sundial_local.paths import ROOT
from tests.support.leak_watch import LEAKS
from tests.support.local_server import BANNER_END, LocalServer, local_server
from tests.support.pages import every_command
from tests.support.person import browser_of
from tests.support.shell import typed

AWS = "\n  - {id: aws, name: AWS command line, public: true}"
"""As docs/how-to/aws.md has it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("how-to")
    example = (ROOT / "examples" / "kubernetes.yaml").read_text("utf-8")
    config = example.replace("https://login.example.com", "http://127.0.0.1:8080")
    (folder / "sundial.yaml").write_text(config.replace("staticClients:", f"staticClients:{AWS}"), "utf-8")
    with local_server(folder / "state", "--config", str(folder / "sundial.yaml")) as running:
        running.wait_for(BANNER_END)
        yield running


def test_a_login_for_aws_is_kept_and_ended(server: LocalServer, tmp_path: Path) -> None:
    with every_command("docs/how-to/aws.md", "sundial ") as (login, logout):
        logs_in_and_out(login, logout, server, tmp_path)


def test_a_login_for_kubectl_is_kept_and_ended(server: LocalServer, tmp_path: Path) -> None:
    with every_command("docs/how-to/kubernetes.md", "sundial ") as (login, logout):
        logs_in_and_out(login, logout, server, tmp_path)


def logs_in_and_out(login: str, logout: str, server: LocalServer, home: Path) -> None:
    login, logout = (one.replace("https://login.example.com", server.issuer) for one in (login, logout))
    said = typed(login, home, DISPLAY=":0", BROWSER=browser_of(home))
    assert said.startswith("Log in, in the browser that opens")
    assert said.endswith("You are logged in.\n")
    [kept] = (home / ".local" / "state" / "sundial").glob("*.json")
    LEAKS.secret("refresh_token", json.loads(kept.read_text("utf-8"))["refresh_token"])
    assert typed(logout, home) == "You are logged out.\n"
    assert not kept.exists()
