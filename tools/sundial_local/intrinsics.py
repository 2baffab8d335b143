"""CloudFormation's YAML and the intrinsic functions that template.yaml uses, as far as a local stack needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _SafeLoader  # a tenth of the time: template.yaml is read at every start
except ImportError:  # a PyYAML that was built without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")
NO_VALUE = object()
"""What `!Ref AWS::NoValue` comes to: the property that holds it is left out."""


class TemplateError(Exception):
    """The template says something that can't be resolved here; says what and where."""


class _Loader(_SafeLoader):
    """YAML with CloudFormation's short tags, as their long forms."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TemplateError(f"line {node.start_mark.line + 1}: !{suffix} has no value")
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def load_yaml(text: str) -> Any:
    """Return a CloudFormation YAML document, `!Ref X` as `{"Ref": "X"}` and so on. Raises TemplateError."""
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise TemplateError(str(error)) from error


def _unknown(*name: str) -> Any:
    raise TemplateError(f"{'.'.join(name)} is nothing that exists locally")


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names in a template stand for. `reference` and `attribute` answer for resources."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters and pseudo parameters, with their values."""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    reference: Callable[[str], Any] = _unknown
    attribute: Callable[[str, str], Any] = _unknown


def resolve(value: Any, scope: Scope) -> Any:
    """Return `value` with its intrinsic functions carried out. Raises TemplateError."""
    if isinstance(value, list):
        return [item for item in (resolve(item, scope) for item in value) if item is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, argument)] = value.items()
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](argument, scope)
        if name.startswith("Fn::"):
            raise TemplateError(f"{name} is not known to the local stack")
    resolved = ((key, resolve(item, scope)) for key, item in value.items())
    return {key: item for key, item in resolved if item is not NO_VALUE}


def _ref(name: Any, scope: Scope) -> Any:
    if name == "AWS::NoValue":
        return NO_VALUE
    return scope.parameters[name] if name in scope.parameters else scope.reference(name)


def _get_att(argument: Any, scope: Scope) -> Any:
    name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return scope.attribute(name, attribute)


def _sub(argument: Any, scope: Scope) -> str:
    text, extra = (argument, {}) if isinstance(argument, str) else argument
    own = {name: resolve(value, scope) for name, value in extra.items()}

    def replaced(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return "${" + name + "}"
        if name in own:
            return str(own[name])
        return str(_get_att(name, scope) if "." in name else _ref(name, scope))

    return _PLACEHOLDER.sub(replaced, text)


def _if(argument: Any, scope: Scope) -> Any:
    condition, then, otherwise = argument
    return resolve(then if holds(condition, scope) else otherwise, scope)


def holds(name: str, scope: Scope) -> bool:
    """Return whether the condition `name` of the template holds."""
    if name not in scope.conditions:
        raise TemplateError(f"there is no condition {name}")
    return bool(resolve(scope.conditions[name], scope))


_FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Condition": holds,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::Join": lambda argument, scope: argument[0].join(resolve(argument[1], scope)),
    "Fn::Select": lambda argument, scope: resolve(argument[1], scope)[int(argument[0])],
    "Fn::Split": lambda argument, scope: resolve(argument[1], scope).split(argument[0]),
    # As CloudFormation, which knows no numbers: 0 is "0".
    "Fn::Equals": lambda argument, scope: str(resolve(argument[0], scope)) == str(resolve(argument[1], scope)),
    "Fn::Not": lambda argument, scope: not resolve(argument[0], scope),
    "Fn::And": lambda argument, scope: all(resolve(item, scope) for item in argument),
    "Fn::Or": lambda argument, scope: any(resolve(item, scope) for item in argument),
}
