"""Calls of functions a request: what instructions are counted by where nothing simulates a processor.

`python -m bench.function_calls` prints, as JSON, how many functions each request calls beyond its floor. The number is
the same at every run of one version of Python, and with it tests/budgets holds a request to what it takes now.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from bench.world import CREDENTIALS

_WARM = 3


def function_calls(call: Callable[[], object]) -> int:
    """Return how many functions, of Python and of C, one `call` calls once it is warm."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    for _ in range(_WARM):
        call()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return count


def main() -> None:
    """Count, and print."""
    os.environ |= CREDENTIALS
    from bench.requests import measured_requests
    from bench.warm import silenced

    beyond: dict[str, int] = {}
    with silenced():
        for request in measured_requests(("ES256",)):
            beyond[request.name] = function_calls(request.call)
            if request.floor is not None:
                beyond[request.name] -= function_calls(request.floor)
    print(json.dumps(beyond))


if __name__ == "__main__":
    main()
