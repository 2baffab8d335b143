"""The commands of docs/cli.md and docs/configuration.md, as they are typed in a shell."""

from __future__ import annotations

import shutil
from pathlib import Path

from sundial.config.reader import load_compiled
from sundial_local.paths import DEFAULT_CONFIG
from tests.support.pages import every_command
from tests.support.shell import typed


def test_completions_are_put_where_each_shell_looks_for_them(tmp_path: Path) -> None:
    with every_command("docs/cli.md") as shown:
        for command in shown:
            assert typed(command, tmp_path) == ""
    found = {path.name: path.read_text("utf-8") for path in tmp_path.rglob("*sundial*")}
    assert found.keys() == {"sundial", "_sundial", "sundial.fish"}
    assert all("credential-process" in text for text in found.values())


def test_a_file_is_checked_and_compiled_and_a_secret_is_made(tmp_path: Path) -> None:
    shutil.copy(DEFAULT_CONFIG, tmp_path / "FILE")
    shutil.copy(DEFAULT_CONFIG, tmp_path / "IN")
    with every_command("docs/configuration.md") as (check, compile_, hash_secret):
        assert "FILE:18: warning: staticClients[0].secret: is a secret in clear" in typed(check, tmp_path)
        typed(compile_, tmp_path)
        assert load_compiled(tmp_path / "OUT", {}).issuer == "http://127.0.0.1:8080"
        assert "secretHash" in typed(hash_secret, tmp_path)
    assert "ZXhhbXBsZS1hcHAtc2VjcmV0" not in (tmp_path / "OUT").read_text("utf-8"), "only its digest"
