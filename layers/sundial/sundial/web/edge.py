"""The edge: an HTTP API event in, one call, a response out; what every answer has in common stands here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from traceback import extract_tb
from typing import Any

from sundial.config.model import Config
from sundial.errors import OAuthError, server_error
from sundial.observe import count, function_version, log_from, logger
from sundial.web.front import Front
from sundial.web.http import Request, Response, error_response

Endpoint = Callable[[Request], Response]

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Edge:
    """A Lambda handler for the routes of one function.

    The one place that reads the clock, and the one place that catches what nobody foresaw: a client
    never sees a stack trace, and the log has one under the correlation id that the client was given.
    """

    def __init__(
        self,
        function: str,
        routes: Mapping[str, Endpoint],
        config: Config,
        *,
        clock: Callable[[], float] = time.time,
        cross_origin: frozenset[str] = frozenset(),
        on_error: Callable[[OAuthError, str], Response] | None = None,
    ) -> None:
        """`routes` are the template's (`POST /token`); `cross_origin` names those that Dex serves with CORS.

        `on_error` is given an error and the correlation id, and says how it is shown: as JSON unless
        it makes a page of it.
        """
        self._function = function
        self._routes = routes
        self._config = config
        self._headers = {**SECURITY_HEADERS, **config.web.headers}
        self._clock = clock
        self._cross_origin = cross_origin
        self._front = Front.of(os.environ)
        self._show = on_error or (lambda error, _: error_response(error))
        log_from(config.log_level)

    def __call__(self, event: Mapping[str, Any], _context: object = None) -> dict[str, Any]:
        """Answer one HTTP API event (payload format 2.0)."""
        request_id = event["requestContext"].get("requestId", "")
        logger.set_correlation_id(request_id)
        try:
            request = self._front.admit(Request.from_event(event, int(self._clock())))
            response = self._answer(request)
            if response.status >= 400:  # of what went well, the API's access log has as much to say
                logger.info("answered", route=request.route, status=response.status)
        except OAuthError as error:
            response = self._refuse(event.get("routeKey", ""), error, request_id)
        except Exception as error:  # the boundary: what was not foreseen is a 500, and its place in the log
            _log_unforeseen(error, event.get("routeKey", ""))
            unforeseen = server_error(
                f"something went wrong here; quote the correlation id {request_id} to the operator"
            )
            response = self._show(unforeseen, request_id)
        return self._finish(event, response, request_id)

    def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS" and request.route.partition(" ")[2] in self._cross_origin:
            return Response(204)
        endpoint = self._routes.get(request.route)
        if endpoint is None:
            raise OAuthError("not_found", "there is nothing here", status=404)
        return endpoint(request)

    def _refuse(self, route: str, error: OAuthError, request_id: str) -> Response:
        logger.info(
            "refused",
            route=route,
            status=error.status,
            error=error.code,
            description=error.description,
            detail=error.detail,
        )
        response = self._show(error, request_id)
        return replace(response, failed_at=error.connector_id or "unknown") if error.upstream else response

    def _finish(self, event: Mapping[str, Any], response: Response, request_id: str) -> dict[str, Any]:
        if response.status >= 500 and response.failed_at:
            # Which anybody can bring about: it wakes nobody as our own failure would, and by it no release is undone.
            count("ProviderErrors", connector=response.failed_at)
        elif response.status >= 500:
            count("ServerErrors", function=self._function, version=function_version())
        headers = {**self._headers, **self._cors(event), **response.headers, "X-Correlation-Id": request_id}
        return response.to_event(headers)

    def _cors(self, event: Mapping[str, Any]) -> dict[str, str]:
        """Return the CORS headers of Dex's cross-origin endpoints for an allowed origin (Dex: web.allowedOrigins)."""
        origin = (event.get("headers") or {}).get("origin")
        if origin is None:
            return {}
        path, allowed = event.get("routeKey", "").partition(" ")[2], self._config.web.allowed_origins
        if path not in self._cross_origin or not ("*" in allowed or origin in allowed):
            return {}
        return {
            "Access-Control-Allow-Origin": "*" if "*" in allowed else origin,
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Allow-Headers": ", ".join(
                ("Authorization", "Content-Type", *self._config.web.allowed_headers)
            ),
            "Access-Control-Max-Age": "3600",
            "Vary": "Origin",
        }


def _log_unforeseen(error: BaseException, route: str) -> None:
    """Log where `error` came from, and never its text: that may quote what the client sent, a token or a password."""
    causes: list[dict[str, object]] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < 5:
        frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(cause.__traceback__)]
        causes.append({"exception": type(cause).__name__, "frames": frames})
        cause = cause.__cause__ or cause.__context__
    logger.error("unforeseen failure", route=route, status=500, causes=causes)
