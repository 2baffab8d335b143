"""Network calls and bytes of each request, counted. They are the same on every machine: tests/budgets asserts them."""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import Goal, Part, Row
from bench.requests import measured_requests
from bench.warm import silenced

GOALS = {
    "refresh, rotate": 1,
    "refresh, retry": 1,
    "refresh, forged": 0,
    "client credentials": 0,
    "JWKS": 0,
}


def measure() -> Part:
    """Return what each request calls and sends, with an ES256 key; the algorithm changes neither."""
    with silenced():
        return Part("calls", "Network calls and bytes a request", tuple(_rows()))


def _rows() -> Iterator[Row]:
    for request in measured_requests(("ES256",)):
        aws = request.aws
        calls, sent, received = aws.calls.total(), aws.sent, aws.received
        request.call()
        more = {"bytes sent": aws.sent - sent, "bytes received": aws.received - received}
        limit = GOALS.get(request.name)
        goal = None if limit is None else Goal(limit)
        yield Row(request.name, aws.calls.total() - calls, "calls", goal=goal, more=more)
        if aws.sent > sent:
            yield Row(f"{request.name}: sent to AWS", aws.sent - sent, "bytes")
            yield Row(f"{request.name}: received", aws.received - received, "bytes")
