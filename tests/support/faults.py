"""A bad network around a function: any attempt of any call can be lost, late, refused or the last one ever.

Towards AWS it is put in beneath botocore, so that the SDK signs, retries and parses as it does; towards an identity
provider beneath the connectors' HTTP. Waiting is counted, and not waited.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.exceptions import ReadTimeoutError as HttpReadTimeoutError

from sundial.connectors.http import Http
from sundial.deployment import Deployment
from sundial.store.aws import client as aws_client
from tests.support.rights import Guard


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

    `calls` names the operations that have been called, and a provider's requests; `seconds` is how long it all took,
    had it been waited for. `meanwhile` is what others do just before a call, by its number.
    """

    plan: Mapping[int, tuple[Fault, ...]] = field(default_factory=dict)
    meanwhile: Mapping[int, Callable[[], None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    attempts: int = 0
    seconds: float = 0
    is_dead: bool = False
    """Whether the process has ended: it calls nobody any more, not even on its way out."""

    def attach(self, client: Any) -> None:
        """Put this between `client` and what it talks to."""
        put_between(client, lambda: self)

    def begin(self, name: str) -> None:
        """Begin a call."""
        if self.is_dead:
            raise Killed
        number = len(self.calls)
        self.calls.append(name)
        self.attempts = 0
        if number in self.meanwhile:
            self.meanwhile[number]()

    def next_fault(self) -> Fault | None:
        """Return what becomes of this attempt of the call that has begun."""
        planned = self.plan.get(len(self.calls) - 1, ())
        fault = planned[self.attempts] if self.attempts < len(planned) else None
        self.attempts += 1
        return fault

    def die(self) -> None:
        """Let the process end."""
        self.is_dead = True
        raise Killed

    def sleep(self, seconds: float) -> None:
        """Wait as the SDK does between attempts, in no time."""
        self.seconds += seconds


def put_between(client: Any, network: Callable[[], Network]) -> None:
    """Put the network of the moment between `client` and what it talks to."""
    session = URLLib3Session()
    config = client.meta.config

    def before_call(model: Any, **_: object) -> None:
        network().begin(model.name)

    def before_send(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        fault = network().next_fault()
        return None if fault is None else _meet_aws(network(), fault, request, session, config)

    client.meta.events.register("before-call", before_call)
    client.meta.events.register("before-send", before_send)


def _meet_aws(
    network: Network, fault: Fault, request: AWSPreparedRequest, session: URLLib3Session, config: Any
) -> AWSResponse | None:
    answer = session.send(request) if fault.applied else None
    where = {"endpoint_url": request.url}
    match fault:
        case Fault.KILLED_BEFORE | Fault.KILLED_AFTER:
            network.die()
        case Fault.UNREACHABLE:
            raise EndpointConnectionError(**where)
        case Fault.UNCONNECTED:
            network.seconds += config.connect_timeout
            raise ConnectTimeoutError(**where)
        case Fault.UNANSWERED | Fault.ANSWER_LOST:
            network.seconds += config.connect_timeout + config.read_timeout
            raise ReadTimeoutError(**where)
        case Fault.CUT_OFF:
            raise ConnectionClosedError(**where)
        case Fault.SLOW:
            network.seconds += config.connect_timeout + config.read_timeout
            return answer
        case Fault.BAD_GATEWAY:
            return _response(request, 502, "<html>Bad Gateway</html>")
    return _response(request, _STATUS.get(fault, 400), json.dumps({"__type": f"x#{fault.value[0]}"}))


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


class Wire:
    """What the machines of a test reach AWS and a provider by: each call goes through the network of who makes it.

    The clients are those that functions make, and are made once: to make one takes as long as ten calls. So that
    each machine has just started all the same, what the SDK remembers of failures is nothing.
    """

    def __init__(self, guard: Guard | None = None) -> None:
        self.network = Network()
        self._guard = guard or Guard({})
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the client of `service`."""
        if service not in self._clients:
            made = self._clients[service] = aws_client(service)
            put_between(made, lambda: self.network)
            self._guard.attach(made)
        return self._clients[service]

    @contextmanager
    def of(self, network: Network, role: str | None = None) -> Iterator[None]:
        """Let every call go through `network`, and all waiting be its; it may do what `role` of template.yaml may."""
        before, self.network, self._guard.role = self.network, network, role
        request = urllib3.PoolManager.request

        def asked(pool: urllib3.PoolManager, method: str, url: str, **more: Any) -> urllib3.BaseHTTPResponse:
            return _ask_provider(network, lambda: request(pool, method, url, **more), method, url, more["timeout"])

        try:
            with instead_of_waiting(network), pytest.MonkeyPatch.context() as patches:
                patches.setattr("botocore.retries.quota.RetryQuota.acquire", lambda *_: True)
                patches.setattr("urllib3.PoolManager.request", asked)
                patches.setitem(Http.__init__.__kwdefaults__ or {}, "clock", lambda: self.network.seconds)
                yield
        finally:
            self.network, self._guard.role = before, None


class OverWire(Deployment):
    """A deployment whose clients are a wire's. A machine of it that starts has read nothing, but for `at_hand`."""

    def __init__(self, environment: Mapping[str, str], wire: Wire, **at_hand: Any) -> None:
        super().__init__(environment)
        self._wire = wire
        self._at_hand = at_hand
        vars(self).update(at_hand)

    def anew(self, **at_hand: Any) -> OverWire:
        """Return the same for another machine, which has these at hand too."""
        return OverWire(self._environment, self._wire, **self._at_hand | at_hand)

    def client(self, service: str) -> Any:
        return self._wire.client(service)


def _ask_provider(
    network: Network,
    ask: Callable[[], urllib3.BaseHTTPResponse],
    method: str,
    url: str,
    timeout: urllib3.Timeout,
) -> urllib3.BaseHTTPResponse:
    """Ask a provider: what becomes of a request to AWS becomes of this one in the words of HTTP."""
    network.begin(f"{method} {urllib3.util.parse_url(url).path}")
    fault = network.next_fault()
    if fault is None:
        return ask()
    connecting = _least(timeout.connect_timeout, timeout.total)
    answering = connecting + _least(timeout._read, _least(timeout.total) - connecting)  # its property reads a clock
    pool: Any = None
    if fault.applied:
        answer = ask()
        if fault is Fault.SLOW:
            network.seconds += answering
            return answer
        answer.drain_conn()
    match fault:
        case Fault.KILLED_BEFORE | Fault.KILLED_AFTER:
            network.die()
        case Fault.UNREACHABLE:
            raise HTTPError("connection refused")
        case Fault.UNCONNECTED:
            network.seconds += connecting
            raise HTTPError("no connection")
        case Fault.UNANSWERED | Fault.ANSWER_LOST:
            network.seconds += answering
            raise HttpReadTimeoutError(pool, url, "no answer")
        case Fault.CUT_OFF:
            raise ProtocolError("connection aborted")
    said = io.BytesIO(_SAID.get(fault, b""))
    return urllib3.HTTPResponse(said, status=_HTTP_STATUS.get(fault, 200), preload_content=False)


def _least(*limits: object) -> float:
    """Return the least of some limits in seconds, of which some may be none."""
    return min((limit for limit in limits if isinstance(limit, int | float)), default=math.inf)


_HTTP_STATUS = {
    Fault.THROTTLED: 429,
    Fault.OUT_OF_CAPACITY: 503,
    Fault.SERVER_ERROR: 500,
    Fault.BAD_GATEWAY: 502,
    Fault.DENIED: 401,
}
_SAID = {Fault.DENIED: b'{"error": "invalid_client"}', Fault.UNDECRYPTED: b"<html>no JSON</html>"}
"""What a provider says, where it says anything. UNDECRYPTED is an answer that nobody can read."""


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
