"""Which route of the HTTP API a request is on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sundial_local.template import Function, Route


@dataclass(frozen=True, slots=True)
class Match:
    """A route, the function behind it, and the path parameters."""

    route: Route
    function: Function
    parameters: dict[str, str] = field(default_factory=dict)


class Router:
    """The template's routes under the issuer's path, as an API mapping of API Gateway puts them there."""

    def __init__(self, functions: Iterable[Function], issuer: str) -> None:
        self._base = urlsplit(issuer).path.rstrip("/")
        routes = [(route, function) for function in functions for route in function.routes]
        # API Gateway prefers the most specific route: a name before a parameter, segment by segment.
        self._routes = sorted(routes, key=lambda entry: [part.startswith("{") for part in _parts(entry[0].path)])

    def match(self, method: str, path: str) -> Match | None:
        """Return the route of a decoded path, None where API Gateway would say "Not Found"."""
        if not path.startswith(f"{self._base}/"):
            return None
        parts = _parts(path[len(self._base) :])
        for route, function in self._routes:
            if route.method in {method, "ANY"}:
                parameters = _parameters(_parts(route.path), parts)
                if parameters is not None:
                    return Match(route, function, parameters)
        return None


def _parts(path: str) -> list[str]:
    return path.split("/")[1:]


def _parameters(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    parameters = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{") and part:
            parameters[expected.strip("{}")] = part
        elif expected != part:
            return None
    return parameters
