"""Where things are in a checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
LAYER = ROOT / "layers" / "sundial"
TOOLS = ROOT / "tools"
MINISTACK_PYTHON = ROOT / ".venv-ministack" / "bin" / "python"
STATE = ROOT / ".sundial"
DEFAULT_CONFIG = Path(__file__).with_name("default.yaml")


def short(path: Path) -> Path:
    """Return a path as people call it where they are: from the current folder, if it is in there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
