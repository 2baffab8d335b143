"""What Sundial says of itself: structured log lines and CloudWatch metrics, with no secret in either.

Of Powertools only the Logger and the metrics are used: its Tracer and its `parameters` and `idempotency`
utilities cost more import time than all the rest of the token path. Metrics are log lines in CloudWatch's
embedded metric format: they cost no network call.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json import JSONEncoder
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics.functions import is_metrics_disabled
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

NAMESPACE = "Sundial"
DEPLOYMENT = "service"
"""The dimension that every metric has: which deployment this is. Its value is POWERTOOLS_SERVICE_NAME."""

_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "sundial")
_INSTANT = "when it was"
_json = JSONEncoder(separators=(",", ":")).encode

logger = Logger(
    service=_SERVICE,
    utc=True,
    json_deserializer=str,  # no message of ours is JSON; as it stands, each is parsed and fails
)


def log_from(level: str) -> None:
    """Log what is as grave as `level` (Dex: logger.level), and in Lambda nothing below its own minimum.

    That minimum is template.yaml's `ApplicationLogLevel`. Where there is one, Powertools' `setLevel` would log from
    there on whatever it is given, and print a warning for a level below.
    """
    levels = logging.getLevelNamesMapping()
    minimum = levels.get(os.environ.get("AWS_LAMBDA_LOG_LEVEL", ""), logging.NOTSET)
    logging.getLogger(logger.name).setLevel(max(levels[level], minimum))


def function_version() -> str:
    """Return the version of the Lambda function that runs: a canary's brakes watch the new one alone."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")


def metrics_by_client() -> bool:
    """Return whether to keep metrics by client too (template.yaml: ClientMetrics): CloudWatch charges for each."""
    return os.environ.get("SUNDIAL_CLIENT_METRICS") == "true"


def count(
    name: str,
    times: int = 1,
    /,
    *,
    details: Mapping[str, object] | None = None,
    apart: Mapping[str, str] | None = None,
    **dimensions: str,
) -> None:
    """Add `times` to the CloudWatch metric `name`: to the deployment's total, and to that of its `dimensions`.

    It is added to that of `apart` too, other dimensions, for who asks another question. `details` stand beside it in
    the log line. None of them holds a token, a user or a secret; a dimension's values are few, for each of them is
    a metric that is paid for.
    """
    _emit(name, times, "Count", [dimensions, apart or {}], details or {})


def gauge(name: str, seconds: float, /, **dimensions: str) -> None:
    """Report a duration in seconds as the CloudWatch metric `name`, of the deployment and of its `dimensions`."""
    _emit(name, seconds, "Seconds", [dimensions], {})


def _emit(
    name: str, value: float, unit: str, parts: Sequence[Mapping[str, str]], details: Mapping[str, object]
) -> None:
    line = _line(name, unit, *[tuple(part.items()) for part in parts if part])
    if line is None:
        return
    own = {each: detail for each, detail in details.items() if each not in line.keys} | {name: [float(value)]}
    print(f"{line.before}{int(time.time() * 1000)}{line.after},{_json(own)[1:]}")


@dataclass(frozen=True, slots=True)
class _Line:
    """A metric's line, as JSON: what stands before its instant, and after that, without the last brace."""

    before: str
    after: str
    keys: frozenset[str]


@lru_cache(maxsize=256)
def _line(name: str, unit: str, *parts: tuple[tuple[str, str], ...]) -> _Line | None:
    """Return what Powertools makes of a metric, but for its instant and its value: the same for a metric each time.

    Making it anew takes an eighth of a refresh. It is None where the environment has metrics off.
    """
    if is_metrics_disabled():
        return None
    metric = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service=_SERVICE)
    metric.add_metric(name, unit, 0)
    for part in parts:  # an alarm takes exact dimensions and adds nothing up: hence the part beside the total
        metric.add_dimensions(**{DEPLOYMENT: _SERVICE}, **{each: _value(text) for each, text in part})
    document: dict[str, Any] = {**metric.serialize_metric_set()}
    del document[name]
    document["_aws"] = {**document["_aws"], "Timestamp": _INSTANT}
    before, after = _json(document).split(_json(_INSTANT))
    return _Line(before, after.removesuffix("}"), frozenset(document))


def _value(text: str) -> str:
    """Return `text` as CloudWatch takes a dimension's value: ASCII, and not empty."""
    return text.encode("ascii", "backslashreplace").decode("ascii").strip() or "-"
