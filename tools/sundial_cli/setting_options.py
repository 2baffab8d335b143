"""Options made of the configuration's own classes: what a file can say of a client or a user, a command can.

Each setting is an option named as its key: `redirectURIs` is `--redirect-uri`, once for each; `idTokens` of the
`expiry` block is `--id-tokens`. An option that isn't given leaves its setting as it is; an empty one takes it away.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Union, get_args, get_origin, get_type_hints

from sundial.expiry.durations import format_duration

_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|\.")


@dataclass(frozen=True, slots=True)
class SettingOption:
    """One option: the path of its setting in a document, and the field that it is of a class."""

    path: tuple[str, ...]
    field: str
    kind: type
    """`str` (durations too), `bool` or `tuple`."""
    help: str

    @property
    def flag(self) -> str:
        """The option as it is typed; one of a list names one item of it."""
        key = _WORD_BOUNDARY.sub("-", self.path[-1]).lower()
        return f"--{key.removesuffix('s') if self.kind is tuple else key}"

    @property
    def name(self) -> str:
        """Its name among the parsed arguments."""
        return f"setting_{'_'.join(self.path)}"


def options_of(described: type, *, leaving_out: Collection[str] = ()) -> tuple[SettingOption, ...]:
    """Return an option for each setting of a class of `sundial.config.model`, but for those keys."""
    return tuple(_options(described, (), frozenset(leaving_out)))


def add_options(parser: argparse.ArgumentParser, options: Collection[SettingOption], title: str) -> None:
    """Add `options` to a command."""
    group = parser.add_argument_group(title, "An empty value takes a setting away.")
    for option in options:
        shared: dict[str, Any] = {"dest": option.name, "default": None, "help": option.help.replace("%", "%%")}
        if option.kind is bool:
            group.add_argument(option.flag, action=argparse.BooleanOptionalAction, **shared)
        elif option.kind is tuple:
            shared["help"] += " (once for each)"
            group.add_argument(option.flag, action="append", metavar="VALUE", **shared)
        else:
            group.add_argument(option.flag, metavar="VALUE", **shared)


def given(arguments: argparse.Namespace, options: Collection[SettingOption]) -> dict[SettingOption, Any]:
    """Return the options that were given, each with its value: text, a boolean, or a tuple without empty items."""
    values = {option: getattr(arguments, option.name, None) for option in options}
    return {
        option: tuple(item for item in value if item) if option.kind is tuple else value
        for option, value in values.items()
        if value is not None
    }


def changed(document: Mapping[str, Any], values: Mapping[SettingOption, Any]) -> dict[str, Any]:
    """Return a copy of `document` with `values` in their places; an empty text or list takes its key out."""
    copy = dict(document)
    for option, value in values.items():
        _put(copy, option.path, list(value) if option.kind is tuple else value)
    return copy


def document_of(settings: Any) -> dict[str, Any]:
    """Return the document that an instance of such a class comes from, as far as it says more than the defaults.

    Bytes are digests and hashes, and are left out.
    """
    document: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        key, value = field.metadata["key"], getattr(settings, field.name)
        if not key or value is None or value == field.default or isinstance(value, bytes):
            continue
        if dataclasses.is_dataclass(value):
            value = document_of(value)
        elif isinstance(value, timedelta):
            value = format_duration(value)
        _put(document, tuple(key.split(".")), list(value) if isinstance(value, tuple) else value)
    return document


def _put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    key, *rest = path
    if rest:
        inner = dict(document.get(key) or {})
        _put(inner, tuple(rest), value)
        value = inner
    if value in ("", [], {}):
        document.pop(key, None)
    else:
        document[key] = value


def _options(described: type, path: tuple[str, ...], left_out: frozenset[str]) -> Iterator[SettingOption]:
    types_of = get_type_hints(described)
    for field in dataclasses.fields(described):
        key = field.metadata["key"]
        if not key or key in left_out:
            continue
        kind = _kind(types_of[field.name])
        if dataclasses.is_dataclass(kind):
            yield from _options(kind, (*path, *key.split(".")), left_out)
        else:
            yield SettingOption((*path, *key.split(".")), field.name, kind, field.metadata["help"])


def _kind(hint: Any) -> type:
    """Return what an option of a type takes; of `X | None` it is what X takes."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (one for one in get_args(hint) if one is not types.NoneType)
    if isinstance(hint, type) and (dataclasses.is_dataclass(hint) or hint is bool):
        return hint
    return tuple if get_origin(hint) is tuple else str
