"""The authorization code flow of a program on its user's machine (RFC 8252, RFC 7636)."""

from __future__ import annotations

import hashlib
import secrets
import webbrowser
from base64 import urlsafe_b64encode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic
from urllib.parse import parse_qsl, urlencode, urlsplit

from sundial_cli.login.provider import Provider, RefusedError, Tokens
from sundial_cli.status import FINDING, StoppedError

SECONDS_TO_LOG_IN = 300
_PATH = "/callback"


def log_in_by_browser(provider: Provider, scope: str, say: Callable[[str], None], port: int = 0) -> Tokens:
    """Return the tokens of a login in the user's browser, which comes back to `port` (any, if 0) of 127.0.0.1.

    Raises StoppedError where it doesn't within five minutes, or comes back with something else.
    """
    verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
    with _Callback(port, state) as callback:
        redirect_uri = f"http://127.0.0.1:{callback.server_port}{_PATH}"
        request = {
            "client_id": provider.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        url = f"{provider.metadata['authorization_endpoint']}?{urlencode(request)}"
        say(f"Log in, in the browser that opens, or at\n  {url}")
        webbrowser.open(url)
        answer = callback.wait()
    if answer.get("iss", provider.issuer) != provider.issuer:  # RFC 9207 §2.4
        raise StoppedError(
            FINDING, "the browser came back from another issuer: somebody may be at work; nothing was sent"
        )
    if "code" not in answer:
        why = answer.get("error_description") or answer.get("error") or "no answer came within five minutes"
        raise StoppedError(FINDING, f"nobody has logged in: {why}")
    try:
        return provider.redeem(answer["code"], redirect_uri, verifier)
    except RefusedError as refused:
        raise StoppedError(FINDING, f"the login was refused: {refused}") from None


class _Callback(HTTPServer):
    """The redirect URI: it answers until the authorization response of our own request has come."""

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _CallbackHandler)
        self.state = state
        self.answer: dict[str, str] = {}

    def wait(self) -> dict[str, str]:
        """Return the authorization response; an empty one where none came in time."""
        deadline = monotonic() + SECONDS_TO_LOG_IN
        while not self.answer and (left := deadline - monotonic()) > 0:
            self.timeout = left
            self.handle_request()
        return self.answer


class _CallbackHandler(BaseHTTPRequestHandler):
    server: _Callback
    timeout = 10  # seconds for one that connects and says nothing

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        answer = dict(parse_qsl(url.query))
        is_ours = url.path == _PATH and secrets.compare_digest(answer.get("state", ""), self.server.state)
        if is_ours:
            self.server.answer = answer
        body = b"You may close this page: the terminal goes on." if is_ours else b"This is no answer to our request."
        self.send_response(200 if is_ours else 400)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the authorization response holds the code."""
