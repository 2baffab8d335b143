"""HTTP/1.1 on loopback in front of the gateway: kept-alive connections, bounded bodies, a thread a connection."""

from __future__ import annotations

import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition
from typing import Any
from urllib.parse import unquote

from sundial_local.events import HttpRequest, HttpResponse, message
from sundial_local.gateway import LARGEST_BODY, Gateway

_NO_BODY = frozenset({204, 304})
_SECONDS_TO_ASK = 3
_SECONDS_TO_ASK_LATER = 30


class Server(ThreadingHTTPServer):
    """Serves a gateway on a socket that listens already and outlives this server."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, gateway: Gateway) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        if hasattr(socket, "TCP_DEFER_ACCEPT"):
            # Linux: a connection that asks nothing, as browsers open for later, stays with the kernel, and so with the
            # next server. One that we accept has its request on its way, whoever is slow to make or to read it.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _SECONDS_TO_ASK_LATER)
        self.gateway = gateway
        self._new = 0
        self._busy = 0
        self._changed = Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        """A connection is accepted; its first request is on its way."""
        self.count(new=1)
        super().process_request(request, client_address)

    def count(self, *, new: int = 0, busy: int = 0) -> None:
        """Count connections without a request so far, and requests without an answer so far."""
        with self._changed:
            self._new += new
            self._busy += busy
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait until every request that was made is answered, at most so long.

        A connection just accepted has a moment to make its request, or was opened for later.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._new == 0, timeout=_SECONDS_TO_ASK)
            self._changed.wait_for(lambda: self._busy == 0, timeout=seconds)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in mid-sentence is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    """Seconds that an idle connection is kept."""
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    is_new = True

    def finish(self) -> None:
        """The connection is over."""
        if self.is_new:
            self.server.count(new=-1)
        super().finish()

    def _serve(self) -> None:
        self.server.count(new=-1 if self.is_new else 0, busy=1)
        self.is_new = False
        try:
            path, _, query = self.path.partition("?")
            decoded = unquote(path)
            body = self._read_body()
            if isinstance(body, HttpResponse):
                # What is left of the body can't be told from a next request.
                self.close_connection = True
                self._send(self.server.gateway.refuse(self.command, decoded, body))
                return
            request = HttpRequest(
                self.command,
                decoded,
                query,
                tuple(self.headers.items()),
                body,
                self.client_address[0],
                self.request_version,
            )
            self._send(self.server.gateway.answer(request))
        finally:
            self.server.count(busy=-1)

    def _read_body(self) -> bytes | HttpResponse:
        if self.headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0").strip()
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            return message(400, "Bad Request")
        if int(length) > LARGEST_BODY:
            return message(413, "Request Entity Too Large")
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else message(400, "Bad Request")

    def _read_chunks(self) -> bytes | HttpResponse:
        """RFC 9112 §7.1."""
        body = bytearray()
        with suppress(ValueError):
            while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
                if size < 0 or len(body) + size > LARGEST_BODY:
                    return message(413, "Request Entity Too Large")
                body += self.rfile.read(size)
                if self.rfile.readline(8).strip():
                    return message(400, "Bad Request")
            while self.rfile.readline(65536).strip():
                pass
            return bytes(body)
        return message(400, "Bad Request")

    def _send(self, response: HttpResponse) -> None:
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            if name.lower() not in {"content-length", "connection", "date", "transfer-encoding"}:
                self.send_header(name, value)
        if response.status not in _NO_BODY:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and response.status not in _NO_BODY:
            self.wfile.write(response.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """The gateway logs each answer; what http.server says besides of malformed requests is noise."""


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)
