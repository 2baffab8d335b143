"""SVG plots of what is under bench/results, into docs/images: docs/performance.md shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

from bench.measure import RESULTS

PLOTS = Path(__file__).parent.parent / "docs" / "images"
_STYLE = Style(
    background="white",
    plot_background="white",
    font_family="sans-serif",
    label_font_size=12,
    major_label_font_size=12,
    title_font_size=15,
    legend_font_size=12,
    colors=("#0b5fa5", "#e08a1e", "#6f6f6f", "#2f8f4e"),
)


def draw() -> None:
    """Draw each plot whose part has been measured."""
    for name, plot in (("warm", _warm), ("cold", _cold), ("peers", _peers)):
        path = RESULTS / f"{name}.json"
        if path.exists():
            rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
            if rows:
                plot(rows).render_to_file(str(PLOTS / f"performance-{name}.svg"))


def _warm(rows: Sequence[Mapping[str, Any]]) -> Any:
    """CPU time of each request, and of its floor."""
    shown = [row for row in rows if row["ratio"] and row["name"].endswith("(ES256)") and "provider" not in row["name"]]
    chart = _bars("CPU milliseconds a request (ES256)")
    chart.x_labels = [row["name"].removesuffix(" (ES256)") for row in shown]
    chart.add("the request", [round(row["value"], 2) for row in shown])
    chart.add("its floor", [round(row["value"] / row["ratio"], 2) for row in shown])
    return chart


def _cold(rows: Sequence[Mapping[str, Any]]) -> Any:
    """CPU time until a function waits for its first request."""
    shown = [row for row in rows if row["name"].endswith(": init, CPU (one core)")]
    chart = _bars("CPU milliseconds of a cold start, until the first request is asked for")
    chart.x_labels = [row["name"].partition(":")[0] for row in shown]
    chart.add("CPU", [round(row["value"]) for row in shown])
    chart.show_legend = False
    return chart


def _peers(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Refreshes a second of the server's CPU time, over 8 connections."""
    of: dict[str, dict[str, float]] = {}
    for row in rows:
        found = re.fullmatch(r"refresh, (.+) \((\w+), 8 connections\)", row["name"])
        if found:
            of.setdefault(found[2], {})[found[1]] = row["value"]
    chart = _bars("Refreshes a second of CPU time, 8 connections")
    chart.x_labels = list(next(iter(of.values())))
    for alg, rates in of.items():
        chart.add(alg, [round(rate) for rate in rates.values()])
    return chart


def _bars(title: str) -> Any:
    chart = pygal.HorizontalBar(
        title=title,
        style=_STYLE,
        js=(),  # a plot of the documentation fetches nothing
        print_values=True,
        print_values_position="top",
        truncate_label=60,
        legend_at_bottom=True,
        width=900,
        height=520,
        disable_xml_declaration=False,
    )
    chart.config.css = ["file://style.css", "file://graph.css"]
    return chart
