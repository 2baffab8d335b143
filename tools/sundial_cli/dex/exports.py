"""The files of an export: custom resources in JSON, an SQLite database, tables in CSV or JSON."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sundial_cli.dex.kubernetes import is_kubernetes, read_objects
from sundial_cli.dex.records import Export, ExportError
from sundial_cli.dex.sql import TABLES, read_rows

_SQLITE = b"SQLite format 3\x00"
_LARGEST_CELL = 16 * 1024 * 1024
_EXPECTED = (
    "expected are what `kubectl get … -o json` prints, an SQLite file, or a table as TABLE.csv or TABLE.json, for the"
    f" tables {', '.join(TABLES)}"
)


def read_exports(paths: Sequence[Path]) -> Export:
    """Return what is in all of the files. Raises ExportError, which names the file, and OSError."""
    return Export.of(map(_named, paths)).completed()


def _named(path: Path) -> Export:
    try:
        return _read(path)
    except ExportError as error:
        raise ExportError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise ExportError(f"{path}: {_EXPECTED}") from None


def _read(path: Path) -> Export:
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:
            return _sqlite(path)
    if path.suffix.lower() == ".csv":
        return read_rows(_table(path), _csv(path))
    return _json(path)


def _table(path: Path) -> str:
    if path.stem.lower() not in TABLES:
        raise ExportError(_EXPECTED)
    return path.stem.lower()


def _sqlite(path: Path) -> Export:
    parts = []
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            names = [row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                if name in TABLES:  # so it is one of our own constants
                    rows = connection.execute(f"SELECT * FROM {name}")  # noqa: S608
                    parts.append(read_rows(name, (dict(row) for row in rows)))
        except sqlite3.Error as error:
            raise ExportError(f"SQLite can't read it: {error}") from None
    if not any(name in TABLES for name in names):
        raise ExportError("there is no table of Dex's in it")
    return Export.of(parts)


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_LARGEST_CELL)
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _json(path: Path) -> Export:
    """Return what a JSON document holds: kubectl's, a list of rows, or one row a line."""
    written = path.read_text(encoding="utf-8")
    try:
        document = json.loads(written)
    except ValueError:
        document = [_row(line) for line in written.splitlines() if line.strip()]
    if is_kubernetes(document):
        return read_objects(document)
    rows = document if isinstance(document, list) else [document]
    if rows and all(map(is_kubernetes, rows)):
        return Export.of(map(read_objects, rows))
    if not all(isinstance(row, dict) for row in rows):
        raise ExportError(_EXPECTED)
    return read_rows(_table(path), rows)


def _row(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise ExportError(f"it is no JSON; {_EXPECTED}") from None
