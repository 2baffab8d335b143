"""Exporting what Dex keeps in PostgreSQL: the files that psql writes by the page's command are what is imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sundial_cli.dex.exports import read_exports
from tests.cli.test_dex_exports import EXPECTED, ROWS
from tests.cli.test_import_dex import TEXT
from tests.support.families import LOGIN_AT
from tests.support.operator import MakeOperator
from tests.support.pages import every_command
from tests.support.postgres import needs_postgres, postgres
from tests.support.shell import typed

BOOLEANS = ("public", "email_verified", "claims_email_verified")
TIMES = ("created_at", "last_used", "last_login", "blocked_until", "at")
BYTES = (
    *("redirect_uris", "trusted_peers", "allowed_connectors", "post_logout_redirect_uris", "scopes", "claims_groups"),
    *("connector_data", "hash", "groups", "refresh", "config", "grant_types", "consents", "mfa_secrets"),
)
"""Of which type each column is at Dex (storage/sql/migrate.go); all others are text."""
NEWER: Mapping[str, Mapping[str, Any]] = {
    "client": {"post_logout_redirect_uris": None, "refresh_token_lifetime": ""},
    "user_identity": {"claims_groups": b"[]", "consents": b"{}", "last_login": "2027-01-15 08:00:00+00:00"},
}
"""Columns that a newer Dex has beside those of ROWS."""

pytestmark = needs_postgres


def type_of(column: str) -> str:
    if column in BYTES:
        return "bytea"
    return "boolean" if column in BOOLEANS else "timestamptz" if column in TIMES else "text"


def literal(value: Any, column: str) -> str:
    if value is None:
        return "NULL"
    text = f"\\x{value.hex()}" if isinstance(value, bytes) else str(bool(value) if column in BOOLEANS else value)
    return "'" + text.replace("'", "''") + "'"


def tables() -> str:
    """Return what makes Dex's tables, with what it keeps, in PostgreSQL's SQL."""
    lines = []
    for table, older in ROWS.items():
        rows = [{**row, **NEWER.get(table, {})} for row in older]
        columns = ", ".join(f'"{column}" {type_of(column)}' for column in rows[0])
        lines.append(f"CREATE TABLE {table} ({columns});")
        for row in rows:
            values = ", ".join(literal(value, column) for column, value in row.items())
            lines.append(f"INSERT INTO {table} VALUES ({values});")  # noqa: S608 (the tests' own)
    return "\n".join(lines)


@pytest.fixture
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What the page's command writes."""
    folder = tmp_path_factory.mktemp("dex")
    with every_command("docs/migrating-from-dex.md", "for table in ") as (command,), postgres() as database:
        (folder / "dex.sql").write_text(tables(), "utf-8")
        typed('psql "$DEX_DATABASE" --quiet --set ON_ERROR_STOP=1 --file dex.sql', folder, DEX_DATABASE=database)
        assert "ERROR" not in typed(command, folder, DEX_DATABASE=database)
    return sorted(folder.glob("*.csv"))


def test_what_psql_writes_is_imported(files: list[Path], make_operator: MakeOperator) -> None:
    assert [path.stem for path in files] == sorted(table for table in ROWS if table != "migrations")
    assert read_exports(files) == EXPECTED
    sundial = make_operator(TEXT)
    sundial.now = LOGIN_AT + 48 * 3600  # when nobody is blocked any more
    imported = sundial(f"import-dex storage {' '.join(map(str, files))}")
    assert "users: 2 imported\nclients: 2 imported\nlogins: 1 imported\n" in imported.out, imported.err
