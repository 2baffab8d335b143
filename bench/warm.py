"""Warm handlers: what a request costs on a CPU, beside what it could not do without."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

from bench.measure import Goal, Part, Row, cpu_rounds, row_of
from bench.requests import measured_requests
from sundial.observe import logger

_GOALS = {"refresh, rotate": Goal(1.25), "refresh, retry": Goal(1.25)}


def measure(rounds: int) -> Part:
    """Return the CPU time of each request, and of its floor in the same rounds."""
    rows: list[Row] = []
    with silenced():
        for request in measured_requests():
            calls = {"request": request.call}
            if request.floor is not None:
                calls["floor"] = request.floor
            taken = cpu_rounds(calls, 3 * rounds, 0.01)  # short ones, that both meet the same machine
            rows.append(
                row_of(
                    f"{request.name} ({request.alg})",
                    taken["request"],
                    "ms",
                    beside="floor" if request.floor else "",
                    floor=taken.get("floor", ()),
                    goal=_GOALS.get(request.name),
                )
            )
    return Part("warm", "Warm handlers: CPU time a request, beside its floor", tuple(rows))


@contextmanager
def silenced() -> Iterator[None]:
    """Send what the functions log nowhere; log lines and metrics are made all the same."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, logging_to(nowhere):
        yield


@contextmanager
def logging_to(stream: TextIO) -> Iterator[None]:
    """Send what the functions log, metrics included, to `stream`."""
    streams = [handler for handler in logger.handlers if isinstance(handler, logging.StreamHandler)]
    with redirect_stdout(stream):
        before = [handler.setStream(stream) for handler in streams]
        try:
            yield
        finally:
            for handler, own in zip(streams, before, strict=True):
                if own is not None:
                    handler.setStream(own)
