"""Logging in and out by the commands of docs/how-to, at a server that has the clients of those pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path

import boto3
import pytest

from sundial_local.paths import ROOT
from tests.support.leak_watch import LEAKS
from tests.support.local_server import BANNER_END, LocalServer, local_server
from tests.support.pages import blocks, every_command, text_of
from tests.support.person import browser_of
from tests.support.shell import shell_of, typed

ACCOUNT = "000000000000"
"""MiniStack's."""
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


def test_a_login_for_aws_is_a_role_for_every_program_until_it_is_ended(
    server: LocalServer, tmp_path: Path, aws_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = text_of("docs/how-to/aws.md")
    [profile], [trust] = blocks(page, "ini"), blocks(page, "json")
    host, role = server.issuer.partition("://")[2], "developer-of-the-page"  # others have made one, too
    instead = {"https://login.example.com": server.issuer, "login.example.com": host, "111122223333": ACCOUNT}
    instead["role/developer"] = f"role/{role}"
    profile, trust = (reduce(lambda one, to: one.replace(*to), instead.items(), text) for text in (profile, trust))
    boto3.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    (tmp_path / "config").write_text(profile, "utf-8")
    with every_command("docs/how-to/aws.md", "sundial ") as (login, logout):
        logs_in(login, server, tmp_path)
        with monkeypatch.context() as patch:
            for name, value in {**shell_of(tmp_path), "AWS_CONFIG_FILE": str(tmp_path / "config")}.items():
                patch.setenv(name, value)
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "XDG_STATE_HOME"):
                patch.delenv(name, raising=False)
            caller = boto3.Session(profile_name="developer").client("sts").get_caller_identity()
        assert f":{ACCOUNT}:assumed-role/{role}/" in caller["Arn"]
        logs_out(logout, server, tmp_path)
    boto3.client("iam").delete_role(RoleName=role)


def test_a_login_for_kubectl_is_kept_and_ended(server: LocalServer, tmp_path: Path) -> None:
    with every_command("docs/how-to/kubernetes.md", "sundial ") as (login, logout):
        logs_in(login, server, tmp_path)
        logs_out(logout, server, tmp_path)


def logs_in(command: str, server: LocalServer, home: Path) -> None:
    typed_here = command.replace("https://login.example.com", server.issuer)
    said = typed(typed_here, home, DISPLAY=":0", BROWSER=browser_of(home))
    assert said.startswith("Log in, in the browser that opens")
    assert said.endswith("You are logged in.\n")
    LEAKS.secret("refresh_token", json.loads(kept(home).read_text("utf-8"))["refresh_token"])


def logs_out(command: str, server: LocalServer, home: Path) -> None:
    path = kept(home)
    said = typed(command.replace("https://login.example.com", server.issuer), home)
    assert (said, path.exists()) == ("You are logged out.\n", False)


def kept(home: Path) -> Path:
    """Return the file that the login is kept in."""
    [path] = (home / ".local" / "state" / "sundial").glob("*.json")
    return path
