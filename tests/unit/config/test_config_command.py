"""`sundial config`, as an operator or a Makefile calls it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import bcrypt
import pytest

from sundial.config.reader import compile_file, load_compiled, read
from sundial.expiry.policies import RefreshTokenSettings
from sundial_cli.configuration_docs import configuration_docs
from sundial_cli.main import main
from tests.support.config import MINIMAL

ROOT = Path(__file__).parents[3]
BAD = MINIMAL + "expiry:\n  idTokens: 90d\nlogger: {format: text}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with nothing wrong in it, called `sundial.yaml` here."""
    monkeypatch.chdir(tmp_path)
    Path("sundial.yaml").write_text(MINIMAL, encoding="utf-8")
    return Path("sundial.yaml")


# check


def test_check_prints_every_problem_with_file_line_key_value_and_remedy(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(BAD, encoding="utf-8")
    assert main(["config", "check", "sundial.yaml"]) == 1
    assert capsys.readouterr().out == (
        "sundial.yaml:4: error: expiry.idTokens: has the unknown unit 'd'\n"
        "    value:  90d\n"
        "    remedy: Go's longest unit is the hour: write '2160h'\n"
        "sundial.yaml:5: warning: logger.format: means nothing without a server\n"
        "    remedy: it may stay, or go\n"
        "sundial.yaml: 1 error, 1 warning\n"
    )


def test_check_of_a_good_file_says_so(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "sundial.yaml"]) == 0
    assert capsys.readouterr().out == "sundial.yaml: no problems\n"


def test_warnings_alone_are_no_failure(file: Path) -> None:
    file.write_text(MINIMAL + "logger: {format: text}\n", encoding="utf-8")
    assert main(["config", "check", "sundial.yaml"]) == 0


def test_check_prints_json_for_programs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BAD, encoding="utf-8")
    assert main(["config", "check", "--json", "sundial.yaml"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["file"] == "sundial.yaml"
    assert printed["problems"][0] == {
        "severity": "error",
        "line": 4,
        "key": "expiry.idTokens",
        "value": "90d",
        "message": "has the unknown unit 'd'",
        "remedy": "Go's longest unit is the hour: write '2160h'",
    }


def test_colours_are_for_terminals(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file.write_text(BAD, encoding="utf-8")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    main(["config", "check", "sundial.yaml"])
    assert "\x1b[31;1merror\x1b[0m" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    main(["config", "check", "sundial.yaml"])
    assert "\x1b" not in terminal.getvalue()


def test_a_file_that_is_not_there_is_a_wrong_call(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "nowhere.yaml"]) == 2
    assert capsys.readouterr().err == "sundial: nowhere.yaml: No such file or directory\n"


@pytest.mark.parametrize("arguments", [[], ["config"], ["config", "chekc"], ["config", "check"], ["cofnig"]])
def test_a_wrong_call_has_exit_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    assert exited.value.code == 2


# compile


def test_compile_writes_what_the_functions_read(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "compile", "sundial.yaml", "sundial.json"]) == 0
    assert load_compiled("sundial.json", {}).issuer == "https://id.example.com"
    assert sorted(os.listdir()) == ["sundial.json", "sundial.yaml"]
    assert capsys.readouterr() == ("", "")


def test_compile_prints_warnings(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(MINIMAL + "logger: {format: text}\n", encoding="utf-8")
    assert main(["config", "compile", "sundial.yaml", "sundial.json"]) == 0
    assert "warning: logger.format" in capsys.readouterr().err


def test_compile_refuses_a_file_with_an_error_and_writes_nothing(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(BAD, encoding="utf-8")
    assert main(["config", "compile", "sundial.yaml", "sundial.json"]) == 1
    assert not Path("sundial.json").exists()
    assert capsys.readouterr().err.endswith("sundial.yaml: 1 error, 1 warning; nothing was written\n")


def test_the_deployments_own_file_compiles_without_a_warning(tmp_path: Path) -> None:
    """As the layer's Makefile calls it: another process, no variable set."""
    environment = {name: value for name, value in os.environ.items() if name != "SUNDIAL_ISSUER"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "layers" / "sundial"), str(ROOT / "tools")])
    source, target = ROOT / "layers" / "config" / "sundial.yaml", tmp_path / "sundial.json"
    ran = subprocess.run(
        [sys.executable, "-m", "sundial_cli", "config", "compile", str(source), str(target)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == ""
    assert "warning" not in ran.stderr
    assert "note: issuer: the environment variable SUNDIAL_ISSUER is not set here" in ran.stderr
    config = load_compiled(target, {"SUNDIAL_ISSUER": "https://id.example.com"})
    assert config.expiry.refresh_tokens == RefreshTokenSettings(
        reuse_interval=timedelta(seconds=30),
        valid_if_not_used_for=timedelta(hours=2160),
        absolute_lifetime=timedelta(hours=3960),
    )
    assert config.enable_password_db
    assert not config.clients


# hash-secret


def test_hash_secret_prints_the_digest_of_what_it_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a secret that is long enough\n"))
    assert main(["config", "hash-secret"]) == 0
    digest = hashlib.sha256(b"a secret that is long enough").hexdigest()
    assert capsys.readouterr() == (f"secretHash: {digest}\n", "")


def test_hash_secret_warns_of_a_secret_that_can_be_guessed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("hunter2\n"))
    assert main(["config", "hash-secret"]) == 0
    printed = capsys.readouterr()
    assert "--new" in printed.err
    assert "hunter2" not in printed.err + printed.out


def test_hash_secret_of_nothing_is_a_wrong_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["config", "hash-secret"]) == 2


def test_a_new_secret_is_printed_with_its_digest_and_is_never_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    secrets = []
    for _ in range(2):
        assert main(["config", "hash-secret", "--new"]) == 0
        first, second = capsys.readouterr().out.splitlines()
        secret, digest = first.split()[1], second.split()[1]
        assert hashlib.sha256(secret.encode()).hexdigest() == digest
        secrets.append(secret)
    assert secrets[0] != secrets[1]
    assert len(secrets[0]) == 43


# docs


def test_docs_prints_the_page_that_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "docs"]) == 0
    assert capsys.readouterr().out == configuration_docs()
    committed = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert committed == configuration_docs(), "run `make docs-config`"


# The file of `make run`.


def test_the_demonstration_is_dexs_example_client_and_a_user_whose_password_is_password() -> None:
    compiled, problems = compile_file(ROOT / "tools" / "sundial_local" / "default.yaml", {})
    assert [problem.message for problem in problems] == ["is a secret in clear"]
    assert compiled is not None
    config, _ = read(compiled["document"], compiled["lines"], {})
    assert config is not None
    (admin,) = config.static_passwords
    assert (admin.email, admin.user_id) == ("admin@example.com", "08a8684b-db88-4b73-90a9-3cd1661f5466")
    assert bcrypt.checkpw(b"password", admin.hash)
    assert config.clients["example-app"].secret_sha256 == hashlib.sha256(b"ZXhhbXBsZS1hcHAtc2VjcmV0").digest()
    assert config.clients["example-cli"].public
    assert config.signing.algorithms == ("RS256", "ES256")
