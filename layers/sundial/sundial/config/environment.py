"""`$NAME` in a value: taken from the environment.

Dex expands `$NAME` and `${NAME}` in a connector's `config` (Go's os.ExpandEnv), and an unset variable
becomes nothing. Here they are expanded in every value but those that may hold a dollar sign of their
own (`secret`, `hash`: these have `secretEnv` and `hashFromEnv`), and an unset variable is an error. A
dollar sign that is not followed by a name stands for itself, and so does `$$`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:\$|(?P<plain>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\})")


def names(text: str) -> tuple[str, ...]:
    """Return the variables that `text` refers to, in order."""
    if "$" not in text:
        return ()
    return tuple(name for match in _REFERENCE.finditer(text) if (name := match["plain"] or match["braced"]))


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Return `text` with each `$NAME` and `${NAME}` replaced; every one of `names(text)` must be set."""
    return _REFERENCE.sub(lambda match: _value(match, environment), text)


def is_reference(text: str) -> bool:
    """Return whether `text` is nothing but one `$NAME` or `${NAME}`."""
    match = _REFERENCE.fullmatch(text)
    return match is not None and match[0] != "$$"


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    name = match["plain"] or match["braced"]
    return environment[name] if name else "$"
