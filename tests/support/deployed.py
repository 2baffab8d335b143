"""A deployment as the functions are given it: environment variables, and a compiled configuration file."""

from __future__ import annotations

import json
from pathlib import Path

from sundial.config.reader import compile_file
from sundial.deployment import Deployment
from tests.support.config import APP
from tests.support.stack import OwnStack


def deployed(stack: OwnStack, folder: Path, yaml_text: str = APP, **variables: str) -> Deployment:
    """Return a deployment of `yaml_text` on `stack`; see `environment_of`."""
    return Deployment(environment_of(stack, folder, yaml_text, **variables))


def environment_of(stack: OwnStack, folder: Path, yaml_text: str = APP, **variables: str) -> dict[str, str]:
    """Return the environment variables of a deployment of `yaml_text`; its configuration is compiled into `folder`.

    `variables` replace those of the stack's environment; an empty one is not there at all.
    """
    source, compiled = folder / "sundial.yaml", folder / "sundial.json"
    source.write_text(yaml_text, "utf-8")
    document, _warnings = compile_file(source, {})
    compiled.write_text(json.dumps(document), "utf-8")
    environment = {**stack.environment, "SUNDIAL_CONFIG": str(compiled), **variables}
    return {name: value for name, value in environment.items() if value}
