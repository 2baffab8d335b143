"""Jinja's environment of the pages, whose templates are compiled when the layer is built."""

from __future__ import annotations

import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, ModuleLoader, StrictUndefined

TEMPLATES = Path(__file__).with_name("templates")
COMPILED = Path(__file__).with_name("compiled_templates")
"""Where the layer's Makefile has them compiled, to be bytecode as all the rest; a checkout has no such folder."""


def environment() -> Environment:
    """Return an environment that escapes every value, and fails for one that a template names and nobody gives."""
    return Environment(
        loader=ModuleLoader(COMPILED) if COMPILED.exists() else FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def compile_templates(target: Path) -> None:
    """Write the templates to the folder `target` as Python (Jinja: `Environment.compile_templates`)."""
    environment().compile_templates(target, zip=None, ignore_errors=False)


if __name__ == "__main__":
    compile_templates(Path(sys.argv[1]))
