"""API Gateway's part: an HTTP request to a function's event, the function's result to an HTTP response."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from sundial_local.events import HttpRequest, HttpResponse, message, request_event, response_of
from sundial_local.functions import FunctionError, Functions
from sundial_local.router import Router

LARGEST_BODY = 10 * 1024 * 1024
"""Bytes: API Gateway's own limit."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answered request, for the request log: nothing in it that a client keeps secret."""

    method: str
    path: str
    response: HttpResponse
    request_id: str
    seconds: float

    @property
    def error(self) -> str:
        """The OAuth error code of a refusal, empty where there is none."""
        if self.response.status < 400:
            return ""
        try:
            document = json.loads(self.response.body)
        except ValueError:
            return ""
        return str(document.get("error", "")) if isinstance(document, dict) else ""


class Gateway:
    """Routes requests to functions, and answers itself what API Gateway answers itself."""

    def __init__(
        self,
        router: Router,
        functions: Functions,
        log: Callable[[Answered], None],
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`clock` is for the events, in epoch seconds; `timer` measures, in seconds; `log` is told of each answer."""
        self._router = router
        self._functions = functions
        self._log = log
        self._clock = clock
        self._timer = timer

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; whatever a function raises is a 500, and its stack trace is in the functions' log."""
        started = self._timer()
        request_id = str(uuid4())
        response = self._respond(request, request_id)
        self._log(Answered(request.method, request.path, response, request_id, self._timer() - started))
        return response

    def refuse(self, method: str, path: str, response: HttpResponse) -> HttpResponse:
        """Log and return `response` to a request that no function sees."""
        self._log(Answered(method, path, response, "", 0.0))
        return response

    def _respond(self, request: HttpRequest, request_id: str) -> HttpResponse:
        match = self._router.match(request.method, request.path)
        if match is None:
            return message(404, "Not Found")
        event = request_event(request, match.route.key, match.parameters, request_id=request_id, now=self._clock())
        try:
            return response_of(self._functions.invoke(match.function, event))
        except (FunctionError, ValueError):
            return message(500, "Internal Server Error")
