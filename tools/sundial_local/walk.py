"""Walk the authorization code flow against a running Sundial, as the demo client `example-cli`, and show each step.

    python -m sundial_local.walk http://127.0.0.1:8080 [--headless]

Everything here is a client's side: it knows the issuer's URL and nothing else of Sundial.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import sys
import webbrowser
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from http.client import HTTPException
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import jwt

from sundial_local.demo import USER_PASSWORDS
from sundial_local.forms import forms

_CLIENT = "example-cli"
_SCOPE = "openid email profile offline_access"
_EMAIL, _PASSWORD = next(iter(USER_PASSWORDS.items()))
_SECONDS_TO_LOG_IN = 300
_SECONDS_TO_ANSWER = 15


class WalkError(Exception):
    """The flow ended otherwise than in tokens; says where."""


class _Callback(HTTPServer):
    """The client's redirect URI: it answers until the authorization response has come."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _CallbackHandler)
        self.response: dict[str, str] = {}
        self.timeout = _SECONDS_TO_LOG_IN

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/callback"

    def wait(self) -> None:
        self.handle_request()


class _CallbackHandler(BaseHTTPRequestHandler):
    server: _Callback

    def do_GET(self) -> None:
        self.server.response = dict(parse_qsl(urlsplit(self.path).query))
        body = b"Back at the client. The terminal shows what it got; this page may be closed."
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The authorization response holds the code."""


def walk(issuer: str, *, headless: bool) -> None:
    """Log in, get tokens, verify them, read userinfo, refresh. Raises WalkError."""
    discovery = _get(f"{issuer}/.well-known/openid-configuration")
    _show("Discovery", {key: discovery[key] for key in ("issuer", "authorization_endpoint", "token_endpoint")})
    verifier = secrets.token_urlsafe(32)
    state, nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    with _Callback() as callback:
        waiting = Thread(target=callback.wait, daemon=True)
        waiting.start()
        request = {
            "client_id": _CLIENT,
            "response_type": "code",
            "redirect_uri": callback.url,
            "scope": _SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": _s256(verifier),
            "code_challenge_method": "S256",
        }
        url = f"{discovery['authorization_endpoint']}?{urlencode(request)}"
        if headless:
            _log_in_by_itself(url)
        else:
            print(f"\nLog in, in a browser, as {_EMAIL} / {_PASSWORD}:\n\n{url}\n")
            webbrowser.open(url)
        waiting.join(_SECONDS_TO_LOG_IN)
        response = callback.response
        if "code" not in response or response.get("state") != state or response.get("iss") != issuer:
            raise WalkError(f"the authorization response is {response or 'missing'}")
        print("\nThe authorization response came, with a code, our state and the right issuer.")
        grant = {"grant_type": "authorization_code", "code": response["code"], "redirect_uri": callback.url}
        tokens = _post(discovery["token_endpoint"], grant | {"client_id": _CLIENT, "code_verifier": verifier})
    claims = _verified(tokens["id_token"], discovery)
    if claims.get("nonce") != nonce:
        raise WalkError("the ID token has another nonce than the one sent")
    _show("The ID token, verified with /keys", claims)
    _show("Userinfo", _get(discovery["userinfo_endpoint"], tokens["access_token"]))
    grant = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": _CLIENT}
    refreshed = _post(discovery["token_endpoint"], grant)
    _show("A refresh brought another ID token", _verified(refreshed["id_token"], discovery))
    same = refreshed["refresh_token"] == tokens["refresh_token"]
    print(f"\nand {'the same refresh token, which is younger than reuseInterval' if same else 'a new refresh token'}.")


def _log_in_by_itself(url: str) -> None:
    """Post the login and consent forms as a browser would; the last redirect goes to the callback."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(url, timeout=_SECONDS_TO_ANSWER) as page:
        here, text = page.url, page.read().decode("utf-8")
    while found := forms(text, here):
        form = found[0]
        values = form.fields | {"login": _EMAIL, "password": _PASSWORD} if "password" in form.fields else form.fields
        with browser.open(form.action, urlencode(values).encode("ascii"), timeout=_SECONDS_TO_ANSWER) as page:
            if page.url == here and "password" in values:
                raise WalkError(f"{here} did not let {_EMAIL} in")
            here, text = page.url, page.read().decode("utf-8")


def _verified(token: str, discovery: Mapping[str, Any]) -> dict[str, Any]:
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(token)
    algorithms = discovery["id_token_signing_alg_values_supported"]
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=algorithms, audience=_CLIENT, issuer=discovery["issuer"])
    return claims


def _get(url: str, bearer: str | None = None) -> dict[str, Any]:
    return _json(url, None, {"Authorization": f"Bearer {bearer}"} if bearer else {})


def _post(url: str, form: Mapping[str, str]) -> dict[str, Any]:
    return _json(url, urlencode(form).encode("ascii"), {})


def _json(url: str, body: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
    opener = build_opener()
    opener.addheaders = list(headers.items())
    try:
        with opener.open(url, body, timeout=_SECONDS_TO_ANSWER) as response:
            document: dict[str, Any] = json.load(response)
    except HTTPError as error:
        raise WalkError(f"{url} answered {error.code}: {error.read().decode('utf-8', 'replace')}") from error
    return document


def _s256(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _show(title: str, document: Mapping[str, Any]) -> None:
    print(f"\n{title}:\n{json.dumps(document, indent=2)}")


def main() -> int:
    """Walk the flow; 1 where it does not end in tokens."""
    parser = argparse.ArgumentParser(prog="sundial_local.walk", description="Walk the authorization code flow.")
    parser.add_argument("issuer", nargs="?", default="http://127.0.0.1:8080", help="(http://127.0.0.1:8080)")
    parser.add_argument("--headless", action="store_true", help="log the demo user in without a browser")
    arguments = parser.parse_args()
    try:
        walk(arguments.issuer.rstrip("/"), headless=arguments.headless)
    except (WalkError, OSError, HTTPException, jwt.PyJWTError) as error:
        print(f"The walk ended: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
