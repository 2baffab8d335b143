"""Sundial's real handler of POST /token behind the front, its families and its key ring in memory."""

from __future__ import annotations

import json
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from tempfile import mkdtemp
from typing import Any

from bench.peers.front import serve
from bench.world import World
from sundial.grants.endpoint import token_edge
from sundial.tokens.opaque import new_family_id
from tests.support.families import MemoryFamilies

_REASONS = {200: "200 OK", 400: "400 Bad Request", 401: "401 Unauthorized", 503: "503 Service Unavailable"}


def application(handler: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that calls `handler` as API Gateway does (payload format 2.0)."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {"content-type": environ.get("CONTENT_TYPE", ""), "host": environ.get("HTTP_HOST", "")}
        path = environ["PATH_INFO"]
        event = {
            "version": "2.0",
            "routeKey": f"{environ['REQUEST_METHOD']} {path}",
            "rawPath": path,
            "rawQueryString": environ.get("QUERY_STRING", ""),
            "headers": headers,
            "requestContext": {
                "http": {"method": environ["REQUEST_METHOD"], "path": path, "sourceIp": "127.0.0.1"},
                "requestId": "bench",
            },
            "body": b64encode(body).decode("ascii"),
            "isBase64Encoded": True,
        }
        answered = handler(event)
        content = answered["body"].encode("utf-8")
        start_response(
            _REASONS[answered["statusCode"]], [*answered["headers"].items(), ("Content-Length", str(len(content)))]
        )
        return [content]

    return answer


def _make(alg: str, logins: int) -> tuple[Any, Sequence[str]]:
    world = World(alg, mkdtemp(), int(time.time()), reuse_interval=None)
    families = [world.family(family_id=new_family_id(), generation=1, code=None) for _ in range(logins)]
    world.deployment.families = MemoryFamilies(*families)
    handler = token_edge(world.deployment)
    return application(handler), [world.refresh_token(family, 1) for family in families]


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    serve(partial(_make, wanted["alg"], wanted["logins"]), "/token")
