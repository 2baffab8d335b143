"""The tables of docs/performance.md, from what is under bench/results: `make bench ARGS=--page` writes them anew."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bench.measure import RESULTS, Goal, Part, Row, table

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_MARKED = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write() -> None:
    """Put each part that has been measured between its marks, and the goals of all of them first."""
    parts = {path.stem: _part(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(RESULTS.glob("*.json"))}
    page = PAGE.read_text(encoding="utf-8")

    def filled(match: re.Match[str]) -> str:
        name = match[2]
        if name == "goals":
            text = goals(parts)
        elif name in parts:
            text = table(parts[name]).partition("\n\n")[2]  # the page has headings of its own
        else:
            return match[0]
        return f"{match[1]}{text}\n{match[3]}"

    PAGE.write_text(_MARKED.sub(filled, page), encoding="utf-8")


def goals(parts: dict[str, Part]) -> str:
    """Return every row that has a goal, and what came of it."""
    lines = ["| part | what | | beside | goal | |", "| --- | --- | ---: | --- | --- | --- |"]
    for name, part in parts.items():
        for row in part.rows:
            if row.goal is not None:
                result = f"{row.value:.3g} {row.unit}" if row.ratio is None else f"{row.ratio:.2f}"
                lines.append(f"| {name} | {row.name} | {result} | {row.beside} | {row.goal} | {row.verdict} |")
    return "\n".join(lines)


def _part(document: dict[str, Any]) -> Part:
    rows = [Row(**{**row, "goal": Goal(**row["goal"]) if row["goal"] else None}) for row in document["rows"]]
    return Part(document["name"], document["title"], tuple(rows), tuple(document["notes"]))
