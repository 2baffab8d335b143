"""What dataclasses have in common whose methods stand written out in the layer's bytecode (precompile.py beside us).

No source imports this. All of it is as `dataclasses` has it, and is taken from there where it can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from reprlib import recursive_repr
from typing import Any, NoReturn

__all__ = ["FACTORY", "PARAMS", "Fields", "Methods", "assign", "field"]


@dataclass(frozen=True, slots=True)
class _Model:
    """What `dataclasses` makes of such a class."""

    value: object


_MODEL: Any = _Model
PARAMS = _MODEL.__dataclass_params__
FACTORY: Any = object()
"""Stands for the default of a field that has a `default_factory`."""
assign = object.__setattr__


class Methods:
    """The methods that are the same for all."""

    __slots__ = ()
    __getstate__ = _MODEL.__getstate__
    __setstate__ = _MODEL.__setstate__
    __replace__ = getattr(_MODEL, "__replace__", None)  # Python 3.13 has it first

    @recursive_repr()
    def __repr__(self: Any) -> str:
        shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
        return f"{type(self).__qualname__}({shown})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


class Fields:
    """`__dataclass_fields__`, made when it is first asked for, as `replace` and `asdict` do: starting, nobody does."""

    __slots__ = ("_make", "_owner")
    _owner: Any

    def __init__(self, make: Callable[[], dict[str, Field[Any]]]) -> None:
        """`make` returns the fields by name: the inherited ones, then the class's own, as yet without names."""
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> dict[str, Field[Any]]:
        """Return the fields by name."""
        made, defaults = self._make(), self._defaults()
        for name in self._owner.__slots__:
            one: Any = made[name]
            one.name, one.type = name, self._owner.__annotations__[name]
            one.default = defaults.get(name, MISSING)
            one.kw_only = one.kw_only is True
            one._field_type = _MODEL.__dataclass_fields__["value"]._field_type
        self._owner.__dataclass_fields__ = made
        return made

    def _defaults(self) -> dict[str, object]:
        """Return the parameters' defaults: the very values that instances get."""
        made = self._owner.__init__
        last_first = zip(reversed(self._owner.__match_args__), reversed(made.__defaults__ or ()), strict=False)
        every = dict(last_first) | (made.__kwdefaults__ or {})
        return {name: default for name, default in every.items() if default is not FACTORY}
