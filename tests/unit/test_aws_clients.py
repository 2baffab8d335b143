"""The clients of AWS do what others of botocore do, though less of its handlers and rules is read to make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from sundial.store import aws
from sundial.store.aws import client

SERVICES = {
    "codedeploy": "list_applications",
    "dynamodb": "list_tables",
    "events": "list_rules",
    "kms": "list_keys",
    "lambda": "list_functions",
    "secretsmanager": "list_secrets",
}
"""What the functions call, each with an operation that takes no parameters."""
EVENTS = (
    "provide-client-params",
    "before-parameter-build",
    "before-call",
    "request-created",
    "choose-signer",
    "before-sign",
    "before-send",
    "needs-retry",
    "response-received",
    "before-parse",
    "after-call",
    "after-call-error",
)
"""All that botocore tells of a call, in order (botocore/client.py, endpoint.py and signers.py)."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the clients would call, and as whom; their session is made anew for each test."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    aws._session.cache_clear()
    yield
    aws._session.cache_clear()


@pytest.mark.parametrize(
    "there",
    [
        {},
        {"AWS_DEFAULT_REGION": "us-east-1"},
        {"AWS_DEFAULT_REGION": "us-gov-west-1"},
        {"AWS_DEFAULT_REGION": "cn-north-1"},
        {"AWS_DEFAULT_REGION": "xx-nowhere-1"},
        {"AWS_DEFAULT_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
    ],
    ids=str,
)
def test_every_service_is_called_where_it_is_called_elsewhere(
    there: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in there.items():
        monkeypatch.setenv(name, value)
    plain = botocore.session.Session(include_builtin_handlers=False)
    for service, operation in SERVICES.items():
        assert _called_at(client(service), operation) == _called_at(plain.create_client(service), operation)


@pytest.mark.parametrize("service", SERVICES)
def test_every_call_is_handled_by_what_handles_it_elsewhere(service: str) -> None:
    ours, plain = client(service), botocore.session.Session().create_client(service)
    name = plain.meta.service_model.service_id.hyphenize()
    for operation in plain.meta.service_model.operation_names:
        for event in EVENTS:
            whole = f"{event}.{name}.{operation}"
            assert _handlers(ours, whole) == _handlers(plain, whole), whole


def _called_at(of: Any, operation: str) -> tuple[str, str]:
    """Return the URL that an operation is sent to, and what its signature is for: the region and the service."""
    sent: list[tuple[str, str]] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        credential = str(request.headers["Authorization"]).partition("Credential=")[2].partition(",")[0]
        sent.append((request.url, credential.split("/", 2)[2]))
        return AWSResponse(request.url, 200, HTTPHeaders(), _Nothing())

    of.meta.events.register("before-send", answer)
    getattr(of, operation)()
    return sent[0]


class _Nothing:
    """The body of an answer that says nothing."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield b"{}"


def _handlers(of: Any, event: str) -> list[str]:
    """Return the names of botocore's own that are called, in order."""
    found = (f"{one.__module__}.{one.__qualname__}" for one in of.meta.events._emitter._handlers.prefix_search(event))
    return [name for name in found if name.startswith("botocore.")]
