"""The dataclasses that precompile.py writes out are those that `dataclasses` makes."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sundial.precompiled import Methods
from sundial_local.paths import ROOT

LAYER = ROOT / "layers" / "sundial"
PACKAGE = LAYER / "sundial"
LEFT_TO_DATACLASSES = {"Reading", "OAuthError", "_Model"}
"""They are not frozen; and the model of all others."""


@cache
def precompile() -> Any:
    return _module("precompile", compile((LAYER / "precompile.py").read_bytes(), "precompile.py", "exec"))


def _module(name: str, code: Any) -> ModuleType:
    module = ModuleType(name)
    before = sys.modules.get(name)
    sys.modules[name] = module  # where a class that is being made looks its annotations up
    try:
        exec(code, module.__dict__)  # noqa: S102
    finally:
        sys.modules.pop(name) if before is None else sys.modules.update({name: before})
    return module


def _dataclasses_of(module: ModuleType) -> Iterator[type]:
    for one in vars(module).values():
        if isinstance(one, type) and is_dataclass(one) and one.__module__ == module.__name__:
            yield one


@pytest.mark.parametrize("options", ["init=False, default=1", "hash=True"])
def test_a_field_that_is_not_understood_fails_the_build(options: str) -> None:
    source = f"@dataclass(frozen=True, slots=True)\nclass A:\n    a: int = field({options})"
    with pytest.raises(ValueError, match=r"^A\.a: precompile.py writes out no field with {'(init|hash)'}$"):
        precompile().written_out(source)


@pytest.mark.parametrize(
    "source",
    [
        "@dataclass(slots=True)\nclass A:\n    a: int",
        "@dataclass(frozen=True, slots=True)\nclass A(B):\n    a: int",
        "@dataclass(frozen=True, slots=True)\nclass A:\n    a: int\n    def __post_init__(self): pass",
        "@dataclass(frozen=True, slots=True)\nclass A:\n    a: int\n    def __eq__(self, other): return True",
    ],
)
def test_any_other_class_is_left_to_dataclasses(source: str) -> None:
    assert ast.dump(precompile().written_out(source)) == ast.dump(ast.parse(source))


def _name(file: Path) -> str:
    return ".".join(file.relative_to(LAYER).with_suffix("").parts).removesuffix(".__init__")


FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if "@dataclass" in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_a_class_written_out_is_the_class_that_dataclasses_makes(file: Path) -> None:
    importlib.import_module(_name(file))  # with all that it imports, and that may import it
    source = file.read_bytes()
    made = _module(_name(file), compile(source, file, "exec"))
    written = _module(_name(file), compile(precompile().written_out(source), file, "exec"))
    names = {one.__name__ for one in _dataclasses_of(made)}
    assert names == {one.__name__ for one in _dataclasses_of(written)} != set()
    for name in names - LEFT_TO_DATACLASSES:
        _assert_the_same(getattr(made, name), getattr(written, name))


def _assert_the_same(made: Any, written: Any) -> None:
    assert written.__repr__ is Methods.__repr__, f"{written} was left to dataclasses"
    assert _parameters(written) == _parameters(made)
    assert written.__slots__ == made.__slots__
    assert written.__match_args__ == made.__match_args__
    assert written.__annotations__ == made.__annotations__
    assert repr(written.__dataclass_params__) == repr(made.__dataclass_params__)
    assert [_said(one) for one in fields(written)] == [_said(one) for one in fields(made)]
    values = {one.name: f"a {one.name}" for one in fields(made)}
    mine, its = written(**values), made(**values)
    assert repr(mine) == repr(its)
    assert str(mine) == str(its)
    assert hash(mine) == hash(its)
    assert mine == written(**values)
    assert mine != its
    for name, value in values.items():
        assert getattr(mine, name) == value
        other = replace(mine, **{name: "another"})
        assert other == written(**values | {name: "another"})
        assert (mine == other) is (its == replace(its, **{name: "another"})), name
        with pytest.raises(FrozenInstanceError) as mine_said:
            setattr(mine, name, value)
        with pytest.raises(FrozenInstanceError) as its_said:
            setattr(its, name, value)
        assert str(mine_said.value) == str(its_said.value)
        with pytest.raises(FrozenInstanceError):
            delattr(mine, name)
    assert copy.copy(mine) == copy.deepcopy(mine) == mine
    assert mine.__getstate__() == its.__getstate__()
    required = {
        name: values[name] for name, _, default in _parameters(made) if default == repr(inspect.Parameter.empty)
    }
    assert _without_addresses(repr(written(**required))) == _without_addresses(repr(made(**required)))


def _parameters(one: type) -> list[tuple[str, object, str]]:
    """Return names, kinds and defaults: of a factory, that there is one."""
    return [
        (each.name, each.kind, "<factory>" if type(each.default) is object else repr(each.default))
        for each in inspect.signature(one).parameters.values()
    ]


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x\w+", "", text)


def _said(field: Any) -> tuple[object, ...]:
    factory = getattr(field.default_factory, "__name__", field.default_factory)
    return (
        *(field.name, field.type, field._field_type, repr(field.default), factory),
        *(field.init, field.repr, field.hash, field.compare, field.kw_only, dict(field.metadata)),
    )
