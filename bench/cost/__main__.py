"""`make cost`: what Sundial costs, into docs/cost.md, from measured calls, times and sizes and from prices.json."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cost.bill import ASSUMED, always_on_dex, at_rest, billed_ms, cognito, dollars
from bench.cost.traffic import Hit, item_bytes, measured
from bench.world import CREDENTIALS
from sundial_local.intrinsics import load_yaml
from sundial_local.paths import ROOT, TEMPLATE

PAGE = ROOT / "docs" / "cost.md"
PRICES = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
AWS = {name: one["price"] for name, one in PRICES["aws"].items()}
MILLION = 1_000_000
USERS = (1_000, 10_000, 100_000)
MONTH = {"login by password": 4, "refresh, rotate": 200, "userinfo": 4, "JWKS": 20}
"""What a person does in a month, and their applications for them."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the template says that costs something."""

    memory_mb: Mapping[str, int]
    alarm_metrics: int
    """Metrics that alarms watch: an alarm over several is charged for each."""


def deployed() -> Deployed:
    """Return the defaults of the template."""
    template: Any = load_yaml(TEMPLATE.read_text(encoding="utf-8"))
    memory = {
        name.removesuffix("MemorySize"): parameter["Default"]
        for name, parameter in template["Parameters"].items()
        if name.endswith("MemorySize")
    }
    alarms = [one for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    watched = sum(
        len([1 for one in alarm["Properties"].get("Metrics", ()) if "MetricStat" in one]) or 1 for alarm in alarms
    )
    return Deployed(memory, watched)


def tables(traffic: Mapping[str, tuple[Hit, ...]], stack: Deployed, item: int) -> Iterator[str]:
    """Yield the lines of what stands between the marks of docs/cost.md."""
    each = {name: dollars(hits, stack.memory_mb, AWS, ASSUMED) for name, hits in traffic.items()}
    parts = list(next(iter(each.values())))
    yield "### Dollars per million"
    yield ""
    yield f"| a million of | **in all** | requests | billed ms | {' | '.join(parts)} |"
    yield f"| --- | ---: | ---: | ---: |{' ---: |' * len(parts)}"
    for name, bill in each.items():
        hits = traffic[name]
        milliseconds = sum(billed_ms(one, ASSUMED) for one in hits)
        columns = " | ".join(f"{bill[part] * MILLION:,.2f}" for part in parts)
        total = sum(bill.values()) * MILLION
        yield f"| {name} | **{total:,.2f}** | {len(hits)} | {milliseconds} | {columns} |"
    metrics = len({metric for hits in traffic.values() for one in hits for metric in one.metrics})
    rest = at_rest(AWS, alarm_metrics=stack.alarm_metrics, metrics=3)
    yield from _sum("### A month in which nobody logs in", rest)
    stored = item * MILLION / 1e9 * (AWS["dynamodb_gb_month"] + AWS["dynamodb_backup_gb_month"])
    used = metrics * AWS["metric_month"]
    yield ""
    yield (
        f"Besides, once there is traffic: {metrics} custom metrics where all of the above happens, {used:.2f} a month;"
        f" and a million logins kept, of {item} bytes each, {stored:.2f} a month with their backup."
    )
    yield from _sum("### The smallest Dex that survives the loss of a zone, a month", always_on_dex(AWS))
    yield ""
    yield "### A month of a company"
    yield ""
    does = ", ".join(f"{count} of {name}" for name, count in MONTH.items())
    yield f"What a user does in a month, and applications for them: {does}."
    yield ""
    yield "| active users | Sundial | Cognito Essentials | Dex, always on |"
    yield "| ---: | ---: | ---: | ---: |"
    person = sum(count * sum(each[name].values()) for name, count in MONTH.items())
    for users in USERS:
        sundial = sum(rest.values()) + used + users * person
        others = f"{cognito(users, PRICES['cognito']):,.2f} | {sum(always_on_dex(AWS).values()):,.2f}"
        yield f"| {users:,} | {sundial:,.2f} | {others} |"


def _sum(title: str, parts: Mapping[str, float]) -> Iterator[str]:
    yield ""
    yield title
    yield ""
    yield "| what | dollars |"
    yield "| --- | ---: |"
    yield from (f"| {name} | {dollar:.2f} |" for name, dollar in parts.items())
    yield f"| **in all** | **{sum(parts.values()):.2f}** |"


def main() -> None:
    """Measure, and write the tables into the page."""
    os.environ |= CREDENTIALS
    text = "\n".join(tables(dict(measured()), deployed(), item_bytes()))
    print(text)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(between_the_marks(page, text), encoding="utf-8")


def between_the_marks(page: str, text: str) -> str:
    """Return the page with `text` where the tables stand."""
    marks = re.compile(r"(?<=<!-- made by `make cost` -->\n).*(?=<!-- end -->)", re.DOTALL)
    return marks.sub(lambda _: f"\n{text}\n\n", page)


if __name__ == "__main__":
    main()
