"""What Sundial says of itself: structured log lines and CloudWatch metrics (EMF), with no secret in either.

Only Powertools' Logger and Metrics are used: its Tracer and its `parameters` and `idempotency`
utilities cost more import time than all the rest of the token path.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Sundial"

logger = Logger(service="sundial", utc=True)


def count(name: str, **dimensions: str) -> None:
    """Add one to the CloudWatch metric `name`, with exactly these `dimensions` (no token, no user, no secret)."""
    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
        for dimension, value in dimensions.items():
            metric.add_dimension(name=dimension, value=value)


def gauge(name: str, seconds: float, **dimensions: str) -> None:
    """Report a duration in seconds as the CloudWatch metric `name`."""
    with single_metric(name=name, unit=MetricUnit.Seconds, value=seconds, namespace=NAMESPACE) as metric:
        for dimension, value in dimensions.items():
            metric.add_dimension(name=dimension, value=value)
