"""docs/performance.md has what is under bench/results, as `make bench ARGS=--page` writes it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import bench.page
from bench.__main__ import main
from tests.support.pages import every_command, text_of


def test_the_page_says_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    page.write_text(text_of("docs/performance.md"), "utf-8")
    monkeypatch.setattr(bench.page, "PAGE", page)
    with every_command("docs/performance.md", "make bench ARGS=--page") as (command,):
        *_, options = shlex.split(command)
        main([*shlex.split(options.removeprefix("ARGS=")), "--no-plots"])
    assert page.read_text("utf-8") == text_of("docs/performance.md")
