"""The simulation of docs/scale.md: what it shows at a glance, it shows at other chances too."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from bench.two_regions import COLUMNS, Design, Simulation
from sundial_local.paths import ROOT


def run(design: Design, seed: int) -> Counter[str]:
    return Simulation(design, logins=300, hours=3, seed=seed).run()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("design", [Design.PINNED, Design.ENDED])
def test_a_pinned_login_s_token_is_never_accepted_twice_and_nobody_is_logged_out_by_mistake(
    design: Design, seed: int
) -> None:
    seen = run(design, seed)
    assert seen["refreshes"] > 500
    assert seen["told to come again (503)"] > 0
    assert seen["accepted twice"] == seen["logged out by mistake"] == 0


def test_without_pinning_the_simulation_sees_tokens_accepted_twice() -> None:
    assert run(Design.ANYWHERE, 1)["accepted twice"] > 0


def test_a_region_given_up_ends_its_logins_once() -> None:
    assert 0 < run(Design.ENDED, 1)["had to log in again"] <= 300


def test_the_page_shows_what_it_prints() -> None:
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert f"| design | {' | '.join(COLUMNS)} |" in page
    assert re.findall(r"^\| ([a-z'; ]+) \| [\d,]+ \|", page, re.MULTILINE) == [design.value for design in Design]
