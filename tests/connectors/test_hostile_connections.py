"""Providers that answer with rubbish, keep silent, drip, or show another's certificate."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import pytest

from sundial.connectors import http
from sundial.connectors.http import Http
from sundial.connectors.tls import Trust
from sundial.errors import OAuthError
from tests.support.api_upstream import Answer, api_upstream
from tests.support.certificates import Certificate, authority
from tests.support.hostile import ACCESS_TOKEN, REFRESH_TOKEN, Hostile, refused

AUTHORITY = authority()


def test_a_provider_on_https_sends_nobody_to_http() -> None:
    with tls_upstream(AUTHORITY.issue("up", ["127.0.0.1"])) as api:
        provider = Hostile(api)
        trusting = provider.connector(trust=Trust((AUTHORITY.pem,)))
        assert provider.log_in(trusting)
        provider.discovery = {"token_endpoint": api.url.replace("https:", "http:") + "/token"}
        with pytest.raises(OAuthError) as caught:
            provider.log_in(provider.connector(trust=Trust((AUTHORITY.pem,))))
        assert "token_endpoint" in caught.value.detail


# The token endpoint, and HTTP


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(b"<html>busy</html>", 502), 503),
        (Answer({}, 429), 503),
        (Answer({"error": "temporarily_unavailable"}, 400), 503),
        (Answer({"error": "invalid_client"}, 401), 502),
        (Answer({"error": {"code": 1}}, 400), 502),
        (Answer({}, 200), 502),
        (Answer([], 200), 502),
        (Answer(b"not json", 200), 502),
        (Answer(b"\xff\xfe", 200), 502),
        (Answer({"access_token": 7}, 200), 502),
        (Answer({"access_token": "a\r\nX-Forged: 1"}, 200), 502),
        (Answer({"access_token": ACCESS_TOKEN}, 200), 502),
        (Answer(b" " * (1024 * 1024 + 1), 200), 502),
        (Answer({}, 302, {"Location": "http://127.0.0.1:9/"}), 502),
        (Answer({}, 307, {"Location": "/token-of-mine"}), 502),
    ],
)
def test_a_token_endpoint_that_answers_wrongly(provider: Hostile, answer: Answer, status: int) -> None:
    provider.api.routes["POST /token"] = answer
    assert refused(provider).status == status
    assert provider.api.came[-1].path == "/token", "nothing is followed"


def test_a_secret_goes_nowhere_but_to_the_token_endpoint(provider: Hostile) -> None:
    provider.log_in()
    for came in provider.api.came:
        text = f"{came.path} {came.query} {came.body!r}"
        assert "the secret at the provider" not in text
        assert ("authorization" in came.headers) == (came.path == "/token")


def test_what_is_refused_says_nothing_secret(provider: Hostile) -> None:
    provider.claims = {"nonce": "another"}
    error = refused(provider)
    for secret in (ACCESS_TOKEN, REFRESH_TOKEN, "the secret at the provider", "a-code"):
        assert secret not in f"{error} {error.detail} {error!r}"


def test_a_provider_that_nobody_answers_for_is_a_503() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    provider = Hostile(api=type("Gone", (), {"url": f"http://127.0.0.1:{port}", "routes": {}, "came": []})())
    with pytest.raises(OAuthError) as caught:
        provider.connector().begin(provider.attempt, "s", provider.now)
    assert (caught.value.status, "Retry-After" in caught.value.headers) == (503, True)


def test_a_provider_that_keeps_silent_is_given_up(provider: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_READ_SECONDS", 0.2)
    answered = Event()
    provider.api.routes["POST /token"] = lambda _: answered.wait(timeout=10) and {}
    assert refused(provider).status == 503
    answered.set()


def test_a_provider_that_drips_is_out_of_time() -> None:
    ticks = count()
    with dripping() as url:
        talk = Http("The Provider", clock=lambda: float(next(ticks))).conversation()
        with pytest.raises(OAuthError) as caught:
            talk.get(url)
    assert (caught.value.status, "out of time" in caught.value.detail) == (503, True)


@contextmanager
def dripping() -> Iterator[str]:
    """Serve a body that comes byte by byte, as long as anybody reads."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            with listener.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                try:
                    while True:
                        connection.sendall(b" ")
                except OSError:
                    return

        thread = Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(timeout=10)


# TLS


@contextmanager
def tls_upstream(certificate: Certificate) -> Iterator[Any]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _files(certificate) as (chain, key):
        context.load_cert_chain(chain, key)
    with api_upstream(context) as api:
        yield api


@contextmanager
def _files(certificate: Certificate) -> Iterator[tuple[str, str]]:
    with TemporaryDirectory() as folder:
        chain, key = Path(folder) / "chain.pem", Path(folder) / "key.pem"
        chain.write_text(certificate.pem)
        key.write_text(certificate.key_pem)
        yield str(chain), str(key)


EXPIRED = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("certificate", "trust", "believed"),
    [
        (AUTHORITY.issue("up", ["127.0.0.1"]), Trust((AUTHORITY.pem,)), True),
        (AUTHORITY.issue("up", ["127.0.0.1"]), Trust(), False),
        (AUTHORITY.issue("up", ["127.0.0.1"], ends=EXPIRED), Trust((AUTHORITY.pem,)), False),
        (AUTHORITY.issue("up", ["192.0.2.1"]), Trust((AUTHORITY.pem,)), False),
        (authority("another").issue("up", ["127.0.0.1"]), Trust((AUTHORITY.pem,)), False),
        (AUTHORITY.issue("up", ["127.0.0.1"], ends=EXPIRED), Trust(verify=False), True),
    ],
    ids=["trusted", "unknown authority", "expired", "another host", "another authority", "not verified"],
)
def test_tls_is_verified(certificate: Certificate, trust: Trust, believed: bool) -> None:
    with tls_upstream(certificate) as api:
        api.routes["GET /"] = {"ok": True}
        talk = Http("The Provider", trust).conversation()
        if believed:
            assert talk.get(f"{api.url}/").document() == {"ok": True}
            return
        with pytest.raises(OAuthError) as caught:
            talk.get(f"{api.url}/")
        assert caught.value.status == 503
        assert "SSL" in caught.value.detail
        assert api.came == []
