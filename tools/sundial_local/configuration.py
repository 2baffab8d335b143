"""The configuration file, compiled for the local server, and the port that it is served on."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sundial.config.model import Config
from sundial.config.problems import ConfigError, Problem
from sundial.config.reader import compile_file, read
from sundial_local.paths import DEFAULT_CONFIG

USUAL_PORT = 8080
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class PortTakenError(Exception):
    """Something else listens on the port; says how to choose another."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A checked configuration file."""

    source: Path
    compiled: Mapping[str, Any]
    config: Config
    problems: tuple[Problem, ...]

    @property
    def is_demo(self) -> bool:
        """Whether it is the one that comes with the repository, secrets and all."""
        return self.source == DEFAULT_CONFIG

    @classmethod
    def of(cls, source: Path, variables: Mapping[str, str]) -> Configuration:
        """Check and compile `source`; `variables` are those that it may name. Raises ConfigError and OSError."""
        compiled, problems = compile_file(source, variables)
        if compiled is None:
            raise ConfigError(str(source), problems)
        return cls._read(source, compiled, variables, problems)

    def moved_to(self, port: int, variables: Mapping[str, str]) -> Configuration:
        """Return the configuration as it is served on `port`: a loopback issuer moves there, another one stays."""
        issuer = _moved(self.config.issuer, port)
        if issuer == self.config.issuer:
            return self
        compiled = {**self.compiled, "document": {**self.compiled["document"], "issuer": issuer}}
        return self._read(self.source, compiled, variables, self.problems)

    @classmethod
    def _read(
        cls, source: Path, compiled: Mapping[str, Any], variables: Mapping[str, str], problems: Sequence[Problem]
    ) -> Configuration:
        config, unmet = read(compiled["document"], compiled["lines"], variables, theme_css=compiled["themeCSS"])
        if config is None:
            raise ConfigError(str(source), unmet)
        return cls(source, compiled, config, tuple(problems))

    def write(self, target: Path) -> None:
        """Write the compiled document, whole or not at all, for its owner alone."""
        unfinished = target.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(self.compiled), encoding="utf-8")
        unfinished.replace(target)


def listen(issuer: str, port: int | None) -> socket.socket:
    """Return a socket that listens on `port`, or else on the issuer's where it is ours to choose, or else on 8080.

    An `issuer` on loopback over http is ours to choose; another one is that of a proxy in front. Port 0
    is any free one. Raises PortTakenError.
    """
    url = urlsplit(issuer)
    own = _is_loopback(url)
    wanted = port if port is not None else (url.port or 80) if own else USUAL_PORT
    ipv6 = own and url.hostname == "::1"
    try:
        return socket.create_server(
            ("::1" if ipv6 else "127.0.0.1", wanted), family=socket.AF_INET6 if ipv6 else socket.AF_INET, backlog=128
        )
    except OSError as error:
        free = wanted + 1 if wanted > 1024 else USUAL_PORT
        raise PortTakenError(
            f"port {wanted} can't be had ({error.strerror or error}): `make run PORT={free}` serves on another"
        ) from error


def _moved(issuer: str, port: int) -> str:
    url = urlsplit(issuer)
    if not _is_loopback(url) or (url.port or 80) == port:
        return issuer
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return url._replace(netloc=f"{host}:{port}").geturl()


def _is_loopback(url: SplitResult) -> bool:
    return url.scheme == "http" and url.hostname in _LOOPBACK
