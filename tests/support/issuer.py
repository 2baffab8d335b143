"""An issuer on loopback: discovery and the JWKS of a deployment, over HTTP as verifiers ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.support.events import http_event

Answer = Callable[[str], Mapping[str, Any]]
"""From a path to a response in payload format 2.0."""


@contextmanager
def served(answer: Callable[[], Answer]) -> Iterator[str]:
    """Serve until the block ends; yield the URL. `answer` is asked for at each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            response = answer()(self.path)
            body = str(response.get("body") or "").encode("utf-8")
            self.send_response(response["statusCode"])
            for name, value in (response.get("headers") or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def of_edge(edge: Callable[[dict[str, Any], object], dict[str, Any]]) -> Answer:
    """Return what the handler of a function answers."""
    return lambda path: edge(http_event(f"GET {path}"), None)
