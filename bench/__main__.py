"""`make bench`: what requests cost, beside the floor in the same run. Absolute numbers are for reading; ratios count.

Handlers are measured with the network answered beneath boto3 (bench/stub.py), so what is timed is all
that Sundial and the SDK do on a CPU. The floor is what no implementation could leave out: the
signatures of the response, and one bare boto3 call of that kind on the same stub.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass

from bench.requests import Measured, measured_requests
from sundial.observe import logger

ROUNDS = 30
A_ROUND = 0.05
"""Seconds of CPU time that one round of one measurement takes, about."""
GOALS = {"refresh, rotate (RS256)": 1.5}


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of one call: the median over ROUNDS rounds, and half the distance between the quartiles."""

    median: float
    spread: float


def cost_of(call: Callable[[], object]) -> Cost:
    """Return what one `call` costs on a CPU."""
    call()
    started = time.process_time()
    call()
    repeats = max(1, int(A_ROUND / max(time.process_time() - started, 1e-6)))
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(repeats):
            call()
        rounds.append((time.process_time() - started) / repeats * 1000)
    lower, _, upper = statistics.quantiles(rounds, n=4)
    return Cost(statistics.median(rounds), (upper - lower) / 2)


def measure(request: Measured) -> str:
    """Return one row of the table."""
    calls_before = request.aws.calls.total()
    request.call()
    calls = request.aws.calls.total() - calls_before
    cost = cost_of(request.call)
    row = f"| {request.name} | {calls} | {cost.median:.3f} ± {cost.spread:.3f} |"
    if request.floor is None:
        return f"{row} | | |"
    floor = cost_of(request.floor)
    ratio = cost.median / floor.median
    goal = GOALS.get(request.name)
    verdict = "" if goal is None else f" (goal ≤ {goal}: {'reached' if ratio <= goal else 'MISSED'})"
    return f"{row} {floor.median:.3f} ± {floor.spread:.3f} | {ratio:.2f}{verdict} |"


def main() -> None:
    """Measure every request and print the table."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "eu-central-1"}
    table = sys.stdout
    print("| request | network calls | handler, CPU ms | floor, CPU ms | ratio |", file=table)
    print("| --- | --- | --- | --- | --- |", file=table)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # log lines and metrics are made all the same
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(nowhere)
        for request in measured_requests():
            print(measure(request), file=table, flush=True)


if __name__ == "__main__":
    main()
