"""Traces in AWS X-Ray (template.yaml: Tracing=Active): each call to AWS, and each request to an identity provider, as
a subsegment of the function's own segment.

Lambda makes the function's segment; this says what it waited for. Imported where tracing is on, and nowhere else. It
sends to the X-Ray daemon, which Lambda runs beside the function, over UDP: nobody waits for it, and what it can't take
is lost. OpenTelemetry's own instrumentation of Lambda is not used: its spans hold the request's URL with the query,
and so authorization codes, states and login hints. A subsegment here holds names and numbers.

Its format: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

_HEADER = b'{"format": "json", "version": 1}\n'
_STARTED = "sundial_trace_started"
_EXPECTED = frozenset(("ConditionalCheckFailedException",))
"""An answer, and no error: a token that was presented again is told by the condition that it fails."""

Clock = Callable[[], float]


class Answered(Protocol):
    """An answer over HTTP."""

    @property
    def status(self) -> int:
        """Its status."""


A = TypeVar("A", bound=Answered)


def trace_request(method: str, host: str, ask: Callable[[], A], *, clock: Clock = time.time) -> A:
    """Return what `ask` does, and have it told to the daemon: `host` and `method`, the status and how long it took.

    A provider's paths and queries stay out: what a client is called there may be in the one, and codes in the other.
    """
    start, status = clock(), 0
    try:
        answer = ask()
        status = answer.status
        return answer
    finally:
        request = {"request": {"method": method}, **({"response": {"status": status}} if status else {})}
        _send(host, start, clock(), {"namespace": "remote", "http": request, **_verdict_of_http(status)})


def trace(client: Any, *, clock: Clock = time.time) -> None:
    """Have every call of a botocore `client` told to the daemon."""
    service = client.meta.service_model.service_id
    region = client.meta.region_name

    def begin(context: dict[str, Any], **_: Any) -> None:
        context[_STARTED] = clock()

    def end(context: dict[str, Any], model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        metadata = parsed.get("ResponseMetadata", {})
        code = parsed.get("Error", {}).get("Code", "")
        called = {"operation": model.name, "region": region, "request_id": metadata.get("RequestId", "")}
        tell(context, called, metadata.get("HTTPStatusCode", 0), code)

    def fail(context: dict[str, Any], **_: Any) -> None:
        tell(context, {"region": region}, 0, "unreachable")

    def tell(context: Mapping[str, Any], called: Mapping[str, str], status: int, code: str) -> None:
        response = {"http": {"response": {"status": status}}} if status else {}
        what = {"namespace": "aws", "aws": called, **response, **_verdict(status, code)}
        _send(service, context[_STARTED], clock(), what)

    name = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-call.{name}", begin)
    client.meta.events.register(f"after-call.{name}", end)
    client.meta.events.register(f"after-call-error.{name}", fail)


def _send(name: str, start: float, end: float, what: Mapping[str, Any]) -> None:
    parent = _fields(os.environ.get("_X_AMZN_TRACE_ID", ""))
    if parent.get("Sampled") != "1" or not {"Root", "Parent"} <= parent.keys():
        return
    document = {
        "name": name,
        "id": os.urandom(8).hex(),
        "trace_id": parent["Root"],
        "parent_id": parent["Parent"],
        "type": "subsegment",
        "start_time": start,
        "end_time": end,
        **what,
    }
    host, _, port = os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000").rpartition(":")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.sendto(_HEADER + json.dumps(document).encode("ascii"), (host, int(port)))
    except OSError:
        return  # a trace that is lost is no reason to lose the request


def _verdict(status: int, code: str) -> dict[str, bool]:
    """Return how X-Ray marks a call: `fault` for theirs, `error` for ours, and `throttle` beside it."""
    if not code or code in _EXPECTED:
        return {}
    if "Throttl" in code or code in ("ProvisionedThroughputExceededException", "RequestLimitExceeded"):
        return {"error": True, "throttle": True}
    return {"fault": True} if status >= 500 or status == 0 else {"error": True}


def _verdict_of_http(status: int) -> dict[str, bool]:
    """Return the same for a request to a provider; its status is 0 where no answer came."""
    if status == 429:
        return {"error": True, "throttle": True}
    if status >= 500 or status == 0:
        return {"fault": True}
    return {"error": True} if status >= 400 else {}


def _fields(header: str) -> dict[str, str]:
    """Return the parts of `Root=…;Parent=…;Sampled=1`."""
    pairs = (part.partition("=") for part in header.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}
