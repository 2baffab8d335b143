"""docs/conformance.md names tests that there are, and says of every row what shows it or why nothing does."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from sundial_local.paths import ROOT

PAGE = (ROOT / "docs" / "conformance.md").read_text("utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| §", "| ---"))
]
SPECIFICATIONS = (
    *(f"RFC {number}" for number in (6749, 6750, 7009, 7636, 7662, 8414, 8628, 8693, 8707, 9068, 9207, 9700)),
    "OpenID Connect Core",
    "OpenID Connect Discovery",
    "OpenID Connect RP-Initiated Logout",
)


@cache
def named_in(file: str) -> frozenset[str]:
    """Return the tests of a file, by reading it: to import it would need all that it needs."""
    module = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return frozenset(one.name for one in module.body if isinstance(one, ast.FunctionDef))


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_test_that_the_page_names_exists(file: str, name: str) -> None:
    assert name in named_in(file)


def test_every_mention_of_a_test_is_read_here() -> None:
    assert len(NAMED) == PAGE.count(".py::") > 200


@pytest.mark.parametrize("specification", SPECIFICATIONS)
def test_every_specification_has_its_table(specification: str) -> None:
    assert len(re.findall(rf"^## .*{re.escape(specification)}\b", PAGE, re.MULTILINE)) == 1


def test_every_row_says_what_shows_it_or_why_nothing_does() -> None:
    for row in ROWS:
        section, demand, shown = row
        assert section, row
        assert demand, row
        assert ".py::" in shown or shown.startswith("Left out"), row
        assert "untested" not in shown.lower(), row
