"""The clients of AWS do what others of botocore do, though fewer handlers are looked at to make them."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from sundial.store.aws import client

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
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the clients would call."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


@pytest.mark.parametrize("service", ["dynamodb", "secretsmanager", "kms", "events", "codedeploy", "lambda"])
def test_every_call_is_handled_by_what_handles_it_elsewhere(service: str) -> None:
    ours, plain = client(service), botocore.session.Session().create_client(service)
    name = plain.meta.service_model.service_id.hyphenize()
    for operation in plain.meta.service_model.operation_names:
        for event in EVENTS:
            whole = f"{event}.{name}.{operation}"
            assert _handlers(ours, whole) == _handlers(plain, whole), whole


def _handlers(of: Any, event: str) -> list[str]:
    """Return the names of botocore's own that are called, in order."""
    found = (f"{one.__module__}.{one.__qualname__}" for one in of.meta.events._emitter._handlers.prefix_search(event))
    return [name for name in found if name.startswith("botocore.")]
