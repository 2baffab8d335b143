"""Tables and lists for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sundial_cli.output import coloured, printable

_LONGEST_CELL = 48


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, dimmed: Sequence[bool] = ()) -> None:
    """Print `rows` under `columns`; those that are `dimmed` in grey. A cell that is too long is cut."""
    cut = [[_cut(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cut, strict=True)]
    print(_line(columns, widths))
    for index, row in enumerate(cut):
        line = _line(row, widths)
        print(coloured(line, "2", sys.stdout) if index < len(dimmed) and dimmed[index] else line)


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair a line; those without a value are left out."""
    stated = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in stated), default=0)
    for name, value in stated:
        print(f"  {name.ljust(width)}  {printable(value)}")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cut(cell: str) -> str:
    cell = printable(cell)
    return cell if len(cell) <= _LONGEST_CELL else f"{cell[: _LONGEST_CELL - 1]}…"
