"""Every command that a page shows is run, by a test or by `.ci/run`; those that nobody runs are named with the reason.

`python -m tests.unit.test_pages` prints which command is run by what.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from sundial_local.paths import ROOT
from tests.support import pages
from tests.support.pages import PAGES, SHELL, blocks, text_of, wanted

RUN_BY_CI = ("make lint", "make test", "make rehearse")
"""Lines of `.ci/run`."""
NOT_RUN: Mapping[str, str] = {
    "make bench": "measures for ten minutes, and needs a machine that does nothing else",
    'make bench ARGS="warm cold"': "the same, in part",
    "make bench ARGS=--long": "the same, for most of an hour",
}
"""Commands that no test runs, and why; each is one that make knows."""


@cache
def run_by() -> dict[tuple[str, str], list[str]]:
    """Return each command of each page with the tests that ask for it (see `every_command`)."""
    found: dict[tuple[str, str], list[str]] = {}
    for page in PAGES:
        found |= {(page, command): [] for command in wanted(page)}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text("utf-8")
        for test, page, beginnings, section in _asked_for(ast.parse(text)) if "every_command" in text else ():
            for command in wanted(page, *beginnings, section=section):
                found[page, command].append(f"{path.relative_to(ROOT)}::{test}")
    for (_, command), tests in found.items():
        if command in RUN_BY_CI:
            tests.append(".ci/run")
    return found


def _asked_for(module: ast.Module) -> Iterator[tuple[str, str, list[str], str]]:
    """Yield each call of `every_command` of a module: the function that it stands in, and its arguments."""
    for function in module.body:
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "every_command":
                page, *beginnings = map(ast.literal_eval, call.args)
                section = {one.arg: ast.literal_eval(one.value) for one in call.keywords}.get("section", "")
                yield getattr(function, "name", "?"), page, beginnings, section


@pytest.mark.parametrize("page", [page for page in PAGES if wanted(page)])
def test_every_command_of_the_page_is_run(page: str) -> None:
    left = {command for (where, command), tests in run_by().items() if where == page and not tests}
    assert left <= NOT_RUN.keys(), f"a test that runs them says so by every_command, in tests/support/pages.py: {left}"


@pytest.mark.parametrize("page", PAGES)
def test_no_command_stands_where_nobody_looks_for_it(page: str) -> None:
    fences = re.findall(r"^([ \t]*)```(\w*)", text_of(page), re.MULTILINE)
    assert not any(indent for indent, _ in fences), "a block in a list"
    assert not {language for _, language in fences} & {"bash", "shell", "zsh"}, "write sh, or console"
    others = {language for _, language in fences} - set(SHELL)
    assert not [block for block in blocks(text_of(page), *others) if re.search(r"^\$ ", block, re.MULTILINE)]


def test_what_is_not_run_is_shown_somewhere_and_no_test_runs_it() -> None:
    assert {command for (_, command), tests in run_by().items() if not tests} == NOT_RUN.keys()


@pytest.mark.parametrize("command", NOT_RUN)
def test_what_is_not_run_is_a_task_of_make(command: str) -> None:
    dry = subprocess.run(
        ["/bin/sh", "-c", f"{command} --dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (dry.returncode, "-m bench" in dry.stdout) == (0, True), dry.stderr


@pytest.mark.parametrize("command", RUN_BY_CI)
def test_ci_runs_what_it_is_said_to(command: str) -> None:
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in lines if line.strip().startswith(f"{command} ")]


def test_a_test_that_leaves_a_command_out_fails() -> None:
    with pytest.raises(AssertionError, match="nobody has run"), pages.every_command("README.md") as shown:
        next(shown)


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("12 users, in 3 d 4 h\n", "7 users, in 20 min\n", True),
        ("NAME   KID\njane  aB3…\n", "NAME KID\njane 4c9Kb_Vto5IEQt1ESxFRTMxi", True),
        ("begins\n…\nends\n", "begins\na line\nanother\nends\n", True),
        ("a sentence that is\nwrapped", "a sentence that is wrapped", True),
        ("12 users\n", "12 clients\n", False),
        ("one line\n", "one line\nand another\n", False),
        ("begins\n…\nends\n", "begins\na line\n", False),
    ],
)
def test_what_is_shown_is_what_is_printed_but_for_what_changes(shown: str, printed: str, alike: bool) -> None:
    if alike:
        pages.assert_alike(shown, printed)
    else:
        with pytest.raises(AssertionError, match="shown:"):
            pages.assert_alike(shown, printed)


def test_every_task_of_make_that_the_text_names_is_one() -> None:
    tasks = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {task for page in PAGES for task in re.findall(r"`make ([\w-]+)[ `]", text_of(page))}
    assert {"run", "deploy", "rehearse", "prove"} <= named <= tasks


if __name__ == "__main__":
    for (page, command), tests in run_by().items():
        print(f"{page}: {' '.join(command.split())[:70]}\n    {', '.join(tests) or NOT_RUN.get(command, 'NOBODY')}")
