"""A provider's HTTP API for the tests: it answers in the shapes of the provider's documentation."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Came:
    """A request that came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The parameters of its form."""
        return dict(parse_qsl(self.body.decode()))

    @property
    def token(self) -> str:
        """Its bearer token."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: JSON, unless `body` is bytes."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body on the wire."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Route = Callable[[Came], Answer | object]


@dataclass
class ApiUpstream:
    """A server on loopback. `routes` may change while it runs; what nobody wrote a route for is a 404."""

    url: str
    routes: dict[str, Route | object] = field(default_factory=dict)
    """By method and path, such as `GET /user`: what is answered, or what makes the answer."""
    came: list[Came] = field(default_factory=list)

    def answer(self, came: Came) -> Answer:
        self.came.append(came)
        route = self.routes.get(f"{came.method} {came.path}", Answer({"message": "Not Found"}, 404))
        made = route(came) if callable(route) else route
        return made if isinstance(made, Answer) else Answer(made)

    def paths(self) -> list[str]:
        """Every request that came, in order."""
        return [f"{came.method} {came.path}" for came in self.came]


@contextmanager
def api_upstream(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[ApiUpstream]:
    """Serve an API until the block ends; with `tls`, over https as `host`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    upstream = ApiUpstream(f"{'https' if tls else 'http'}://{host}:{server.server_port}")
    _Handler.upstreams[server.server_port] = upstream
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    upstreams: dict[int, ApiUpstream] = {}  # noqa: RUF012
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        upstream = self.upstreams[self.server.server_address[1]]  # type: ignore[index]
        answer = upstream.answer(Came(self.command, url.path, dict(parse_qsl(url.query)), headers, body))
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""
