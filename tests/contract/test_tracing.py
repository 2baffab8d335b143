"""Traces: each call to AWS as a subsegment that X-Ray takes, nothing of the request in it; and no cost where off."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sundial.connectors.http import Http
from sundial.errors import OAuthError
from sundial.store.aws import client
from sundial.tracing import _fields, _verdict, _verdict_of_http
from sundial_local.ministack import CREDENTIALS, REGION
from sundial_local.paths import LAYER
from tests.support.api_upstream import Answer as Answered
from tests.support.api_upstream import api_upstream
from tests.support.stack import OwnStack

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:0"


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch, stack: OwnStack) -> Iterator[socket.socket]:
    """An X-Ray daemon, as far as it listens; the clients of the stack trace to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(30)
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{heard.getsockname()[1]}")
        monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
        monkeypatch.setenv("SUNDIAL_TRACING", "on")
        for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": stack.endpoint}.items():
            monkeypatch.setenv(name, value)
        yield heard


def told(daemon: socket.socket) -> dict[str, Any]:
    header, _, document = daemon.recv(65536).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    found: dict[str, Any] = json.loads(document)
    return found


def test_a_call_is_a_subsegment_of_the_functions_segment(daemon: socket.socket, stack: OwnStack) -> None:
    item = {"id": {"S": "a family"}}
    client("dynamodb").put_item(TableName=stack.families_table, Item=item)
    document = told(daemon)
    assert re.fullmatch(r"[0-9a-f]{16}", document.pop("id"))
    assert document.pop("start_time") <= document.pop("end_time")
    assert document["aws"].pop("request_id")
    assert document == {
        "name": "DynamoDB",
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "parent_id": "53995c3f42cd8ad8",
        "type": "subsegment",
        "namespace": "aws",
        "aws": {"operation": "PutItem", "region": REGION},
        "http": {"response": {"status": 200}},
    }


def test_a_request_to_a_provider_is_one_too_and_only_its_host_is_named(daemon: socket.socket) -> None:
    with api_upstream() as api:
        api.routes["POST /tenant-of-somebody/token"] = Answered({"access_token": "an upstream token"})
        talk = Http("The Provider").conversation()
        url = f"{api.url.replace('http://', 'http://user:password@')}/tenant-of-somebody/token?hint=jane"
        talk.post_form(url, {"code": "an upstream code"}, headers={"Authorization": "Basic secret"})
        document = told(daemon)
        assert re.fullmatch(r"[0-9a-f]{16}", document.pop("id"))
        assert document.pop("start_time") <= document.pop("end_time")
        assert document == {
            "name": "127.0.0.1",
            "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
            "parent_id": "53995c3f42cd8ad8",
            "type": "subsegment",
            "namespace": "remote",
            "http": {"request": {"method": "POST"}, "response": {"status": 200}},
        }
        talk.get(f"{api.url}/nothing")
        assert told(daemon)["error"] is True


def test_a_provider_that_cannot_be_reached_is_marked_and_raises_as_ever(daemon: socket.socket) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(OAuthError, match="can't be reached"):
            Http("The Provider").conversation().get(f"http://127.0.0.1:{nobody.getsockname()[1]}/keys")
    document = told(daemon)
    assert (document["fault"], document["http"]) == (True, {"request": {"method": "GET"}})


def test_what_is_written_and_what_went_wrong_stay_out_of_the_trace(daemon: socket.socket, stack: OwnStack) -> None:
    with pytest.raises(ClientError):
        client("secretsmanager").get_secret_value(SecretId="no-such-secret")
    document = told(daemon)
    assert document["error"] is True
    assert "no-such-secret" not in json.dumps(document)


def test_a_condition_that_fails_is_an_answer_and_no_error(daemon: socket.socket, stack: OwnStack) -> None:
    table, item = stack.families_table, {"id": {"S": "once"}}
    dynamodb = client("dynamodb")
    dynamodb.put_item(TableName=table, Item=item)
    told(daemon)
    with pytest.raises(ClientError):
        dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(id)")
    assert told(daemon).keys() & {"error", "fault", "throttle"} == set()


def test_nothing_is_sent_of_a_request_that_x_ray_does_not_sample(
    daemon: socket.socket, stack: OwnStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb = client("dynamodb")
    for unsampled in (TRACE.replace("Sampled=1", "Sampled=0"), ""):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", unsampled)
        dynamodb.get_item(TableName=stack.families_table, Key={"id": {"S": "unsampled"}})
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    dynamodb.delete_item(TableName=stack.families_table, Key={"id": {"S": "sampled"}})
    assert told(daemon)["aws"]["operation"] == "DeleteItem", "the first that came"


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (200, "", {}),
        (400, "ConditionalCheckFailedException", {}),
        (400, "ThrottlingException", {"error": True, "throttle": True}),
        (400, "AccessDeniedException", {"error": True}),
        (500, "InternalServerError", {"fault": True}),
        (0, "unreachable", {"fault": True}),
    ],
)
def test_a_call_is_marked_as_x_ray_marks_them(status: int, code: str, verdict: dict[str, bool]) -> None:
    assert _verdict(status, code) == verdict


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, {}),
        (302, {}),
        (401, {"error": True}),
        (429, {"error": True, "throttle": True}),
        (503, {"fault": True}),
        (0, {"fault": True}),
    ],
)
def test_a_request_to_a_provider_is_marked_by_its_status(status: int, verdict: dict[str, bool]) -> None:
    assert _verdict_of_http(status) == verdict


def test_the_trace_header_is_read_in_any_order() -> None:
    assert _fields("Sampled=1;Root=1-a-b; Parent=c") == {"Sampled": "1", "Root": "1-a-b", "Parent": "c"}


def modules(**environment: str) -> set[str]:
    """Return what is imported once each service has its client and a provider was asked, with `environment`."""
    script = (
        "import sys; from sundial.connectors.http import Http; from sundial.errors import OAuthError;"
        "from sundial.store.aws import client;"
        "[client(name) for name in ('dynamodb', 'secretsmanager', 'kms', 'events')];"
        "talk = Http('The Provider').conversation(); talk._exchange = lambda *_: sys;"
        "sys.status = 200; talk.get('https://id.example.com/');"
        "print('\\n'.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(LAYER), "AWS_DEFAULT_REGION": REGION, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_tracing_imports_one_module_where_it_is_on_and_none_where_it_is_off() -> None:
    on, off = modules(SUNDIAL_TRACING="on"), modules()
    assert on - off == {"sundial.tracing"}
    assert not [name for name in on if name.startswith(("opentelemetry", "aws_xray_sdk", "snapshot_restore"))]
