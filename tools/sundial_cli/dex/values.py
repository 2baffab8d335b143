"""Values as Go's encoders and the databases write them. What is wrong with one is said without quoting it."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sundial_cli.dex.records import ExportError

NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time."""
_FRACTION = re.compile(r"\.\d+")
_OFFSET = re.compile(r"([+-]\d\d)$")
_ZONE_NAME = re.compile(r" [A-Z]{2,5}$| m=\S+$")
_HEX = re.compile(r"\\x([0-9a-fA-F]*)")
_TRUE, _FALSE = frozenset({"t", "true", "1"}), frozenset({"f", "false", "0", ""})


def text(value: Any) -> str:
    """Return a text column or field; nothing for NULL."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if not isinstance(value, str):
        raise ExportError(f"a text was expected, and not {type(value).__name__}")
    return value


def flag(value: Any, *, unset: bool = False) -> bool:
    """Return a boolean, as JSON, SQLite or CSV have it; `unset` for NULL."""
    if value is None:
        return unset
    if isinstance(value, bool | int):
        return bool(value)
    word = text(value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False if word else unset
    raise ExportError("a boolean was expected in it")


def base64_bytes(value: Any) -> bytes:
    """Return a []byte as Go's JSON has it: base64."""
    try:
        return b64decode(text(value), validate=True)
    except (binascii.Error, ValueError):
        raise ExportError("base64 was expected, as Go's JSON has bytes") from None


def column_bytes(value: Any) -> bytes:
    """Return a bytea or blob column: as it is, or as PostgreSQL writes it (`\\x5b5d`)."""
    if isinstance(value, bytes):
        return value
    written = text(value)
    match = _HEX.fullmatch(written)
    return bytes.fromhex(match[1]) if match else written.encode("utf-8")


def column_json(value: Any) -> Any:
    """Return what a column of JSON in bytes holds (Dex: storage/sql/crud.go, `encoder`); None for NULL."""
    if value is None or isinstance(value, list | dict):
        return value
    raw = column_bytes(value)
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        raise ExportError("JSON was expected in a column of bytes") from None


def texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts; nothing for null."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ExportError("a list of texts was expected")
    return tuple(value)


def instant(value: Any) -> int:
    """Return the epoch seconds of a time as Go's JSON, SQLite, PostgreSQL or MySQL write it; 0 for Go's zero time."""
    written = _ZONE_NAME.sub("", text(value).strip())
    written = _OFFSET.sub(r"\1:00", _FRACTION.sub("", written).replace("Z", "+00:00"))
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise ExportError("a time was expected in it") from None
    return max(0, int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()))


def required(row: Mapping[str, Any], key: str) -> str:
    """Return a text that has to be there."""
    found = text(row.get(key))
    if not found:
        raise ExportError(f"{key} is missing")
    return found
