"""A document into a Config: every problem of it at once, then the frozen result."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from sundial.config.capacity import check_capacity
from sundial.config.clients import read_clients
from sundial.config.general import (
    read_expiry,
    read_frontend,
    read_issuer,
    read_log_level,
    read_migration,
    read_oauth2,
    read_signer,
    read_signing,
    read_web,
)
from sundial.config.model import Config
from sundial.config.problems import ConfigError, Problem, Severity, has_errors
from sundial.config.section import Reading, Section
from sundial.config.users import read_connectors, read_passwords

FORMAT = 1
"""Of the compiled document: a release reads its own alone."""


def read(
    document: Mapping[str, Any],
    lines: Mapping[str, int],
    environment: Mapping[str, str],
    *,
    theme_css: str = "",
    deferred: bool = False,
) -> tuple[Config | None, list[Problem]]:
    """Return the configuration that `document` comes to, None where it can't be used, and every problem of it.

    `lines` are the lines by JSON pointer, `theme_css` is the text of the file in `frontend.dir`. With
    `deferred`, a variable that `environment` doesn't set is a note and what depends on it goes unchecked:
    then there may be neither a Config nor an error.
    """
    reading = Reading(lines, environment, deferred)
    root = Section(reading, document)
    issuer = read_issuer(root)
    signer = read_signer(root)
    expiry = read_expiry(root, signer)
    signing = read_signing(root, signer)
    password_db = root.flag("enablePasswordDB")
    connectors = read_connectors(root, expiry, issuer, password_db=password_db)
    config = Config(
        issuer=issuer or "",
        clients=read_clients(root, expiry, signing, connectors),
        connectors=connectors,
        enable_password_db=password_db,
        static_passwords=read_passwords(root, password_db=password_db),
        expiry=expiry,
        oauth2=read_oauth2(root, connectors),
        signing=signing,
        web=read_web(root),
        frontend=read_frontend(root, theme_css),
        migration=read_migration(root),
        log_level=read_log_level(root),
    )
    root.not_yet("mfa")
    root.leave_out("sessions")
    root.accept_meaningless()
    root.close()
    check_capacity(root, config)
    _name_the_meaningless(reading)
    problems = _in_order(reading.problems)
    usable = not has_errors(problems) and not reading.awaits_environment
    return (config if usable else None), problems


def load_compiled(path: str | os.PathLike[str], environment: Mapping[str, str]) -> Config:
    """Return the configuration of a compiled document (`compile_file`), checked again in this environment.

    Raises ConfigError, which lists every problem.
    """
    try:
        with open(path, encoding="utf-8") as file:
            compiled = json.load(file)
        fits = compiled["format"] == FORMAT
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(os.fspath(path), [_unusable(f"can't be read ({type(error).__name__})")]) from error
    if not fits:
        raise ConfigError(os.fspath(path), [_unusable("was compiled by another release of Sundial")])
    config, problems = read(compiled["document"], compiled["lines"], environment, theme_css=compiled["themeCSS"])
    if config is None:
        raise ConfigError(compiled["source"], problems)
    return config


def compile_file(
    path: str | os.PathLike[str], environment: Mapping[str, str]
) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the compiled document of the YAML file at `path`, None where it has errors, and every problem of it.

    What `environment` doesn't set is a note: it is checked where the function starts. No clear secret
    goes into the compiled document: its digest does. Raises OSError where there is no such file.
    """
    from sundial.config.document import DocumentError, parse  # PyYAML is not in Lambda

    folder, name = os.path.split(os.fspath(path))
    with open(path, "rb") as file:
        content = file.read()
    try:
        document = parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, [Problem(Severity.ERROR, line, "", "", "is not UTF-8", "save the file as UTF-8 text")]
    except DocumentError as error:
        return None, [_of_document(error.line, error.column, error.message, error.remedy)]
    theme_css, theme_problems = _theme_css(document.values, document.lines, folder)
    _, problems = read(document.values, document.lines, environment, theme_css=theme_css, deferred=True)
    problems = _in_order([*problems, *theme_problems])
    if has_errors(problems):
        return None, problems
    _hash_secrets(document.values, document.lines)
    compiled = {
        "format": FORMAT,
        "source": name,
        "document": document.values,
        "lines": document.lines,
        "themeCSS": theme_css,
    }
    return compiled, problems


def config_from_yaml(text: str, environment: Mapping[str, str], *, source: str = "sundial.yaml") -> Config:
    """Return the configuration that the YAML `text` comes to; raises ConfigError, which lists every problem."""
    from sundial.config.document import DocumentError, parse  # PyYAML is not in Lambda

    try:
        document = parse(text)
    except DocumentError as error:
        problem = _of_document(error.line, error.column, error.message, error.remedy)
        raise ConfigError(source, [problem]) from None
    config, problems = read(document.values, document.lines, environment)
    if config is None:
        raise ConfigError(source, problems)
    return config


def _theme_css(values: Mapping[str, Any], lines: Mapping[str, int], folder: str) -> tuple[str, list[Problem]]:
    """Return the text of theme.css in `frontend.dir`, a folder relative to the file's own."""
    frontend = values.get("frontend")
    directory = frontend.get("dir") if isinstance(frontend, dict) else None
    if not isinstance(directory, str) or not directory:
        return "", []
    line = lines["/frontend/dir"]
    if not os.path.isdir(os.path.join(folder, directory)):
        remedy = "write a path relative to this file's folder, or remove the setting"
        return "", [Problem(Severity.ERROR, line, "frontend.dir", directory, "is not a folder", remedy)]
    try:
        with open(os.path.join(folder, directory, "theme.css"), encoding="utf-8") as file:
            return file.read(), []
    except FileNotFoundError:
        message = "has no theme.css, the only file that is taken from it (Dex's templates and assets are Dex's)"
        remedy = "add a theme.css, or remove the setting"
        return "", [Problem(Severity.WARNING, line, "frontend.dir", directory, message, remedy)]


def _hash_secrets(values: dict[str, Any], lines: dict[str, int]) -> None:
    """Put the digest of each client's clear secret in the secret's place."""
    import hashlib

    for index, client in enumerate(values.get("staticClients") or ()):
        secret = client.pop("secret", None)
        if secret:
            client["secretHash"] = hashlib.sha256(secret.encode("utf-8")).hexdigest()
            lines[f"/staticClients/{index}/secretHash"] = lines.pop(f"/staticClients/{index}/secret")


def _name_the_meaningless(reading: Reading) -> None:
    """Warn once of all that means something to a server alone."""
    if reading.meaningless:
        (line, first), *others = sorted(reading.meaningless)
        message = "means nothing without a server"
        if others:
            message += f"; nor do {', '.join(name for _, name in others)}"
        reading.problems.append(Problem(Severity.WARNING, line, first, "", message, "it may stay, or go"))


def _of_document(line: int, column: int, message: str, remedy: str) -> Problem:
    return Problem(Severity.ERROR, line, "", "", f"column {column}: {message}", remedy)


def _unusable(message: str) -> Problem:
    return Problem(Severity.ERROR, 1, "", "", message, "compile it again: 'sundial config compile IN OUT'")


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return `problems` by line, each once: a shared anchor, or a list that is read twice, reports itself again."""
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.line)
