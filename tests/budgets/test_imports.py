"""What each function imports while it starts. Whatever else it needs is imported by the request that needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.world import CREDENTIALS, ENVIRONMENT
from sundial.config.reader import compile_file
from sundial_local.paths import ROOT

# Top-level packages from outside of the standard library, beside `app` and `sundial`.
_AWS = {"botocore", "dateutil", "jmespath", "six", "urllib3", "certifi"}
_LOGS = {"aws_lambda_powertools", "typing_extensions"}
_KEYS = {"cryptography", "_cffi_backend", "_openssl", "bcrypt"}  # `cryptography` looks for bcrypt
_PAGES = {"jinja2", "markupsafe"}
_TOKENS = {"jwt"}
IMPORTS: Mapping[str, set[str]] = {
    "token": _AWS | _LOGS | _KEYS,
    "jwks": _AWS | _LOGS,
    "userinfo": _AWS | _LOGS | _KEYS | _TOKENS,
    "device": _AWS | _LOGS | _KEYS | _PAGES,
    "authorize": _AWS | _LOGS | _KEYS | _PAGES,
    "rotate_keys": _AWS | _LOGS | _KEYS,
}
# Modules of the package itself: a module more is a quarter of a millisecond more.
MOST_MODULES = {"token": 90, "jwks": 56, "userinfo": 54, "device": 82, "authorize": 92, "rotate_keys": 54}

_SCRIPT = """
import json, sys
sys.modules["OpenSSL"] = None  # which urllib3 takes where there is one; the layer has none
before = set(sys.modules)
import app
print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a function, with the configuration that is deployed as it stands here."""
    issuer = {"SUNDIAL_ISSUER": "https://id.example.com"}
    compiled, _ = compile_file(ROOT / "layers" / "config" / "sundial.yaml", issuer)
    config = tmp_path_factory.mktemp("config") / "sundial.json"
    config.write_text(json.dumps(compiled), encoding="utf-8")
    return {**ENVIRONMENT, **CREDENTIALS, **issuer, "SUNDIAL_CONFIG": str(config), "PATH": os.environ["PATH"]}


@pytest.mark.parametrize("function", IMPORTS)
def test_a_function_imports_what_it_needs_and_nothing_else(function: str, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _SCRIPT],
        env={**environment, "PYTHONPATH": f"{ROOT / 'functions' / function}:{ROOT / 'layers' / 'sundial'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules = json.loads(done.stderr.splitlines()[-1])
    third_party = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"app", "sundial"}
    assert {name for name in third_party if not name.startswith("__")} <= IMPORTS[function]
    own = [name for name in modules if name.partition(".")[0] == "sundial"]
    assert len(own) <= MOST_MODULES[function], own


def test_every_function_that_answers_requests_has_a_budget() -> None:
    functions = {folder.parent.name for folder in Path(ROOT / "functions").glob("*/app.py")}
    assert functions - {"smoke"} == IMPORTS.keys()
