"""HTTP/1.1 over a real socket: what a client may send, and what it gets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from sundial_local.functions import Functions
from sundial_local.gateway import LARGEST_BODY, Gateway
from sundial_local.http_server import Server
from sundial_local.router import Router
from sundial_local.template import Function, Route

_CODE = """
import base64
def handler(event, context):
    if event["routeKey"] == "GET /cookies":
        return {"statusCode": 302, "headers": {"Location": "/there"}, "cookies": ["a=1; Path=/", "b=2"]}
    if event["routeKey"] == "GET /nothing":
        return {"statusCode": 204}
    body = base64.b64decode(event.get("body", ""))
    return {"length": len(body), "head": body[:20].decode(), "query": event["rawQueryString"], "path": event["rawPath"]}
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("function")
    folder.joinpath("app.py").write_text(_CODE, encoding="utf-8")
    routes = ("GET /cookies", "GET /nothing", "GET /echo/{name}", "POST /echo/{name}")
    pairs = tuple(Route(*route.split(" ")) for route in routes)
    function = Function("Echo", folder, "app", "handler", pairs, {}, None)
    functions = Functions({"Echo": {}})
    functions.load(function)
    gateway = Gateway(Router([function], "http://127.0.0.1"), functions, lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as listener, Server(listener, gateway) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listener.getsockname()[1]
        server.shutdown()
        thread.join()
        server.drain(5)


@pytest.fixture
def client(port: int) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    yield connection
    connection.close()


def _raw(port: int, request: bytes) -> bytes:
    """Send exactly these bytes and return everything that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_connection_is_kept_for_the_next_request(client: HTTPConnection) -> None:
    for number in range(3):
        client.request("POST", f"/echo/{number}", b"x" * number)
        response = client.getresponse()
        assert json.load(response)["length"] == number
        assert client.sock is not None


def test_path_and_query_come_apart_and_the_path_is_decoded(client: HTTPConnection) -> None:
    client.request("GET", "/echo/a%20b?c=%20d?e")
    assert json.load(client.getresponse()) == {"length": 0, "head": "", "query": "c=%20d?e", "path": "/echo/a b"}


def test_each_cookie_has_a_header_of_its_own(client: HTTPConnection) -> None:
    client.request("GET", "/cookies")
    response = client.getresponse()
    assert response.status == 302
    assert response.getheader("Location") == "/there"
    assert response.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2"]
    assert response.read() == b""


def test_a_204_has_no_body_and_the_connection_goes_on(client: HTTPConnection) -> None:
    client.request("GET", "/nothing")
    response = client.getresponse()
    assert (response.status, response.read(), response.getheader("Content-Length")) == (204, b"", None)
    client.request("GET", "/nothing")
    assert client.getresponse().status == 204


def test_head_is_not_found_as_on_api_gateway_and_has_no_body(client: HTTPConnection) -> None:
    client.request("HEAD", "/echo/a")
    response = client.getresponse()
    assert (response.status, response.read()) == (404, b"")
    client.request("GET", "/echo/a")
    assert client.getresponse().status == 200


def test_a_body_may_come_in_chunks(client: HTTPConnection) -> None:
    client.request("POST", "/echo/a", iter([b"chunk ", b"by ", b"chunk"]), encode_chunked=True)
    assert json.load(client.getresponse())["head"] == "chunk by chunk"


def test_the_largest_body_is_taken_and_a_larger_one_is_a_413(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/echo/a", b"x" * LARGEST_BODY)
    assert json.load(connection.getresponse())["length"] == LARGEST_BODY
    connection.close()
    announced = f"POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n".encode()
    assert _raw(port, announced).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: -1",
        "Content-Length: 1_0",
        "Content-Length: two",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nnot hexadecimal",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n",
    ],
)
def test_a_body_that_cannot_be_told_from_the_next_request_ends_the_connection(port: int, head: str) -> None:
    answer = _raw(port, f"POST /echo/a HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_client_that_goes_away_harms_nobody(port: int, client: HTTPConnection) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart")
    client.request("GET", "/echo/a")
    assert client.getresponse().status == 200


def test_an_old_client_is_answered_and_hung_up_on(port: int) -> None:
    answer = _raw(port, b"GET /echo/a HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in answer


def test_draining_waits_for_the_answer_to_a_connection_just_accepted_and_not_for_an_idle_one(tmp_path: Path) -> None:
    tmp_path.joinpath("app.py").write_text("def handler(event, context): return {}", encoding="utf-8")
    function = Function("F", tmp_path, "app", "handler", (Route("GET", "/a"),), {}, None)
    functions = Functions({"F": {}})
    functions.load(function)
    gateway = Gateway(Router([function], "http://127.0.0.1"), functions, lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as listener, Server(listener, gateway) as server:
        address = listener.getsockname()
        with socket.create_connection(address) as idle, socket.create_connection(address) as asking:
            asking.sendall(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            server.timeout = 0.1  # for the idle one, which on Linux is not even accepted
            server.handle_request()
            server.handle_request()
            server.drain(10)
            asking.settimeout(0)
            assert asking.recv(12) == b"HTTP/1.1 200"
            idle.close()
