"""A document into a Config: every problem at once, then the frozen result."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from sundial.config.capacity import check_capacity
from sundial.config.clients import read_clients, read_connectors, read_passwords
from sundial.config.general import (
    read_expiry,
    read_frontend,
    read_issuer,
    read_log_level,
    read_oauth2,
    read_signer,
    read_signing,
    read_web,
)
from sundial.config.model import Config
from sundial.config.problems import ConfigError, Problem, Severity, has_errors
from sundial.config.section import Reading, Section

FORMAT = 1
"""Of the compiled document; another one is another release's."""


def read(
    document: Mapping[str, Any],
    lines: Mapping[str, int],
    environment: Mapping[str, str],
    *,
    theme_css: str = "",
    deferred: bool = False,
) -> tuple[Config | None, list[Problem]]:
    """Return the configuration that `document` comes to, None where it can't be used, and every problem of it.

    `lines` are the lines by JSON pointer. With `deferred`, a variable that `environment` doesn't set is
    a note, and what it would have been is left unchecked: then there may be neither a Config nor an error.
    """
    reading = Reading(lines, environment, deferred)
    root = Section(reading, "", "", "", document)
    issuer = read_issuer(root)
    password_db = root.flag("enablePasswordDB")
    expiry, signing = read_signer(root, read_expiry(root), read_signing(root))
    connectors = read_connectors(root, expiry, password_db=password_db)
    config = Config(
        issuer=issuer or "",
        clients=read_clients(root, expiry, signing, connectors),
        connectors=connectors,
        enable_password_db=password_db,
        static_passwords=read_passwords(root, enabled=password_db),
        expiry=expiry,
        oauth2=read_oauth2(root),
        signing=signing,
        web=read_web(root),
        frontend=read_frontend(root, theme_css),
        log_level=read_log_level(root),
    )
    root.not_yet("mfa", "sessions")
    root.meaningless("storage", "grpc", "telemetry")
    root.close()
    check_capacity(root, config)
    _name_the_meaningless(reading)
    problems = sorted(dict.fromkeys(reading.problems), key=lambda problem: problem.line)
    usable = not has_errors(problems) and not reading.awaits_environment
    return (config if usable else None), problems


def load_compiled(path: str | os.PathLike[str], environment: Mapping[str, str]) -> Config:
    """Return the configuration of a compiled document (`compile_file`), checked again in this environment.

    Raises ConfigError, which lists every problem.
    """
    with open(path, encoding="utf-8") as file:
        compiled = json.load(file)
    source = compiled["source"]
    if compiled["format"] != FORMAT:
        message = f"is a compiled document of format {compiled['format']}, and this release reads {FORMAT}"
        problem = Problem(Severity.ERROR, 1, "", "", message, "compile the file again")
        raise ConfigError(source, [problem])
    config, problems = read(compiled["document"], compiled["lines"], environment, theme_css=compiled["themeCSS"])
    if config is None:
        raise ConfigError(source, problems)
    return config


def compile_file(
    yaml_path: str | os.PathLike[str], environment: Mapping[str, str]
) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the compiled document of a YAML file, None where it has errors, and every problem of it.

    Variables that `environment` doesn't set are notes: they are checked where the function starts.
    """
    from sundial.config.document import DocumentError, parse  # PyYAML is not in Lambda

    path = os.fspath(yaml_path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            document = parse(file.read())
    except DocumentError as error:
        message = f"column {error.column}: {error.message}"
        return None, [Problem(Severity.ERROR, error.line, "", "", message, error.remedy)]
    theme_css, theme_problems = _theme_css(document.values, document.lines, os.path.dirname(path))
    _, problems = read(document.values, document.lines, environment, theme_css=theme_css, deferred=True)
    problems = sorted((*problems, *theme_problems), key=lambda problem: problem.line)
    if has_errors(problems):
        return None, problems
    return {
        "format": FORMAT,
        "source": os.path.basename(path),
        "document": document.values,
        "lines": document.lines,
        "themeCSS": theme_css,
    }, problems


def config_from_yaml(text: str, environment: Mapping[str, str], *, source: str = "sundial.yaml") -> Config:
    """Return the configuration that the YAML `text` comes to; raises ConfigError. For tests and local runs."""
    from sundial.config.document import parse

    document = parse(text)
    config, problems = read(document.values, document.lines, environment)
    if config is None:
        raise ConfigError(source, problems)
    return config


def _theme_css(values: Mapping[str, Any], lines: Mapping[str, int], folder: str) -> tuple[str, list[Problem]]:
    """Return the text of `frontend.dir`'s theme.css; the folder is relative to the file's own."""
    frontend = values.get("frontend")
    directory = frontend.get("dir") if isinstance(frontend, dict) else None
    if not isinstance(directory, str) or not directory:
        return "", []
    line = lines["/frontend/dir"]
    if not os.path.isdir(os.path.join(folder, directory)):
        message, remedy = "is not a folder", "write a path relative to this file, or remove the setting"
        return "", [Problem(Severity.ERROR, line, "frontend.dir", directory, message, remedy)]
    try:
        with open(os.path.join(folder, directory, "theme.css"), encoding="utf-8") as file:
            return file.read(), []
    except FileNotFoundError:
        message, remedy = "has no theme.css, the one file that is read of it", "add one, or remove the setting"
        return "", [Problem(Severity.WARNING, line, "frontend.dir", directory, message, remedy)]


def _name_the_meaningless(reading: Reading) -> None:
    if reading.meaningless:
        first = reading.meaningless[0]
        pointer = "/" + first.replace(".", "/")
        message = f"these settings mean nothing without a server: {', '.join(reading.meaningless)}"
        line = reading.lines.get(pointer, 1)
        reading.problems.append(Problem(Severity.WARNING, line, first, "", message, "they may stay, or go"))
