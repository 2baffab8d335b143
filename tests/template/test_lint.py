"""cfn-lint has nothing to say of the template as CloudFormation gets it. As written, `make lint` asks it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.transformed import source, transformed

CFN_LINT = Path(sys.executable).with_name("cfn-lint")


def lint(*paths: Path, ignored: tuple[str, ...] = ()) -> str:
    """Return what cfn-lint has to say of templates."""
    ignoring = ["--ignore-checks", *ignored] if ignored else []
    command: list[str | Path] = [CFN_LINT, "--regions", "us-east-1", *ignoring, "--", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 1, done.stderr  # it failed itself; 2 and above are what it found
    return done.stdout


def test_the_transformed_template_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(transformed(source())), "utf-8")
    # W2001, W7001: the transform itself has read the parameter DeploymentPreference, and its mapping.
    assert lint(path, ignored=("W2001", "W7001")) == ""


def test_a_mistake_would_be_noticed(tmp_path: Path) -> None:
    document = source()
    ring = document["Resources"]["KeyRing"]
    ring["Properties"] = {"KmsKey": "misspelt"}
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"KeyRing": ring}}), "utf-8")
    assert "KmsKey" in lint(path)
