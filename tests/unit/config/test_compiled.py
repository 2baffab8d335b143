"""From a YAML file to the compiled document, and from that to the Config of a function."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundial.config.model import Config
from sundial.config.problems import ConfigError, Severity
from sundial.config.reader import compile_file, config_from_yaml, load_compiled
from tests.support.config import APP, MINIMAL

ENVIRONMENT = {"SUNDIAL_ISSUER": "https://id.example.com"}


def compiled(folder: Path, text: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the compiled document of a file that has no error."""
    (folder / "sundial.yaml").write_text(text, encoding="utf-8")
    document, problems = compile_file(folder / "sundial.yaml", environment or {})
    assert document is not None, [str(problem) for problem in problems]
    return document


def loaded(folder: Path, document: object, environment: dict[str, str] | None = None) -> Config:
    """Return what a function makes of a compiled document."""
    (folder / "sundial.json").write_text(json.dumps(document), encoding="utf-8")
    return load_compiled(folder / "sundial.json", environment or {})


def test_a_compiled_file_loads_to_what_the_file_itself_says(tmp_path: Path) -> None:
    assert loaded(tmp_path, compiled(tmp_path, APP)) == config_from_yaml(APP, {})


def test_a_compiled_document_keeps_names_unexpanded_and_the_lines(tmp_path: Path) -> None:
    document = compiled(tmp_path, "issuer: $SUNDIAL_ISSUER\nenablePasswordDB: true\n", ENVIRONMENT)
    assert document == {
        "format": 1,
        "source": "sundial.yaml",
        "document": {"issuer": "$SUNDIAL_ISSUER", "enablePasswordDB": True},
        "lines": {"": 1, "/issuer": 1, "/enablePasswordDB": 2},
        "themeCSS": "",
    }


def test_a_variable_is_a_note_when_compiling_and_an_error_when_the_function_starts_without_it(tmp_path: Path) -> None:
    (tmp_path / "sundial.yaml").write_text("issuer: $SUNDIAL_ISSUER\nenablePasswordDB: true\n", encoding="utf-8")
    document, problems = compile_file(tmp_path / "sundial.yaml", {})
    assert [problem.severity for problem in problems] == [Severity.NOTE]
    assert loaded(tmp_path, document, ENVIRONMENT).issuer == "https://id.example.com"
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, document)
    assert str(refused.value).startswith("sundial.yaml: line 1: error: issuer: ")
    assert "the environment variable SUNDIAL_ISSUER is not set" in str(refused.value)


def test_what_a_variable_holds_is_checked_when_the_function_starts(tmp_path: Path) -> None:
    document = compiled(tmp_path, "issuer: $SUNDIAL_ISSUER\nenablePasswordDB: true\n")
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, document, {"SUNDIAL_ISSUER": "http://id.example.com"})
    assert "is http on a host that is not loopback (value: $SUNDIAL_ISSUER)" in str(refused.value)


def test_a_file_with_an_error_is_not_compiled(tmp_path: Path) -> None:
    (tmp_path / "sundial.yaml").write_text(MINIMAL + "expirey: {}\n", encoding="utf-8")
    document, problems = compile_file(tmp_path / "sundial.yaml", {})
    assert document is None
    assert [problem.key for problem in problems] == ["expirey"]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"issuer: 'https", 1, "column 15: found unexpected end of stream"),
        (b"a: 1\nb: \xff", 2, "is not UTF-8"),
        (b"", 1, "column 1: the file is empty"),
    ],
)
def test_a_file_that_is_no_yaml_is_one_error(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    (tmp_path / "sundial.yaml").write_bytes(content)
    document, (problem,) = compile_file(tmp_path / "sundial.yaml", {})
    assert document is None
    assert (problem.line, problem.message) == (line, message)


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "sundial.yaml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert compile_file(tmp_path / "sundial.yaml", {})[1] == []


def test_no_clear_secret_is_compiled(tmp_path: Path) -> None:
    text = MINIMAL + "staticClients:\n  - id: a\n    secret: hunter2\n  - {id: b, public: true}\n"
    document = compiled(tmp_path, text)
    assert "hunter2" not in json.dumps(document)
    assert document["lines"]["/staticClients/0/secretHash"] == 5
    assert loaded(tmp_path, document).clients == config_from_yaml(text, {}).clients


# frontend.dir


def test_the_css_of_the_frontends_folder_is_compiled_in(tmp_path: Path) -> None:
    (tmp_path / "look").mkdir()
    (tmp_path / "look" / "theme.css").write_text("body { color: teal }", encoding="utf-8")
    document = compiled(tmp_path, MINIMAL + "frontend: {dir: look}\n")
    assert loaded(tmp_path, document).frontend.theme_css == "body { color: teal }"


def test_a_frontend_folder_without_theme_css_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "look").mkdir()
    (tmp_path / "sundial.yaml").write_text(MINIMAL + "frontend: {dir: look}\n", encoding="utf-8")
    _, (problem,) = compile_file(tmp_path / "sundial.yaml", {})
    assert (problem.severity, problem.key, problem.value) == (Severity.WARNING, "frontend.dir", "look")


def test_a_frontend_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sundial.yaml").write_text(MINIMAL + "frontend: {dir: look}\n", encoding="utf-8")
    _, (problem,) = compile_file(tmp_path / "sundial.yaml", {})
    assert (problem.severity, problem.message) == (Severity.ERROR, "is not a folder")


# What a function may find in the place of a compiled document.


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"format": 2}'])
def test_what_is_no_compiled_document_of_this_release_is_an_error_that_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / "sundial.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_compiled(tmp_path / "sundial.json", {})
    assert "compile it again" in str(refused.value)


def test_a_missing_compiled_document_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_compiled(tmp_path / "sundial.json", {})
    assert str(refused.value).startswith(str(tmp_path / "sundial.json"))


def test_loading_needs_neither_yaml_nor_difflib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = compiled(tmp_path, APP)
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.setitem(sys.modules, "difflib", None)
    assert loaded(tmp_path, document).clients


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
KEYS = (
    "issuer expiry idTokens refreshTokens staticClients id secret redirectURIs web headers connectors type name config"
    " oauth2 grantTypes pkce signing algorithms signer frontend logoURL logger level staticPasswords enablePasswordDB"
)
keys = st.text(max_size=6) | st.sampled_from(KEYS.split())
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


@settings(deadline=None)
@given(st.dictionaries(keys, values, max_size=6))
def test_no_document_whatever_fails_in_any_other_way(document: dict[str, Any]) -> None:
    from sundial.config.reader import read

    config, problems = read(document, {}, {})
    assert (config is None) == any(problem.severity is Severity.ERROR for problem in problems)
    assert all(problem.message and problem.remedy and problem.line == 1 for problem in problems)
