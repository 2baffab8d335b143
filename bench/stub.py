"""AWS without a network: canned answers beneath boto3, which still signs, serialises and parses. Calls are counted."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From an operation's request document to its response document; one with `__type` is an error."""


class _Body:
    """The raw response that botocore reads from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._content


class StubbedAws:
    """Answers the calls of boto3 clients; `calls` counts them by operation, `sent` and `received` their bytes."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.calls: Counter[str] = Counter()
        self.sent = 0
        self.received = 0

    def attach(self, client: Any) -> None:
        """Answer the calls of `client` instead of the network."""
        client.meta.events.register("before-send", self._answer)

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        target: str | bytes = request.headers["X-Amz-Target"]
        operation = (target if isinstance(target, str) else target.decode()).rpartition(".")[2]
        document = self.answers[operation](json.loads(request.body))
        content = json.dumps(document, default=_base64).encode()
        self.calls[operation] += 1
        self.sent += len(request.body)
        self.received += len(content)
        headers = HTTPHeaders()
        headers["Content-Type"] = "application/x-amz-json-1.0"
        return AWSResponse(request.url, 400 if "__type" in document else 200, headers, _Body(content))


def _base64(blob: bytes) -> str:
    """Return a blob as AWS's JSON has it."""
    return b64encode(blob).decode("ascii")
