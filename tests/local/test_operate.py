"""The operators' commands on what `make run` serves: the same stores, the same clock, the same log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sundial.observe import count, logger
from sundial_cli.main import main
from sundial_local.operate import LocalStack
from sundial_local.state import StateFolder
from tests.support.local_server import BANNER_END, local_server


def test_operators_look_after_a_running_server_by_its_own_clock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def sundial(*arguments: str) -> tuple[int, str]:
        status = main([*arguments, "--state", str(tmp_path)])
        return status, capsys.readouterr().out

    with local_server(tmp_path, "--clock=+25h") as server:
        server.wait_for(BANNER_END)
        capsys.readouterr()
        assert sundial("keys", "check")[0] == 0
        ring: dict[str, Any] = json.loads(sundial("keys", "list", "--json")[1])
        for key in ring["signing_keys"]:
            assert 0 <= ring["at"] - key["created_at"] < 300, "made when the server started, by its clock"
        status, text = sundial("sessions", "watermark", "now", "--yes", "--json")
        assert status == 0
        assert json.loads(text)["not_before"] >= ring["at"]
        assert sundial("sessions", "list", "--all") == (0, "No such login.\n")


def test_the_functions_own_lines_go_to_their_log_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
        logger.warning("from the function")
        count("FromTheFunction")
        return event

    def made(_deployment: object, **_options: object) -> object:
        return handler

    monkeypatch.setattr("sundial_local.operate.rotation_handler", made)
    monkeypatch.setattr(LocalStack, "__init__", lambda self, folder: setattr(self, "_folder", folder))
    monkeypatch.setattr("sundial_local.operate._LocalDeployment", lambda stack: stack)
    assert LocalStack(StateFolder(tmp_path)).rotate_keys({"a": 1}) == {"a": 1}
    assert capsys.readouterr().out == ""
    lines = (tmp_path / "log.jsonl").read_text("utf-8")
    assert "from the function" in lines
    assert "FromTheFunction" in lines
    logger.warning("from somebody else")
    assert "from somebody else" not in (tmp_path / "log.jsonl").read_text("utf-8")
