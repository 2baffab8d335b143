"""What template.yaml says of functions, routes, schedules and resources, for the local server and the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from sundial_local.intrinsics import Scope, TemplateError, holds, load_yaml, resolve
from sundial_local.ministack import REGION
from sundial_local.paths import TEMPLATE

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the HTTP API, such as `GET` `/auth/{connector}`."""

    method: str
    path: str

    @property
    def key(self) -> str:
        """API Gateway's route key."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function of the template. `environment` holds unresolved values."""

    name: str
    """Its logical id."""
    folder: Path
    module: str
    attribute: str
    routes: tuple[Route, ...]
    environment: Mapping[str, Any]
    every: timedelta | None
    """How often the schedule calls it; None where none does."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource whose condition holds. `properties` are unresolved."""

    name: str
    type: str
    properties: Mapping[str, Any]


class Template:
    """A SAM template, its parameters at their defaults unless `parameters` says otherwise."""

    def __init__(self, document: Mapping[str, Any], root: Path, parameters: Mapping[str, str] | None = None) -> None:
        """`root` is the folder that the template's paths are relative to."""
        self._document = document
        self._root = root
        self._given = parameters or {}

    @classmethod
    def load(cls, path: Path = TEMPLATE, parameters: Mapping[str, str] | None = None) -> Template:
        """Read a template file. Raises TemplateError for what is not YAML."""
        try:
            document = load_yaml(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, TemplateError) as error:
            raise TemplateError(f"{path}: {error}") from error
        if not isinstance(document, dict) or "Resources" not in document:
            raise TemplateError(f"{path}: there are no Resources in it")
        return cls(document, path.parent, parameters)

    @cached_property
    def scope(self) -> Scope:
        """Parameters and conditions; it knows no resource."""
        defaults = {
            name: parameter["Default"]
            for name, parameter in self._document.get("Parameters", {}).items()
            if "Default" in parameter
        }
        pseudo = {
            "AWS::Region": REGION,
            "AWS::AccountId": "000000000000",
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "sundial",
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:000000000000:stack/sundial/local",
        }
        return Scope(
            parameters=pseudo | defaults | dict(self._given),
            conditions=self._document.get("Conditions", {}),
        )

    @cached_property
    def resources(self) -> Mapping[str, Resource]:
        """Every resource whose condition holds, by logical id."""
        return {
            name: Resource(name, resource["Type"], resource.get("Properties", {}))
            for name, resource in self._document["Resources"].items()
            if "Condition" not in resource or holds(resource["Condition"], self.scope)
        }

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function that a route or a schedule calls; the smoke test of a release is called by CodeDeploy."""
        functions = (
            self._function(resource)
            for resource in self.resources.values()
            if resource.type == "AWS::Serverless::Function"
        )
        return tuple(function for function in functions if function.routes or function.every)

    def _function(self, resource: Resource) -> Function:
        common = self._document.get("Globals", {}).get("Function", {})
        own = {**common, **resource.properties}
        module, _, attribute = str(resolve(own["Handler"], self.scope)).rpartition(".")
        return Function(
            name=resource.name,
            folder=self._root / str(resolve(own["CodeUri"], self.scope)),
            module=module,
            attribute=attribute,
            routes=tuple(self._routes(resource)),
            environment={**_variables(common), **_variables(resource.properties)},
            every=self._schedule(resource),
        )

    def _routes(self, resource: Resource) -> Iterator[Route]:
        for event in resource.properties.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                properties = resolve({key: event["Properties"][key] for key in ("Method", "Path")}, self.scope)
                yield Route(properties["Method"].upper(), properties["Path"])

    def _schedule(self, resource: Resource) -> timedelta | None:
        expressions = (
            event["Properties"]["ScheduleExpression"]
            for event in resource.properties.get("Events", {}).values()
            if event["Type"] == "ScheduleV2"
        )
        return min((rate(str(resolve(expression, self.scope))) for expression in expressions), default=None)


def rate(expression: str) -> timedelta:
    """Return the period of an EventBridge Scheduler expression such as `rate(15 minutes)`. Raises TemplateError."""
    match = _RATE.fullmatch(expression)
    if match is None:
        raise TemplateError(f"the schedule {expression!r} is not a rate(), which is all that the local server keeps")
    return timedelta(**{f"{match[2]}s": int(match[1])})


def _variables(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return variables
