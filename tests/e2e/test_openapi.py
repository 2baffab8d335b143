"""Schemathesis tries all of docs/openapi.yaml on a local server: no 5xx, no answer that the description lacks.

Three times: with whatever the description allows; with a wrong secret; and with the values of a login under way, so
that what lies behind a sealed request is tried as well.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sundial_local.paths import ROOT
from tests.support.local_server import BANNER_END, LocalServer, local_server
from tests.support.openapi import DESCRIPTION, NEEDS, SCHEMATHESIS, load, operations, resolve

pytestmark = pytest.mark.skipif(not SCHEMATHESIS.exists(), reason=NEEDS)

CONFIGURATION = ROOT / "tests" / "support" / "schemathesis.yaml"
SETTINGS = ROOT / "tests" / "support" / "schemathesis.toml"
CLIENT = ("example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0")
REQUEST = {"client_id": CLIENT[0], "redirect_uri": "http://127.0.0.1:5555/callback"}
SEALED = re.compile(r'name="req" value="([^"]+)"')
SECONDS = 150
"""It takes about twelve on an idle machine; another is busy with the other tests."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with local_server(tmp_path_factory.mktemp("openapi") / "state", "--config", str(CONFIGURATION)) as running:
        running.wait_for(BANNER_END)
        yield running


def test_whatever_is_sent_is_answered_as_described(server: LocalServer, tmp_path: Path) -> None:
    try_out(server, DESCRIPTION, tmp_path)


def test_so_is_what_a_client_sends_that_does_not_know_its_secret(server: LocalServer, tmp_path: Path) -> None:
    answered = try_out(server, DESCRIPTION, tmp_path, "--include-tag", "Tokens", secret="wrong")
    assert "401" in answered


def test_so_is_what_is_sent_in_the_midst_of_a_login(server: LocalServer, tmp_path: Path) -> None:
    browser = requests.Session()
    pinned = under_way(server.issuer, browser)
    description = tmp_path / "pinned.json"
    description.write_text(json.dumps(pin(load(), pinned)))
    chosen = [
        "--exclude-checks",
        "ignored_auth",
    ]  # without the cookie it is a 400 and a page: nobody has to log in for it
    chosen += [option for name in pinned for option in ("--include-operation-id", name)]
    answered = try_out(server, description, tmp_path, *chosen, binding=str(browser.cookies["sundial"]))
    assert {"200", "303", "403"} <= answered, "it never got past the sealed requests"


def under_way(issuer: str, browser: requests.Session) -> dict[str, dict[str, str]]:
    """Log in up to the consent, and return the values that each operation may be sent, by its id."""
    asked = {**REQUEST, "response_type": "code", "scope": "openid email"}
    login_page = browser.get(f"{issuer}/auth/local", params=asked, timeout=30)
    sealed = sealed_in(login_page.text)
    typed = {"req": sealed, "login": "admin@example.com", "password": "password"}
    consent = browser.post(f"{issuer}/auth/local/login", data=typed, timeout=30)
    device = browser.get(f"{issuer}/device", timeout=30)
    return {
        "authorize": REQUEST,
        "authorizeByForm": REQUEST,
        "authorizeAtConnector": {**REQUEST, "connector": "local"},
        "loginPage": {"connector": "local", "req": sealed},
        "logIn": {"connector": "local", "req": sealed},
        "approve": {"req": sealed_in(consent.text)},
        "verifyUserCode": {"req": sealed_in(device.text)},
    }


def sealed_in(page: str) -> str:
    found = SEALED.search(page)
    assert found, page
    return found[1]


def pin(document: dict[str, Any], pinned: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the description with each operation's values in it, and without a sealed request where there is none."""
    document = json.loads(json.dumps(document))  # no two parts of it are one and the same
    document["components"]["securitySchemes"]["browser"]["name"] = "sundial"  # over http
    for route, operation in operations(document):
        values = pinned.get(operation["operationId"], {})
        path = document["paths"][route.partition(" ")[2]]
        kept = []
        for written in [*path.get("parameters", []), *operation.get("parameters", [])]:
            parameter = resolve(document, written["$ref"]) if "$ref" in written else written
            if parameter["name"] in values:
                kept.append({**parameter, "required": True, "schema": {"const": values[parameter["name"]]}})
            elif parameter["name"] not in ("req", "posted", "device"):
                kept.append(parameter)
        operation["parameters"] = kept
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            schema = json.loads(json.dumps(resolve(document, schema["$ref"]) if "$ref" in schema else schema))
            fields = [name for name in values if name in schema.get("properties", {})]
            schema["properties"] |= {name: {"const": values[name]} for name in fields}
            content["schema"] = schema | {"required": sorted({*schema.get("required", ()), *fields})}
    for path in document["paths"].values():
        path.pop("parameters", None)
    return document


def try_out(
    server: LocalServer, description: Path, folder: Path, *options: str, binding: str = "none", secret: str = CLIENT[1]
) -> set[str]:
    """Run schemathesis, which has to find nothing; return the statuses that were answered."""
    environment = {
        **os.environ,
        "CLIENT_ID": CLIENT[0],
        "CLIENT_SECRET": secret,
        "ACCESS_TOKEN": access_token(server),
        "BROWSER": binding,
    }
    report = folder / "report.ndjson"
    command = [SCHEMATHESIS, "--config-file", SETTINGS, "run", description, "--url", server.issuer, "--no-color"]
    reported = ["--report", "ndjson", "--report-ndjson-path", report]
    tried = subprocess.run(
        [*map(str, (*command, *reported)), *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr
    return set(re.findall(r'"status_code":\s*(\d{3})', report.read_text("utf-8")))


def access_token(server: LocalServer) -> str:
    form = {"grant_type": "password", "username": "admin@example.com", "password": "password", "scope": "openid email"}
    answer = requests.post(f"{server.issuer}/token", data=form, auth=CLIENT, timeout=30)
    token: str = answer.json()["access_token"]
    return token
