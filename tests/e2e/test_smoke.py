"""The smoke test walks through a served deployment as a client does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sundial_cli.main import main
from sundial_local.paths import ROOT
from tests.support.local_server import LocalServer, needs_make_run
from tests.support.pages import answers, assert_alike, every_command, text_of
from tests.support.shell import typed

SECRET = "ZXhhbXBsZS1hcHAtc2VjcmV0"


def test_it_gets_a_token_verifies_it_by_the_keys_and_takes_it_back(
    demo: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUNDIAL_SMOKE_SECRET", SECRET)
    assert main(["smoke", demo.issuer, "--client", "example-app", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["passed"] is True
    assert [step["what"] for step in said["steps"]] == [
        "discovery",
        "keys",
        "a client that nobody knows is refused",
        "a token for the client",
        "the token verifies, by the keys alone",
        "introspection knows it",
        "revocation takes it",
        "introspection knows that",
    ]


@needs_make_run  # whose environment has the command
def test_it_prints_what_the_page_for_deploying_shows(demo: LocalServer, tmp_path: Path) -> None:
    with every_command("docs/deployment.md", "SUNDIAL_SMOKE_SECRET=") as (command,):
        printed = typed(command.replace("http://127.0.0.1:8080", demo.issuer), tmp_path, at=ROOT)
        assert_alike(answers(text_of("docs/deployment.md"))[command], printed)


def test_without_a_client_it_goes_as_far_as_anybody_may(demo: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke", demo.issuer]) == 0
    said = capsys.readouterr().out
    assert "a client that nobody knows is refused      ok  invalid_client" in said
    assert "token for the client" not in said


def test_a_wrong_secret_is_a_finding_and_is_not_shown(
    demo: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUNDIAL_SMOKE_SECRET", "a-wrong-secret")
    assert main(["smoke", demo.issuer, "--client", "example-app"]) == 1
    said = capsys.readouterr().out
    assert "FAILED  401, 'invalid_client'" in said
    assert "a-wrong-secret" not in said
