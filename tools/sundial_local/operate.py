"""The local stack as an operator's commands meet it: found by the variables that `make run` writes down."""

from __future__ import annotations

import logging
import shlex
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from sundial.deployment import Deployment
from sundial.keys.scheduled import rotation_handler
from sundial.observe import logger
from sundial_local.state import CLOCK_SHIFT, StateFolder

_SECONDS_TO_CONNECT = 2


class LocalStackError(Exception):
    """There is no local stack to talk to; says what to do."""


class LocalStack:
    """What `make run` serves. Its functions are called here, and not in the serving process: they share its stores."""

    def __init__(self, folder: StateFolder) -> None:
        """Raises LocalStackError where nothing is served from `folder`."""
        self._folder = folder
        try:
            self.environment = _variables(folder.environment.read_text("utf-8"))
        except FileNotFoundError:
            raise LocalStackError(f"nothing has been served from {folder.path} yet: start `make run` first") from None
        self._clients: dict[str, Any] = {}
        url = urlsplit(self.environment["AWS_ENDPOINT_URL"])
        try:
            socket.create_connection((url.hostname or "", url.port or 80), _SECONDS_TO_CONNECT).close()
        except OSError:
            raise LocalStackError(f"nothing answers at {url.geturl()}: start `make run` first") from None

    def client(self, service: str) -> Any:
        """Return a boto3 client of MiniStack."""
        if service not in self._clients:
            make: Any = self._session.client
            self._clients[service] = make(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])
        return self._clients[service]

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            self.environment["AWS_ACCESS_KEY_ID"],
            self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_REGION"],
        )

    def clock(self) -> float:
        """Return the time as the functions have it."""
        return time.time() + int(self.environment.get(CLOCK_SHIFT, "0"))

    def rotate_keys(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function `rotate_keys`; what it prints goes to the functions' log."""
        with _printing_to(self._folder.log):
            return rotation_handler(_LocalDeployment(self), clock=self.clock)(event, None)


class _LocalDeployment(Deployment):
    def __init__(self, stack: LocalStack) -> None:
        super().__init__(stack.environment)
        self._stack = stack

    def client(self, service: str) -> Any:
        return self._stack.client(service)


def _variables(text: str) -> dict[str, str]:
    """Return the variables of lines such as `export NAME='value'`."""
    words = (shlex.split(line)[1] for line in text.splitlines() if line.startswith("export "))
    return {name: value for name, _, value in (word.partition("=") for word in words)}


@contextmanager
def _printing_to(log: Path) -> Iterator[None]:
    handler = logger.registered_handler
    with log.open("a", encoding="utf-8") as file, redirect_stdout(file):
        before = handler.setStream(file) if isinstance(handler, logging.StreamHandler) else None
        try:
            yield
        finally:
            if isinstance(handler, logging.StreamHandler) and before is not None:
                handler.setStream(before)
