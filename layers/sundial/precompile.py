"""Write out the dataclasses of the package in its bytecode: the layer's Makefile runs this once all is compiled.

`dataclasses` puts together the source of a class's methods, and compiles it, whenever the module is imported: for the
seventy classes of a function that is a fifth of its cold start. Here it is done as the layer is built. What is
compiled is the module as if somebody had typed `__init__`, `__eq__` and `__hash__`; the methods that are the same
for all, and what only `dataclasses` itself asks for, are in `sundial.precompiled`. The sources stay as they are, and
with them the lines that a traceback names.

A class is written out where it is as our style has them: `@dataclass(frozen=True, slots=True)`, with no base but
another such class of its module, and none of those methods its own. `dataclasses` goes on to make any other.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_DECORATOR = "dataclass(frozen=True, slots=True)"
_WRITTEN = ("__init__", "__eq__", "__hash__")
_SHARED = ("__repr__", "__setattr__", "__delattr__", "__getstate__", "__setstate__", "__replace__")
_HELPER = "precompiled.py"
_IMPORT = "import sundial.precompiled as _precompiled"
_OPTIONS = frozenset(("default", "default_factory", "repr", "compare", "kw_only", "metadata"))
_UNCHECKED_HASH = (0b01).to_bytes(4, "little")
"""The flags of a .pyc that is not compared with its source (PEP 552)."""


class Field(NamedTuple):
    """A field as its class states it; of expressions, their source."""

    name: str
    default: str | None = None
    factory: str | None = None
    options: str = ""
    """What else `dataclasses.field` is given."""
    compared: bool = True
    keyword_only: bool = False


def main(package: Path, installed: Path) -> None:
    """Compile every module of the folder `package`, which functions will find at `installed`."""
    for file in sorted(package.rglob("*.py")):
        if file.name == _HELPER:
            continue
        source = file.read_bytes()
        code = compile(written_out(source), installed / file.relative_to(package), "exec", dont_inherit=True)
        header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source)
        Path(importlib.util.cache_from_source(file)).write_bytes(header + marshal.dumps(code))


def written_out(source: bytes | str) -> ast.Module:
    """Return a module with its dataclasses written out."""
    module = ast.parse(source)
    known: dict[str, Sequence[Field]] = {}
    for node in module.body:
        if isinstance(node, ast.ClassDef) and _is_ours(node, known):
            bases = [ast.unparse(base) for base in node.bases]
            own = list(_fields_of(node))
            known[node.name] = [*(field for base in bases for field in known[base]), *own]
            _write_out(node, bases, own, known[node.name])
    if known:
        after = next(i for i, node in enumerate(module.body) if not _comes_first(node))
        module.body[after:after] = _parsed(_IMPORT, module.body[after])
    return module


def _is_ours(node: ast.ClassDef, known: Mapping[str, Sequence[Field]]) -> bool:
    methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
    return (
        [ast.unparse(one) for one in node.decorator_list] == [_DECORATOR]
        and not node.keywords
        and len(node.bases) <= 1
        and all(ast.unparse(base) in known for base in node.bases)
        and methods.isdisjoint((*_WRITTEN, *_SHARED, "__post_init__"))
    )


def _comes_first(node: ast.stmt) -> bool:
    """Whether nothing may stand before `node`: it is the module's docstring, or an import from `__future__`."""
    return isinstance(node, ast.Expr) or (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def _fields_of(node: ast.ClassDef) -> Iterator[Field]:
    """Yield the fields that a class states, in order. Raises ValueError for an option that is not known here."""
    for one in node.body:
        if not isinstance(one, ast.AnnAssign) or ast.unparse(one.annotation).startswith("ClassVar"):
            continue
        name = ast.unparse(one.target)
        if not (isinstance(one.value, ast.Call) and ast.unparse(one.value.func) == "field"):
            yield Field(name, default=ast.unparse(one.value) if one.value else None)
            continue
        said = {word.arg or "**": ast.unparse(word.value) for word in one.value.keywords}
        if not said.keys() <= _OPTIONS:
            raise ValueError(f"{node.name}.{name}: precompile.py writes out no field with {said.keys() - _OPTIONS}")
        yield Field(
            name,
            default=said.pop("default", None),
            factory=said.get("default_factory"),
            options=", ".join(f"{option}={value}" for option, value in said.items()),
            compared=said.get("compare", "True") == "True",
            keyword_only=said.get("kw_only", "False") == "True",
        )


def _write_out(node: ast.ClassDef, bases: Sequence[str], own: Sequence[Field], fields: Sequence[Field]) -> None:
    """Put into a class what `dataclasses` would make of it, in place of its decorator and its fields' values."""
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) in {field.name for field in own}:
            one.value = None  # a class with __slots__ has room for no value of that name
    node.decorator_list = []
    node.body += _parsed("\n".join(_lines(bases, own, fields)), node)


def _lines(bases: Sequence[str], own: Sequence[Field], fields: Sequence[Field]) -> Iterator[str]:
    yield f"__slots__ = {tuple(field.name for field in own)}"
    yield f"__match_args__ = {tuple(field.name for field in fields if not field.keyword_only)}"
    yield from (f"{name} = _precompiled.Methods.{name}" for name in _SHARED)
    inherited = "".join(f"**{base}.__dataclass_fields__, " for base in bases)
    stated = ", ".join(f"{field.name!r}: _precompiled.field({field.options})" for field in own)
    yield "__dataclass_params__ = _precompiled.PARAMS"
    yield f"__dataclass_fields__ = _precompiled.Fields(lambda: {{{inherited}{stated}}})"

    positional = [_parameter(field) for field in fields if not field.keyword_only]
    by_keyword = [_parameter(field) for field in fields if field.keyword_only]
    yield f"def __init__({', '.join(['self', *positional, *(['*'] if by_keyword else []), *by_keyword])}):"
    yield " assign = _precompiled.assign"
    yield from (f" assign(self, {field.name!r}, {_value(field)})" for field in fields)

    compared = [field.name for field in fields if field.compared]
    yield "def __eq__(self, other):"
    yield " if other.__class__ is not self.__class__: return NotImplemented"
    yield f" return {' and '.join(f'self.{name} == other.{name}' for name in compared) or True}"
    yield "def __hash__(self):"
    yield f" return hash(({''.join(f'self.{name}, ' for name in compared)}))"


def _parameter(field: Field) -> str:
    if field.factory is not None:
        return f"{field.name}=_precompiled.FACTORY"
    return field.name if field.default is None else f"{field.name}={field.default}"


def _value(field: Field) -> str:
    made = f"({field.factory})() if {field.name} is _precompiled.FACTORY else {field.name}"
    return field.name if field.factory is None else made


def _parsed(text: str, beside: ast.AST) -> list[ast.stmt]:
    """Return what `text` says, as if it stood in the line of `beside`."""
    statements = ast.parse(text).body
    for statement in statements:
        for node in ast.walk(statement):
            ast.copy_location(node, beside)
    return statements


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
