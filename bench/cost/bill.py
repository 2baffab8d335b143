"""From requests to dollars. Pure: prices and assumptions are arguments, and nothing is measured here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.cost.traffic import Hit

Prices = Mapping[str, float]
GB = 1e9
HOURS = 730
"""Of a month."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What can't be measured without an account, and so is assumed."""

    waiting_ms: Mapping[str, float]
    """For the answer to one network call, by service."""
    platform_log_bytes: int
    """What Lambda logs of an invocation by itself."""
    access_log_bytes: int
    """What API Gateway logs of a request."""


ASSUMED = Assumptions({"dynamodb": 4.0, "kms": 6.0, "secret": 10.0}, platform_log_bytes=600, access_log_bytes=330)


def dollars(
    hits: Iterable[Hit], memory_mb: Mapping[str, int], prices: Prices, assumed: Assumptions
) -> dict[str, float]:
    """Return what `hits` cost, by what is paid for; `memory_mb` is by function."""
    parts = dict.fromkeys(("API Gateway", "Lambda", "DynamoDB", "KMS and secrets", "logs", "transfer"), 0.0)
    for one in hits:
        parts["API Gateway"] += prices["http_api_request"]
        seconds = billed_ms(one, assumed) / 1000
        gigabytes = memory_mb[one.function] / 1024
        parts["Lambda"] += prices["lambda_request"] + seconds * gigabytes * prices["lambda_gb_second_arm64"]
        for kind, count in one.calls.items():
            parts["DynamoDB" if kind.startswith("dynamodb") else "KMS and secrets"] += count * prices[kind]
        logged = one.log_bytes + assumed.platform_log_bytes + assumed.access_log_bytes
        parts["logs"] += logged / GB * prices["log_gb"]
        parts["transfer"] += one.out_bytes / GB * prices["transfer_gb"]
    return parts


def billed_ms(one: Hit, assumed: Assumptions) -> int:
    """Return for how long a function is billed: it waits for its calls one after the other."""
    waiting = sum(assumed.waiting_ms[service] for service in _calls(one))
    return math.ceil(one.cpu_ms + waiting)


def _calls(one: Hit) -> Iterable[str]:
    """Yield the service of each network call; the units of a batch, and those of a write with its index, are one."""
    for kind, count in one.calls.items():
        service = kind.partition("_")[0]
        together = kind == "dynamodb_read_unit" or (kind == "dynamodb_write_unit" and one.function == "Authorize")
        yield from (service for _ in range(1 if together else count))


def at_rest(prices: Prices, *, alarm_metrics: int, metrics: int) -> dict[str, float]:
    """Return what a month costs in which nobody logs in."""
    runs = HOURS * 6  # every ten minutes
    return {
        "the key ring's secret": prices["secret_month"],
        "the KMS key": prices["kms_key_month"],
        f"{alarm_metrics} metrics that alarms watch": alarm_metrics * prices["alarm_month"],
        "the dashboard": prices["dashboard_month"],
        f"{metrics} metrics of the rotation": metrics * prices["metric_month"],
        f"{runs:,} runs of the rotation": runs
        * (
            prices["schedule_invocation"]
            + prices["lambda_request"]
            + 0.2 * 0.5 * prices["lambda_gb_second_arm64"]  # 0.2 s at 512 MB
            + 2 * prices["secret_request"]
            + 2 * prices["kms_request"]
            + 2000 / GB * prices["log_gb"]
        ),
    }


def always_on_dex(prices: Prices) -> dict[str, float]:
    """Return what a month of a smallest Dex that survives the loss of a zone costs: two tasks and a database."""
    task = 0.25 * prices["fargate_vcpu_hour_arm64"] + 0.5 * prices["fargate_gb_hour_arm64"]
    return {
        "two Fargate tasks, 0.25 vCPU and 0.5 GB each": 2 * HOURS * task,
        "their public addresses": 2 * HOURS * prices["public_ipv4_hour"],
        "PostgreSQL, db.t4g.micro in two zones, 20 GB": HOURS * prices["postgres_t4g_micro_hour_multi_az"]
        + 20 * prices["postgres_gp3_gb_month_multi_az"],
        "a load balancer, at rest": HOURS * (prices["load_balancer_hour"] + 2 * prices["public_ipv4_hour"]),
    }


def cognito(users: int, prices: Mapping[str, float]) -> float:
    """Return what a month of `users` active users costs in Cognito's Essentials plan, local users."""
    return max(0.0, users - prices["free_users"]) * prices["essentials_user"]
