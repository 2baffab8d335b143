"""Runs in the functions' own Python, with nothing to import but the built artifact: has one function answer events.

Its argument is the folder of the layer. It reads a JSON list of events from standard input, and writes, on its
last line, a JSON object: the `answers`, and the modules of the layer that had to be `compiled`.
"""

from __future__ import annotations

import importlib
import json
import sys
from types import SimpleNamespace
from typing import Any

CONTEXT = SimpleNamespace(
    aws_request_id="8f507cfc-4d5a-4697-b07a-ac58fc914c95",
    function_name="sundial",
    function_version="1",
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:sundial:live",
    memory_limit_in_mb=512,
)


def main(layer: str) -> None:
    """Import `app` as Lambda does, once, and call its handler with each event."""
    compiled: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "compile" and str(arguments[1]).startswith(layer) and str(arguments[1]).endswith(".py"):
            compiled.append(arguments[1])

    sys.addaudithook(note)
    handler = importlib.import_module("app").handler
    answers = [handler(event, CONTEXT) for event in json.load(sys.stdin)]
    # The functions log to standard output too.
    print(f"\n{json.dumps({'answers': answers, 'compiled': compiled})}")


if __name__ == "__main__":
    main(sys.argv[1])
