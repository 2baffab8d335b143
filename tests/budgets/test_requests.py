"""What a request may cost, in units that every machine counts alike: network calls, bytes, calls of functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from bench.measure import Row
from bench.requests import Measured, measured_requests
from bench.world import CREDENTIALS
from sundial_local.paths import ROOT

# Network calls, and the most bytes sent to AWS and received; docs/architecture.md has the calls, and why.
BUDGETS: Mapping[str, tuple[int, int, int]] = {
    "refresh, rotate": (1, 1500, 1000),
    "refresh, retry": (1, 1500, 1000),
    "refresh, refused": (1, 1500, 1000),
    "refresh, forged": (0, 0, 0),
    "code exchange": (1, 1400, 1000),
    "client credentials": (0, 0, 0),
    "refresh through a provider, beside 1 request to it": (3, 3200, 2300),
    "userinfo": (1, 250, 1400),
    "introspection": (1, 250, 1400),
    "introspection, forged": (0, 0, 0),
    "token exchange": (1, 250, 1400),
    "device poll, pending": (1, 950, 150),
    "device poll, allowed": (1, 950, 850),
    "device poll, forged": (0, 0, 0),
    "discovery": (0, 0, 0),
    "JWKS": (0, 0, 0),
}

# Calls of functions, of Python's and of C's, beyond those of the floor: the two signatures and one bare boto3 call.
# They stand for instructions, which only a simulator counts. A version of Python differs from another by some. Below
# zero is a refresh: the clients of `sundial.store.aws` make a call by a thousand functions less than boto3's own.
MOST_CALLS = {
    "refresh, rotate": -560,
    "refresh, retry": -550,
    "refresh, forged": 340,
    "client credentials": 240,
    "JWKS": 75,
}


@pytest.fixture(scope="module")
def counted() -> Iterator[Mapping[str, Row]]:
    """Each request's calls and bytes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield {request.name: _count(request) for request in measured_requests(("ES256",))}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_request_makes_its_network_calls_and_no_more(name: str, counted: Mapping[str, Row]) -> None:
    calls, sent, received = BUDGETS[name]
    row = counted[name]
    assert row.value == calls
    assert row.more["sent"] <= sent
    assert row.more["received"] <= received


def test_every_request_that_is_measured_has_a_budget(counted: Mapping[str, Row]) -> None:
    assert counted.keys() == BUDGETS.keys()


def test_a_request_calls_few_functions_beyond_what_it_can_not_do_without() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.function_calls"],  # apart from this process, which listens to every log line
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(("layers/sundial", "tools", "."))},
        capture_output=True,
        text=True,
        check=True,
    )
    beyond = json.loads(done.stdout)
    assert {name: beyond[name] for name, most in MOST_CALLS.items() if beyond[name] > most} == {}


def _count(request: Measured) -> Row:
    aws = request.aws
    calls, sent, received = aws.calls.total(), aws.sent, aws.received
    request.call()
    more = {"sent": aws.sent - sent, "received": aws.received - received}
    return Row(request.name, aws.calls.total() - calls, "calls", more=more)
