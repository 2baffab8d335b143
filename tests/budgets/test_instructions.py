"""How many instructions a request may take. callgrind counts them: the same at every run, whatever the machine does."""

from __future__ import annotations

import os
import shutil

import pytest

from bench.instructions import count
from sundial_local.paths import LAYER, ROOT, TOOLS

# A tenth above what is counted: versions of Python differ by half of that.
MOST_OF_ITS_FLOOR = {"refresh, rotate": 1.1, "refresh, retry": 1.1}
MOST_MILLIONS = {"refresh, forged": 0.65, "JWKS": 0.1}


@pytest.mark.skipif(shutil.which("callgrind_control") is None, reason="needs valgrind")
def test_a_request_takes_its_instructions_and_few_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (LAYER, TOOLS, ROOT))))
    valgrind, control = shutil.which("valgrind"), shutil.which("callgrind_control")
    assert valgrind
    assert control
    counted = count(valgrind, control, [*MOST_OF_ITS_FLOOR, *MOST_MILLIONS], ["ES256"])
    for name, most in MOST_OF_ITS_FLOOR.items():
        of = counted[f"{name} (ES256)"]
        assert of["request"] / of["floor"] <= most, (name, of)
    for name, most in MOST_MILLIONS.items():
        assert counted[f"{name} (ES256)"]["request"] <= most, (name, counted)
