"""Somebody at a machine with a browser, for programs that open one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sundial_local.paths import LAYER, ROOT, TOOLS

_FILLS_IN = "import sys; from tests.support.reader import allow; allow(sys.argv[1])"


def browser_of(folder: Path) -> str:
    """Return a value of BROWSER: a program, put into `folder`, that fills in the forms as the demonstration's user."""
    program = folder / "browser"
    path = os.pathsep.join(map(str, (LAYER, TOOLS, ROOT)))
    program.write_text(f"#!/bin/sh\nPYTHONPATH='{path}' exec '{sys.executable}' -c '{_FILLS_IN}' \"$1\"\n", "utf-8")
    program.chmod(0o755)
    return f"{program} %s &"
