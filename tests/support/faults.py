"""A bad network between a function and AWS: any attempt of any call can be lost, late, refused or the last one ever.

It is put in beneath botocore, so that the SDK signs, retries and parses as it does; only its waiting is not waited.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from sundial.deployment import Deployment


class Killed(BaseException):
    """The process ends here."""


class Fault(Enum):
    """What becomes of one attempt of a call. `applied` says whether the server has done what was asked."""

    KILLED_BEFORE = "the process ends before the request is sent", False
    KILLED_AFTER = "the process ends before the answer arrives", True
    UNREACHABLE = "nobody answers the connection", False
    UNCONNECTED = "the connection takes too long", False
    UNANSWERED = "the request gets lost", False
    ANSWER_LOST = "the answer gets lost", True
    CUT_OFF = "the connection breaks before the answer arrives", True
    THROTTLED = "ThrottlingException", False
    OUT_OF_CAPACITY = "ProvisionedThroughputExceededException", False
    SERVER_ERROR = "InternalServerError", False
    BAD_GATEWAY = "502", False
    DENIED = "AccessDeniedException", False
    UNDECRYPTED = "DecryptionFailure", False
    SLOW = "the answer takes nearly too long", True

    @property
    def applied(self) -> bool:
        return bool(self.value[1])

    @property
    def is_mended_by_the_sdk(self) -> bool:
        """Whether another attempt is made."""
        return self not in (Fault.DENIED, Fault.UNDECRYPTED)

    @property
    def kills(self) -> bool:
        return self in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)


_STATUS = {Fault.SERVER_ERROR: 500}
"""Of the faults that are an error of AWS's own; the others' is 400."""


@dataclass
class Network:
    """`plan` says, by the number of the call (from 0), what becomes of each of its attempts; the others go well.

    `calls` names the operations that have been called; `seconds` is how long it all took, had it been waited for.
    """

    plan: Mapping[int, tuple[Fault, ...]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    attempts: int = 0
    seconds: float = 0

    def attach(self, client: Any) -> None:
        """Put this between `client` and what it talks to."""
        session = URLLib3Session()
        config = client.meta.config

        def before_call(model: Any, **_: object) -> None:
            self.calls.append(model.name)
            self.attempts = 0

        def before_send(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
            planned = self.plan.get(len(self.calls) - 1, ())
            fault = planned[self.attempts] if self.attempts < len(planned) else None
            self.attempts += 1
            return None if fault is None else self._meet(fault, request, session, config)

        client.meta.events.register("before-call", before_call)
        client.meta.events.register("before-send", before_send)

    def _meet(
        self, fault: Fault, request: AWSPreparedRequest, session: URLLib3Session, config: Any
    ) -> AWSResponse | None:
        answer = session.send(request) if fault.applied else None
        where = {"endpoint_url": request.url}
        match fault:
            case Fault.KILLED_BEFORE | Fault.KILLED_AFTER:
                raise Killed
            case Fault.UNREACHABLE:
                raise EndpointConnectionError(**where)
            case Fault.UNCONNECTED:
                self.seconds += config.connect_timeout
                raise ConnectTimeoutError(**where)
            case Fault.UNANSWERED | Fault.ANSWER_LOST:
                self.seconds += config.connect_timeout + config.read_timeout
                raise ReadTimeoutError(**where)
            case Fault.CUT_OFF:
                raise ConnectionClosedError(**where)
            case Fault.SLOW:
                self.seconds += config.connect_timeout + config.read_timeout
                return answer
            case Fault.BAD_GATEWAY:
                return _response(request, 502, "<html>Bad Gateway</html>")
            case _:
                return _response(request, _STATUS.get(fault, 400), json.dumps({"__type": f"x#{fault.value[0]}"}))

    def sleep(self, seconds: float) -> None:
        """Wait as the SDK does between attempts, in no time."""
        self.seconds += seconds


class ReachedThrough(Deployment):
    """A deployment whose clients are behind `network`."""

    network: Network

    def client(self, service: str) -> Any:
        is_new = service not in self._clients
        client = super().client(service)
        if is_new:
            self.network.attach(client)
        return client


@contextmanager
def instead_of_waiting(network: Network) -> Iterator[None]:
    """Let the SDK's waiting between attempts be `network`'s."""
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr("botocore.endpoint.time", network)
        yield


class _Body:
    """The raw response that botocore reads from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._content


def _response(request: AWSPreparedRequest, status: int, body: str) -> AWSResponse:
    headers = HTTPHeaders()
    headers["Content-Type"] = "application/x-amz-json-1.0"
    return AWSResponse(request.url, status, headers, _Body(body.encode()))
