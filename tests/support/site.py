"""The pages on a real port: the handler of a BrowserWorld behind the local server, and a client to go back to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sundial_local.functions import Functions
from sundial_local.gateway import Gateway
from sundial_local.http_server import Server
from sundial_local.router import Router
from sundial_local.template import Function, Template
from tests.support.browser import CONFIG, REQUEST
from tests.support.certificates import self_signed
from tests.support.device_world import DeviceWorld

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"


class ClientSite:
    """A client's own site: keeps what comes to its callback, and may send the browser on from there.

    `answer_form` makes the page that a form is answered with.
    """

    def __init__(self) -> None:
        self.answers: list[dict[str, str]] = []
        self.onward = ""
        self.answer_form: Callable[[dict[str, str]], bytes] = lambda _: b"<title>Back at the client</title>"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.origin_by_name = f"http://localhost:{self._server.server_port}"
        self.callback = f"{self.origin}/callback"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                if url.path == "/callback":
                    site.answers.append(dict(parse_qsl(url.query)))
                if url.path == "/callback" and site.onward:
                    self.send_response(302)
                    self.send_header("Location", site.onward)
                    self.end_headers()
                    return
                body = site.posting_page(url.query) if url.path == "/start" else b"<title>Back at the client</title>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
                site.answers.append(dict(parse_qsl(form)))
                body = site.answer_form(site.answers[-1])
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        return Handler

    def posting_page(self, query: str) -> bytes:
        """A page whose button POSTs an authorization request: `to` is its address, the rest its parameters."""
        return posting_page(dict(parse_qsl(query)))


def posting_page(fields: Mapping[str, str]) -> bytes:
    """Return a page whose button POSTs all of `fields` but `to`, which is the address."""
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items() if name != "to")
    return f'<form method="post" action="{fields["to"]}">{inputs}<button>Log in</button></form>'.encode()


@dataclass
class Site:
    """Sundial's pages at `issuer`, the clients around them, and every request that came."""

    issuer: str
    world: DeviceWorld
    client: ClientSite
    other: ClientSite
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and query."""

    def url(self, **changes: str) -> str:
        """Return the address of an authorization request of the client."""
        return f"{self.issuer}/auth?{urlencode(self.parameters(**changes))}"

    def parameters(self, **changes: str) -> Mapping[str, str]:
        return {**REQUEST, "redirect_uri": self.client.callback, **changes}

    def configure(self, yaml_text: str = CONFIG) -> None:
        """Put another configuration in force, at this issuer and with this client."""
        text = yaml_text.replace("https://id.example.com", self.issuer)
        self.world.configure(text.replace("https://app.example.com/callback", self.client.callback))


class _OneFunction(Functions):
    """Stands for all the functions: those of the tests are not in files."""

    def __init__(self, site: Site) -> None:
        super().__init__({})
        self._site = site

    def invoke(self, function: Function, event: dict[str, Any]) -> object:
        self._site.requests.append(
            (event["requestContext"]["http"]["method"], event["rawPath"], event["rawQueryString"])
        )
        return self._site.world.edge(event)


def _listening(tls: bool) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    if not tls:
        return listener
    made = self_signed("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile("w", suffix=".pem") as chain:
        chain.write(made.key_pem + made.pem)
        chain.flush()
        context.load_cert_chain(chain.name)
    # The handshake is for the thread of the connection, not for the one that accepts them all.
    return context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)


@contextmanager
def serving(path: str = "", *, tls: bool = False) -> Iterator[Site]:
    """Serve a BrowserWorld on loopback; the issuer may carry a `path`. By `tls` nobody vouches for its certificate."""
    with _listening(tls) as listener:
        issuer = f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}{path}"
        site = Site(issuer, DeviceWorld(), ClientSite(), ClientSite())
        site.configure()
        functions = Template.load(TEMPLATE, {"Issuer": issuer}).functions
        server = Server(listener, Gateway(Router(functions, issuer), _OneFunction(site), lambda _: None))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
            site.client.close()
            site.other.close()
