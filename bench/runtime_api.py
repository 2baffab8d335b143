"""Lambda's Runtime API, as much of it as a function's runtime client asks for, on loopback.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from bench.stub import Answer

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:bench"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the runtime client, and when it came (seconds of time.perf_counter)."""

    kind: str
    """`next`, `response` or `error`."""
    at: float
    document: Any = None


@dataclass
class RuntimeApi:
    """Serves one function process. `asked` is what it asks; it gets a next event when one is put into `events`."""

    address: str
    asked: queue.Queue[Asked] = field(default_factory=queue.Queue)
    events: queue.Queue[Mapping[str, Any] | None] = field(default_factory=queue.Queue)


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    """Serve the API on a port of its own until the block ends."""
    api = RuntimeApi("")

    class Handler(_Quiet):
        def do_GET(self) -> None:
            api.asked.put(Asked("next", time.perf_counter()))
            event = api.events.get()
            if event is None:
                self.close_connection = True
                return
            headers = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": "8f507cfc-4d5a-4697-b07a-ac58fc914c95",
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
                "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 30_000),
            }
            self.answer(200, event, headers)

        def do_POST(self) -> None:
            at, document = time.perf_counter(), self.document()
            api.asked.put(Asked("response" if self.path.endswith("/response") else "error", at, document))
            self.answer(202, {"status": "OK"}, {})

    with _serving(Handler) as address:
        api.address = address
        try:
            yield api
        finally:
            api.events.put(None)


@contextmanager
def aws_over_http(answers: Mapping[str, Answer]) -> Iterator[str]:
    """Serve AWS's JSON protocol from canned answers, by operation, until the block ends; yield its endpoint."""

    class Handler(_Quiet):
        def do_POST(self) -> None:
            operation = str(self.headers["X-Amz-Target"]).rpartition(".")[2]
            document = answers[operation](self.document())
            self.answer(400 if "__type" in document else 200, document, {})

    with _serving(Handler) as address:
        yield f"http://{address}"


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize: ClassVar[int] = 65536

    def document(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def answer(self, status: int, document: object, headers: Mapping[str, str]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/x-amz-json-1.0", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a process that was ended while it waited."""


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
