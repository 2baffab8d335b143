"""How commands print: colours on a terminal alone, problems in a form that editors can jump to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from sundial.config.problems import Problem, Severity

_COLOURS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.NOTE: "36"}


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """Return `text` in an ANSI colour where `stream` is a terminal and NO_COLOR (no-color.org) is not set."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def printable(text: str) -> str:
    """Return `text` as a terminal may have it: what somebody calls themselves moves no cursor and hides no line."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def print_problems(file: str, problems: Iterable[Problem], stream: TextIO) -> None:
    """Print each problem as `FILE:LINE: severity: key: message`, and its value and remedy below."""
    for problem in problems:
        severity = coloured(problem.severity, _COLOURS[problem.severity], stream)
        key = f"{coloured(problem.key, '1', stream)}: " if problem.key else ""
        print(f"{file}:{problem.line}: {severity}: {key}{problem.message}", file=stream)
        if problem.value:
            print(f"    value:  {problem.value}", file=stream)
        print(f"    remedy: {problem.remedy}", file=stream)


def counted(problems: Iterable[Problem]) -> str:
    """Return how many there are of each severity: "2 errors, 1 warning"."""
    severities = [problem.severity for problem in problems]
    counts = ((severity, severities.count(severity)) for severity in Severity)
    return ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in counts if count)


def print_json(document: Mapping[str, Any]) -> int:
    """Print `document` for a script; return the exit status of a command that has done that."""
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0
