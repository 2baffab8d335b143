"""AWS clients with timeouts that fit API Gateway's 30 seconds, and what their failures become."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import Loader
from botocore.session import Session

from sundial.errors import OAuthError, temporarily_unavailable

_RETRYABLE = frozenset(
    {
        "InternalServerError",
        "InternalServiceError",
        "InternalServiceErrorException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


_IN_PASSING = frozenset({"events"})
"""Services that are told of things in passing: two attempts of a second, for somebody waits for an answer."""


_USER_AGENT = f"Botocore/{botocore.__version__} sundial"
"""Said as it stands: botocore's own says what it runs on, and is put together twice for every call."""


_SOON, _LATER = 1, 5
"""Retry-After, in seconds. Never longer: a client that has lost an answer before has to come again while the
reuseInterval lasts."""


LONGEST_CALL = 12
"""Seconds that a call takes at the most: three attempts of three, and what the SDK waits between them."""


def client(service: str) -> Any:
    """Return a client as boto3 makes it: three attempts, each of a second to connect and two for the answer.

    These services answer in milliseconds. Two calls that hang, one after the other, still end within the
    functions' 29 seconds, and so in a 503 of our own that says when to come again.
    """
    in_passing = service in _IN_PASSING
    made = _session().create_client(
        service,
        config=Config(
            connect_timeout=1,
            read_timeout=1 if in_passing else 2,
            retries={"mode": "standard", "total_max_attempts": 2 if in_passing else 3},
            tcp_keepalive=True,
            user_agent=_USER_AGENT,
            max_pool_connections=10,
        ),
    )
    if os.environ.get("SUNDIAL_TRACING"):
        from sundial.tracing import trace

        trace(made)
    return made


@cache
def _session() -> Session:
    """Return the one session that the clients share: it has found the region and the credentials once.

    It is botocore's own. boto3 makes the same clients, and would import at every cold start what moves files
    to S3. Of botocore's handlers it has those of all services: a hundred more are of S3, EC2 and others that nobody
    calls here, and to look at the signature of each takes a tenth of the time in which a client is made.
    """
    session = Session(include_builtin_handlers=False)
    session.register_component("data_loader", _WithoutRuleSets())
    for event, handler, *_ in BUILTIN_HANDLERS:
        if "." not in event:  # as in `before-call.s3.PutObject`
            session.register(event, handler)
    return session


class _WithoutRuleSets(Loader):
    """Reads botocore's descriptions, but for the rules by which it works a service's address out anew for each call.

    For a service that has none, as some have, botocore takes the address from its table when the client is made. The
    services that are called here have one address a region, which is the same by either; rules are for S3's buckets and
    for accounts with an address of their own. To read them takes a quarter of the time in which a client is made.
    """

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Return a description of a service; raises UnknownServiceError where botocore is to do without."""
        if type_name == "endpoint-rule-set-1":
            raise UnknownServiceError(service_name=service_name, known_service_names="")
        return super().load_service_model(service_name, type_name, api_version)


class unavailable:  # noqa: N801 (a context manager by its name, as those of contextlib)
    """Turn a failure to reach AWS into a 503 that says so; a ClientError of another kind passes through.

    A missing table, a denied action or a disabled key is a 503 too: to a client the difference means
    nothing, and the detail that an operator needs is in the log.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        """`what` can't be reached then, in a client's words."""
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            if code == "ConditionalCheckFailedException":
                return
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            soon = code in _RETRYABLE or status >= 500
            raise self._to_be_tried_again(_SOON if soon else _LATER, f"{error.operation_name}: {code}") from error
        if isinstance(error, BotoCoreError):
            raise self._to_be_tried_again(_SOON, type(error).__name__) from error

    def _to_be_tried_again(self, retry_after: int, detail: str) -> OAuthError:
        told = f"{self._what} can't be reached at the moment; send the same request again"
        return temporarily_unavailable(told, retry_after=retry_after, detail=detail)
