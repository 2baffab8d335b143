"""The state folder: whose it is, and that it can be forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from sundial_local.state import StateInUseError, forget, held


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    with held(tmp_path / "state") as folder:
        assert folder.path.stat().st_mode & 0o777 == 0o700


def test_one_server_a_folder(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(StateInUseError, match=r"process \d+"), held(tmp_path):
        pass
    with held(tmp_path):
        pass


def test_a_folder_in_use_is_not_forgotten(tmp_path: Path) -> None:
    with held(tmp_path) as folder:
        folder.log.write_text("kept", encoding="utf-8")
        with pytest.raises(StateInUseError):
            forget(tmp_path)
        assert folder.log.read_text(encoding="utf-8") == "kept"


def test_forgetting_leaves_nothing_and_can_be_done_twice(tmp_path: Path) -> None:
    with held(tmp_path / "state") as folder:
        folder.log.write_text("gone", encoding="utf-8")
    forget(tmp_path / "state")
    forget(tmp_path / "state")
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_has_grown_too_large_is_begun_anew(tmp_path: Path) -> None:
    with held(tmp_path) as folder, folder.log.open("wb") as log:
        log.truncate(10 * 1024 * 1024 + 1)
    with held(tmp_path) as folder:
        assert not folder.log.exists()
