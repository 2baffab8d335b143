"""A YAML file into plain values and the line of each: used where a file is checked or compiled, not in Lambda.

The values are those that Dex would see (it reads YAML 1.1 by way of JSON): null, booleans (`yes`, `no`,
`on` and `off` too), numbers, text. What YAML would make of a date or of `22:22` stays text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from sundial.config.manifest import dex_file_in

Values = dict[str, Any]

_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"))


class _Loader(yaml.SafeLoader):
    """A safe loader that tells null, booleans and numbers from text as Dex's YAML library does."""


_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern in (
    ("null", r"(~|null|Null|NULL)?"),
    ("bool", r"true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"),
    ("int", r"[-+]?(0|[1-9][0-9_]*|0[0-7_]+|0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+)"),
    ("float", r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    ("merge", r"<<"),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"(?:{_pattern})\Z"), None)


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values, and the line of each by its JSON pointer (RFC 6901)."""

    values: Values
    lines: dict[str, int]


class DocumentError(Exception):
    """A file that is not YAML, or not a mapping; `line` and `column` count from one. Quotes nothing of the file."""

    def __init__(self, line: int, column: int, message: str, remedy: str) -> None:
        super().__init__(f"line {line}, column {column}: {message}; {remedy}")
        self.line = line
        self.column = column
        self.message = message
        self.remedy = remedy


def parse(text: str) -> Document:
    """Return the document that the YAML `text` holds, or a manifest of Kubernetes in it; raises DocumentError."""
    text = dex_file_in(text)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DocumentError(line, column, *_explained(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(line, 1, "a character that YAML doesn't allow", "save the file as UTF-8 text") from None
    if root is None:
        raise DocumentError(1, 1, "the file is empty", "write at least an issuer and a connector")
    if not isinstance(root, yaml.MappingNode):
        raise _error(root, "the file is not a mapping", "begin with 'issuer: https://…'")
    lines: dict[str, int] = {"": root.start_mark.line + 1}
    return Document(_mapping(root, "", lines, ()), lines)


def escape(key: str) -> str:
    """Return `key` as a step of a JSON pointer (RFC 6901 §3)."""
    return key.replace("~", "~0").replace("/", "~1")


def _value(node: yaml.Node, pointer: str, lines: dict[str, int], inside: tuple[yaml.Node, ...]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, pointer, lines, inside)
    if isinstance(node, yaml.SequenceNode):
        _refuse_cycle(node, inside)
        items = []
        for index, item in enumerate(node.value):
            lines[f"{pointer}/{index}"] = item.start_mark.line + 1
            items.append(_value(item, f"{pointer}/{index}", lines, (*inside, node)))
        return items
    return _scalar(node)


def _mapping(node: yaml.MappingNode, pointer: str, lines: dict[str, int], inside: tuple[yaml.Node, ...]) -> Values:
    _refuse_cycle(node, inside)
    values: Values = {}
    merged: Values = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _error(
                key_node, "a key that is not text", "write 'key: value'; a template ({{ … }}) is to be rendered first"
            )
        key = key_node.value
        if key_node.tag == f"{_TAG}merge":
            merged |= _merged(value_node, pointer, lines, (*inside, node))
            continue
        if key in values:
            first = lines[f"{pointer}/{escape(key)}"]
            raise _error(key_node, f"the key '{key}' stands twice (first in line {first})", "remove one of them")
        step = f"{pointer}/{escape(key)}"
        lines[step] = key_node.start_mark.line + 1
        values[key] = _value(value_node, step, lines, (*inside, node))
    return merged | values


def _merged(node: yaml.Node, pointer: str, lines: dict[str, int], inside: tuple[yaml.Node, ...]) -> Values:
    """Return the keys that `<<` brings in; of several mappings the first wins (YAML's merge type)."""
    sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
    values: Values = {}
    for source in sources:
        if not isinstance(source, yaml.MappingNode):
            raise _error(source, "'<<' merges mappings only", "write '<<: *name' of a mapping")
        here: dict[str, int] = {}
        values = _mapping(source, pointer, here, inside) | values
        for step, line in here.items():
            lines.setdefault(step, line)
    return values


def _refuse_cycle(node: yaml.Node, inside: tuple[yaml.Node, ...]) -> None:
    if node in inside:
        raise _error(node, "an alias that stands inside what it repeats", "remove the alias")


def _scalar(node: yaml.Node) -> Any:
    text: str = node.value
    match node.tag.removeprefix(_TAG):
        case "str" | "merge":
            return text
        case "null":
            return None
        case "bool":
            return text in _TRUE
        case "int":
            return _integer(text)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    raise _error(node, "a YAML tag (!…) that has no meaning here", "remove the tag, or put the whole value in quotes")


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    try:
        return int(digits, 0)
    except ValueError:
        return int(digits, 8)  # YAML 1.1: 0755


def _explained(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    """Return what is wrong and what to do about it, without a word of the file: it may be a secret's."""
    problem = error.problem or "this is not YAML"
    for about_a_name in ("found undefined alias", "found undefined tag handle"):
        if problem.startswith(about_a_name):
            return about_a_name, "put a value that begins with * or ! in quotes"
    if problem == "second occurrence":
        return "an anchor (&…) that stands twice", "put a value that begins with & in quotes"
    if problem == "but found another document":
        return "a second document begins", "keep one document a file: remove the '---'"
    if "\\t" in problem:
        return "a tab", "indent with spaces"
    if problem.startswith("mapping values"):
        return problem, "put a value that holds ': ' in quotes, or mend the indentation"
    return problem, "look at the indentation and the quotes here and in the line before"


def _error(node: yaml.Node, message: str, remedy: str) -> DocumentError:
    mark = node.start_mark
    return DocumentError(mark.line + 1, mark.column + 1, message, remedy)
