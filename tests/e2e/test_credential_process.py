"""`sundial credential-process` on a local server and MiniStack's STS: as typed, and as AWS's own SDK runs it."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests

from sundial_cli.main import main
from sundial_local.demo import USER_PASSWORDS
from sundial_local.paths import LAYER, TOOLS
from tests.support.local_server import LocalServer
from tests.support.relying_party import Browser

EMAIL, PASSWORD = next(iter(USER_PASSWORDS.items()))
_SECONDS_TO_ANSWER = 30


class User:
    """Somebody with a browser: it opens the page, logs in, and follows wherever that leads."""

    def __init__(self) -> None:
        self.logins = 0

    def open(self, url: str) -> bool:
        redirect_uri = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        Thread(target=self._log_in, args=(url, redirect_uri), daemon=True).start()
        return True

    def _log_in(self, url: str, redirect_uri: str) -> None:
        self.logins += 1
        stranger = requests.get(f"{redirect_uri}?code=forged&state=guessed", timeout=_SECONDS_TO_ANSWER)
        assert stranger.status_code == 400
        requests.get(Browser().open(url, redirect_uri, EMAIL, PASSWORD), timeout=_SECONDS_TO_ANSWER)


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> User:
    """A user at a machine with a display, and without a terminal of the tests' own."""
    user = User()
    monkeypatch.setattr("webbrowser.open", user.open)
    monkeypatch.setattr("sundial_cli.login.asking._terminal", lambda: None)
    return user


@pytest.fixture
def role(demo: LocalServer, aws_environment: Mapping[str, str]) -> str:
    """A role that the demonstration's users may assume by an ID token for `example-cli`."""
    host = demo.issuer.partition("://")[2]
    provider = f"arn:aws:iam::000000000000:oidc-provider/{host}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{host}:aud": "example-cli"}},
            }
        ],
    }
    iam = boto3.client("iam")
    name = f"demo-{urlsplit(demo.issuer).port}"
    if not any(one["RoleName"] == name for one in iam.list_roles()["Roles"]):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return f"arn:aws:iam::000000000000:role/{name}"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["credential-process", *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def kept(folder: Path) -> tuple[Path, dict[str, Any]]:
    [path] = folder.glob("*.json")
    return path, json.loads(path.read_text("utf-8"))


def test_a_login_in_the_browser_brings_credentials_that_are_kept_and_then_refreshed(
    demo: LocalServer, role: str, user: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--issuer", demo.issuer, "--client-id", "example-cli", "--folder", str(tmp_path), "--how", "browser"]
    status, out, err = run(capsys, *options, "--role-arn", role)
    assert status == 0, err
    first = json.loads(out)
    assert first["Version"] == 1
    assert {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"} <= first.keys()

    path, document = kept(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert document["refresh_token"] not in out + err
    assert json.loads(run(capsys, *options, "--role-arn", role)[1]) == first, "kept until shortly before they run out"

    path.write_text(json.dumps(document | {"credentials": {}}), "utf-8")
    status, out, _ = run(capsys, *options, "--role-arn", role)
    assert (status, user.logins) == (0, 1), "a refresh, and no other login"
    assert json.loads(out) != first

    assert run(capsys, *options, "--logout")[2] == "You are logged out.\n"
    assert not list(tmp_path.glob("*.json"))
    token = {"client_id": "example-cli", "grant_type": "refresh_token", "refresh_token": document["refresh_token"]}
    answer = requests.post(f"{demo.issuer}/token", token, timeout=_SECONDS_TO_ANSWER)
    assert answer.json()["error"] == "invalid_grant", "the login is over at the provider too"


def test_awss_own_sdk_runs_it_as_the_credential_process_of_a_profile(
    demo: LocalServer,
    role: str,
    user: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--issuer", demo.issuer, "--client-id", "example-cli", "--folder", str(tmp_path)]
    assert run(capsys, *options, "--how", "browser", "--login")[:2] == (0, "")
    command = [
        sys.executable,
        "-m",
        "sundial_cli",
        "credential-process",
        *options,
        "--how",
        "never",
        "--role-arn",
        role,
    ]
    profile = f"[profile demo]\nregion = eu-central-1\ncredential_process = {shlex.join(command)}\n"
    (tmp_path / "config").write_text(profile, "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHONPATH", f"{LAYER}{os.pathsep}{TOOLS}")
    monkeypatch.setenv("AWS_PROFILE", "demo")  # which this program must not take for its own credentials
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    caller = boto3.Session().client("sts").get_caller_identity()
    assert f":assumed-role/{role.rpartition('/')[2]}/" in caller["Arn"]
    assert user.logins == 1
