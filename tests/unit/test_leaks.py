"""The watch over the suite's log lines can fail: each kind of secret, planted, is found."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sundial_local.paths import LAYER, ROOT, TOOLS
from tests.support.events import http_event
from tests.support.leaks import Leaks, note_exchange, note_key, note_mac_key

PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n"
MAC = bytes(range(200, 232))


def _found(leaks: Leaks, *lines: str) -> list[str]:
    for line in lines:
        leaks.log("a test", line)
    return [str(leak) for leak in leaks.found()]


@pytest.mark.parametrize(
    "line",
    [
        "refused sundial_rt_AQIDBAUGBwgJ",
        "refused sundial_ac_AQIDBAUGBwgJ",
        '{"token":"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJo.c2ln"}',
        "hash $2b$10$abcdefghijklmnopqrstuv",
        "-----BEGIN RSA PRIVATE KEY-----",
        '{"private_pem":null}',
    ],
)
def test_what_looks_like_a_secret_is_found_although_nobody_has_seen_it(line: str) -> None:
    assert len(_found(Leaks(), line)) == 1


@pytest.mark.parametrize("line", ["answered POST /token 200", "scope openid email", "kid eyJ", "the code is unknown"])
def test_an_innocent_line_is_not(line: str) -> None:
    assert _found(Leaks(), line) == []


@pytest.mark.parametrize(
    "secret",
    [
        "code-0123456789",
        "verifier-0123456789",
        "client secret 0123456789",
        "cookie-0123456789",
        "new-biscuit-0123456789",
        "sealed-0123456789",
        "access-0123456789",
        "refresh-0123456789",
        "redirected-0123456789",
    ],
)
def test_what_goes_through_a_handler_is_found_in_a_line(secret: str) -> None:
    leaks = Leaks()
    form = {"code": "code-0123456789", "code_verifier": "verifier-0123456789", "state": "not-a-secret-0123456789"}
    basic = base64.b64encode(b"example-app:client%20secret%200123456789").decode()
    event = http_event(
        "POST /token",
        form=form,
        headers={"Authorization": f"Basic {basic}"},
        cookies={"sundial": "cookie-0123456789"},
        query={"req": "sealed-0123456789"},
    )
    note_exchange(
        leaks,
        event,
        {
            "headers": {"Location": "https://app.example.com/cb?code=redirected-0123456789&state=x"},
            "cookies": ["sundial=new-biscuit-0123456789; Path=/"],
            "body": '{"access_token": "access-0123456789", "refresh_token": "refresh-0123456789", "scope": "openid"}',
        },
    )
    [found] = _found(leaks, "not-a-secret-0123456789 openid example-app", f'{{"detail":"<{secret}>"}}')
    assert secret not in found


def test_a_sealed_value_in_a_page_is_found_in_a_line() -> None:
    leaks = Leaks()
    body = '<form><input type="hidden" name="req" value="sealed-0123456789"></form>'
    note_exchange(leaks, http_event("GET /auth"), {"headers": {}, "body": body})
    assert len(_found(leaks, "opened sealed-0123456789")) == 1


def test_a_private_key_is_found_line_by_line() -> None:
    leaks = Leaks()
    note_key(leaks, PEM)
    assert len(_found(leaks, "key MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg")) == 1


@pytest.mark.parametrize("written", [MAC.hex(), base64.b64encode(MAC).decode(), repr(MAC)])
def test_a_mac_key_is_found_however_it_is_written(written: str) -> None:
    leaks = Leaks()
    note_mac_key(leaks, MAC)
    assert len(_found(leaks, f"MacKey(secret={written})")) == 1


_LEAKING = """
from sundial.keys.ring import MacKey
from sundial.observe import count, logger
from sundial.web.edge import Edge
from sundial.web.http import json_response
from tests.support.config import make_config
from tests.support.events import http_event

CONFIG = make_config("issuer: https://id.example.com\\nenablePasswordDB: true\\n")

def answer(request):
    logger.info("granted", {logged})
    count("Granted", token={printed})
    return json_response({{"access_token": "access-0123456789"}})

def test_one():
    edge = Edge("token", {{"POST /token": answer}}, CONFIG)
    assert edge(http_event("POST /token", form={{"code": "code-0123456789"}}))["statusCode"] == 200
"""


def _run(folder: Path, logged: str, printed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    test = folder / "test_one.py"
    test.write_text(_LEAKING.format(logged=logged, printed=printed), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.leak_watch", "--rootdir", folder, *arguments, test],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (LAYER, TOOLS, ROOT))), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("logged", "printed", "workers"),
    [("code=request.form()['code']", "'none'", "0"), ("code='none'", "'access-0123456789'", "2")],
)
def test_a_run_whose_only_fault_is_a_leak_fails_and_names_the_test(
    tmp_path: Path, logged: str, printed: str, workers: str
) -> None:
    run = _run(tmp_path, logged, printed, "-n", workers)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "1 passed" in run.stdout
    assert "secrets in log lines" in run.stdout
    assert "test_one.py::test_one: " in run.stdout
    assert "0123456789" not in run.stdout.partition("secrets in log lines")[2]


def test_a_run_without_a_leak_passes(tmp_path: Path) -> None:
    run = _run(tmp_path, "code='none'", "'none'")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "secrets in log lines" not in run.stdout


@pytest.mark.parametrize("secret", ["a b c d e f g", "short and quite-long-ones", "x" * 7 + "  " + "y" * 7])
def test_a_secret_of_several_words_is_found(secret: str) -> None:
    leaks = Leaks()
    leaks.secret("a phrase", secret)
    assert len(_found(leaks, f"before {secret} after", f"within:{secret}:it")) == 2
    assert len(_found(leaks, "another line")) == 2


def test_among_many_secrets_and_many_lines_the_one_that_is_logged_is_found() -> None:
    leaks = Leaks()
    for number in range(2_000):
        leaks.secret("a key", f"private key-number-{number:08}")
        leaks.log("a test", f'{{"kid": "key-number-{number:08}x"}}')
    assert len(_found(leaks, "private key-number-00001234")) == 1
