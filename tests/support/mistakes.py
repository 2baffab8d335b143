"""Every way to spoil one parameter: missing, empty, repeated, oversized, wrongly typed, wrongly encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

Pairs = list[tuple[str, str]]

MISTAKES: Mapping[str, Callable[[str, str], Pairs]] = {
    "missing": lambda name, value: [],
    "empty": lambda name, value: [(name, "")],
    "under another name": lambda name, value: [(name.upper(), value), (f"{name}[]", value)],
    "repeated": lambda name, value: [(name, value), (name, value)],
    "repeated and empty": lambda name, value: [(name, value), (name, "")],
    "oversized": lambda name, value: [(name, "x" * 9000)],
    "wrong": lambda name, value: [(name, "wrong")],
    "of other characters": lambda name, value: [(name, "\0ü\u202e\U0001f600")],
    "quoted": lambda name, value: [(name, f'"><script>{value}\\')],
    "as JSON": lambda name, value: [(name, f'["{value}"]')],
    "with a line break": lambda name, value: [(name, f"{value}\r\nSet-Cookie: a=b")],
    "encoded twice": lambda name, value: [(name, "".join(f"%{byte:02x}" for byte in value.encode()))],
}
"""Given a parameter's name and value, what stands in its place."""

ABSENT = frozenset(("missing", "empty", "under another name"))
REPEATED = frozenset(("repeated", "repeated and empty"))


def spoilt(pairs: Iterable[tuple[str, str]], name: str, mistake: str) -> Pairs:
    """Return `pairs` with the parameter `name` spoilt."""
    return [bad for pair in pairs for bad in (MISTAKES[mistake](*pair) if pair[0] == name else [pair])]
