"""What a measurement comes to: rows of one table, with medians, spreads, ratios and goals."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row's ratio, or its value where it has none, should reach."""

    limit: float
    at_least: bool = False

    def reached_by(self, value: float) -> bool:
        """Return whether `value` reaches it."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a median of many rounds, and half the distance between their quartiles."""

    name: str
    value: float
    unit: str
    spread: float = 0.0
    beside: str = ""
    """What the ratio is to."""
    ratio: float | None = None
    goal: Goal | None = None
    more: Mapping[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`reached`, `missed by …`, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        reached = self.value if self.ratio is None else self.ratio
        if self.goal.reached_by(reached):
            return "reached"
        return f"missed by {abs(reached - self.goal.limit):.2f}"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the bench: its rows, and what it could not measure here and why."""

    name: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def row_of(
    name: str,
    rounds: Sequence[float],
    unit: str,
    *,
    beside: str = "",
    floor: Sequence[float] = (),
    goal: Goal | None = None,
    **more: float,
) -> Row:
    """Return the row of `rounds`; the ratio is that of the medians, to the rounds of what stands `beside`."""
    ratio = statistics.median(rounds) / statistics.median(floor) if floor else None
    return Row(name, statistics.median(rounds), unit, spread(rounds), beside, ratio, goal, more)


def spread(rounds: Sequence[float]) -> float:
    """Return half the distance between the quartiles."""
    if len(rounds) < 3:
        return 0.0
    lower, _, upper = statistics.quantiles(rounds, n=4)
    return (upper - lower) / 2


def cpu_rounds(calls: Mapping[str, Callable[[], object]], rounds: int, a_round: float = 0.03) -> dict[str, list[float]]:
    """Return CPU milliseconds of each call, a round after the other in turn: what disturbs one disturbs all.

    `a_round` is about how many seconds of CPU time one round of one call takes.
    """
    repeats = {name: _repeats(call, a_round) for name, call in calls.items()}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.process_time()
            for _ in range(repeats[name]):
                call()
            taken[name].append((time.process_time() - started) / repeats[name] * 1000)
    return taken


def _repeats(call: Callable[[], object], a_round: float) -> int:
    for _ in range(3):
        call()
    started = time.process_time()
    call()
    return max(1, int(a_round / max(time.process_time() - started, 1e-6)))


def table(part: Part) -> str:
    """Return a part as a table in Markdown."""
    lines = [f"### {part.title}", ""]
    if part.rows:
        lines += ["| what | median | ± | beside | ratio | goal | |", "| --- | ---: | ---: | --- | ---: | --- | --- |"]
    for row in part.rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        goal = "" if row.goal is None else str(row.goal)
        unit = f" {row.unit}" if row.unit else ""
        lines.append(
            f"| {row.name} | {_number(row.value)}{unit} | {_number(row.spread) if row.spread else ''} "
            f"| {row.beside} | {ratio} | {goal} | {row.verdict} |"
        )
    return "\n".join([*lines, *(f"\n{note}" for note in part.notes)])


def keep(part: Part) -> None:
    """Write a part to results/, beside what it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": machine(), **asdict(part)}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (RESULTS / f"{part.name}.json").write_text(f"{text}\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Return what this was measured on."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    return {
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
