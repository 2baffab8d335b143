"""Exports of Dex's storage: the same users, clients and logins, whichever way they were kept and written down."""

from __future__ import annotations

import csv
import json
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sundial.expiry.family import Claims
from sundial_cli.dex.exports import read_exports
from sundial_cli.dex.records import DexBlock, DexClient, DexPassword, DexRefreshToken, DexSession, Export, ExportError
from sundial_cli.dex.values import flag, instant
from tests.support.dex import CURRENT, OBSOLETE, REFRESH_ID
from tests.support.families import LOGIN_AT

HASH = b"$2a$10$a/.bMp1Rk5/b.k9TZg25c.u1DvvF4n3ojRq9iMMynH5PF2sNuwWeG"
KEPT = b'{"accessToken":"gho_1","refreshToken":""}'

EXPECTED = Export(
    passwords=(
        DexPassword("jane@example.com", "2c4b", HASH, "jane", "Jane Doe", "jd", False, ("dev", "ops")),
        DexPassword("joe@example.com", "77aa", HASH, "joe"),
    ),
    clients=(
        DexClient(
            "notes",
            "a-secret",
            {
                "name": "Notes",
                "logoURL": "https://notes.example.com/logo.png",
                "redirectURIs": ["https://notes.example.com/callback"],
                "trustedPeers": ["other"],
            },
        ),
        DexClient("cli", "", {"name": "CLI", "public": True}),
    ),
    refresh_tokens=(
        DexRefreshToken(
            id=REFRESH_ID,
            token=CURRENT,
            obsolete_token=OBSOLETE,
            client_id="notes",
            connector_id="github",
            claims=Claims("583231", "Jane Doe", "jane", "jane@example.com", True, ("dev",)),
            scopes=frozenset({"openid", "offline_access"}),
            created_at=LOGIN_AT - 86400,
            last_used_at=LOGIN_AT,
            nonce="n-1",
            connector_data=KEPT,
        ),
    ),
    sessions=(DexSession("583231", "github", KEPT),),
    connectors=("github",),
    blocks=(DexBlock("99", "github", "eve@example.com", LOGIN_AT + 86400), DexBlock("583231", "github", "", 0)),
)

# What Dex's tables hold of it (storage/sql/migrate.go), booleans and bytes as SQLite has them.
ROWS: Mapping[str, list[dict[str, Any]]] = {
    "password": [
        {
            "email": "jane@example.com",
            "hash": HASH,
            "username": "jane",
            "user_id": "2c4b",
            "preferred_username": "jd",
            "groups": b'["dev","ops"]',
            "name": "Jane Doe",
            "email_verified": 0,
        },
        {
            "email": "joe@example.com",
            "hash": HASH,
            "username": "joe",
            "user_id": "77aa",
            "preferred_username": "",
            "groups": b"[]",
            "name": "",
            "email_verified": None,
        },
    ],
    "client": [
        {
            "id": "notes",
            "secret": "a-secret",
            "redirect_uris": b'["https://notes.example.com/callback"]',
            "trusted_peers": b'["other"]',
            "public": 0,
            "name": "Notes",
            "logo_url": "https://notes.example.com/logo.png",
            "allowed_connectors": None,
        },
        {
            "id": "cli",
            "secret": "",
            "redirect_uris": b"null",
            "trusted_peers": b"null",
            "public": 1,
            "name": "CLI",
            "logo_url": "",
            "allowed_connectors": b"null",
        },
    ],
    "refresh_token": [
        {
            "id": REFRESH_ID,
            "client_id": "notes",
            "scopes": b'["openid","offline_access"]',
            "nonce": "n-1",
            "claims_user_id": "583231",
            "claims_username": "Jane Doe",
            "claims_email": "jane@example.com",
            "claims_email_verified": 1,
            "claims_groups": b'["dev"]',
            "connector_id": "github",
            "connector_data": None,
            "token": CURRENT,
            "created_at": "2027-01-14 08:00:00.123456789+00:00",
            "last_used": "2027-01-15 08:00:00+00:00",
            "claims_preferred_username": "jane",
            "obsolete_token": OBSOLETE,
        }
    ],
    "offline_session": [{"user_id": "583231", "conn_id": "github", "refresh": b"{}", "connector_data": KEPT}],
    "connector": [
        {
            "id": "github",
            "type": "github",
            "name": "GitHub",
            "resource_version": "1",
            "config": b"{}",
            "grant_types": None,
        }
    ],
    "user_identity": [
        {
            "user_id": "99",
            "connector_id": "github",
            "claims_email": "eve@example.com",
            "blocked_until": "2027-01-16 08:00:00+00:00",
        },
        {
            "user_id": "583231",
            "connector_id": "github",
            "claims_email": "",
            "blocked_until": "0001-01-01 00:00:00+00:00",
        },
    ],
    "migrations": [{"num": 1, "at": "2027-01-01 00:00:00+00:00"}],
}
NEWER_NAMES = {
    "password": "passwords",
    "client": "oauth2clients",
    "refresh_token": "refresh_tokens",
    "offline_session": "offline_sessions",
    "connector": "connectors",
    "user_identity": "user_identities",
}


def sqlite_file(folder: Path, names: Mapping[str, str] | None = None) -> list[Path]:
    path = folder / "dex.db"
    with closing(sqlite3.connect(path)) as connection:
        for table, rows in ROWS.items():
            name = (names or {}).get(table, table)
            columns = ", ".join(f'"{column}"' for column in rows[0])
            connection.execute(f"CREATE TABLE {name} ({columns})")
            places = ", ".join("?" for _ in rows[0])
            insert = f"INSERT INTO {name} VALUES ({places})"  # noqa: S608
            connection.executemany(insert, [tuple(row.values()) for row in rows])
        connection.commit()
    return [path]


def newer_sqlite_file(folder: Path) -> list[Path]:
    return sqlite_file(folder, NEWER_NAMES)


def as_postgres(value: Any, column: str, *, json_too: bool) -> Any:
    """Return a value as psql's CSV, or row_to_json, has it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if column in ("public", "email_verified", "claims_email_verified") and value is not None:
        return bool(value) if json_too else "t" if value else "f"
    if column in ("created_at", "last_used", "blocked_until"):
        return value.replace(" ", "T") if json_too else value.replace("+00:00", "+00")
    return "" if value is None and not json_too else value


def csv_files(folder: Path) -> list[Path]:
    paths = []
    for table, rows in ROWS.items():
        if table == "migrations":
            continue
        paths.append(folder / f"{table}.csv")
        with paths[-1].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(
                {key: as_postgres(value, key, json_too=False) for key, value in row.items()} for row in rows
            )
    return paths


def json_lines_files(folder: Path) -> list[Path]:
    paths = []
    for table, rows in ROWS.items():
        if table == "migrations":
            continue
        paths.append(folder / f"{table}.json")
        written = [{key: as_postgres(value, key, json_too=True) for key, value in row.items()} for row in rows]
        paths[-1].write_text("".join(f"{json.dumps(row)}\n" for row in written), "utf-8")
    return paths


def coded(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def resource(kind: str, name: str, /, **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "dex.coreos.com/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "dex", "resourceVersion": "7"},
        **fields,
    }


RESOURCES = [
    resource(
        "Password",
        "nfxgkztj4xrslhee",
        email="jane@example.com",
        hash=coded(HASH),
        username="jane",
        name="Jane Doe",
        preferredUsername="jd",
        emailVerified=False,
        userID="2c4b",
        groups=["dev", "ops"],
    ),
    resource("Password", "abc", email="joe@example.com", hash=coded(HASH), username="joe", userID="77aa"),
    resource(
        "OAuth2Client",
        "nzxxizltzpzjzzeeeirsk",
        id="notes",
        secret="a-secret",
        redirectURIs=["https://notes.example.com/callback"],
        trustedPeers=["other"],
        public=False,
        name="Notes",
        logoURL="https://notes.example.com/logo.png",
        ssoSharedWith=None,
    ),
    resource("OAuth2Client", "mnwgs", id="cli", public=True, name="CLI"),
    resource(
        "RefreshToken",
        REFRESH_ID,
        CreatedAt="2027-01-14T08:00:00.123456789Z",
        LastUsed="2027-01-15T08:00:00Z",
        clientID="notes",
        scopes=["openid", "offline_access"],
        token=CURRENT,
        obsoleteToken=OBSOLETE,
        nonce="n-1",
        claims={
            "userID": "583231",
            "username": "Jane Doe",
            "preferredUsername": "jane",
            "email": "jane@example.com",
            "emailVerified": True,
            "groups": ["dev"],
        },
        connectorID="github",
    ),
    resource(
        "OfflineSessions",
        "gu4dgmrtge",
        userID="583231",
        connID="github",
        refresh={"notes": {"ID": REFRESH_ID, "ClientID": "notes"}},
        connectorData=coded(KEPT),
    ),
    resource("Connector", "github", id="github", type="github", name="GitHub", config=coded(b"{}")),
    resource(
        "UserIdentity",
        "abc",
        userID="99",
        connectorID="github",
        claims={"email": "eve@example.com"},
        blockedUntil="2027-01-16T08:00:00Z",
    ),
    resource("UserIdentity", "abd", userID="583231", connectorID="github", blockedUntil="0001-01-01T00:00:00Z"),
    resource("SigningKey", "openid-connect-keys", nextRotation="2027-01-15T08:00:00Z"),
]


def kubectl_file(folder: Path) -> list[Path]:
    path = folder / "dex.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": RESOURCES}), "utf-8")
    return [path]


def typed_lists(folder: Path) -> list[Path]:
    """One file a kind, as `kubectl get --raw` prints them, without a kind in each item."""
    paths = []
    for kind in dict.fromkeys(one["kind"] for one in RESOURCES):
        paths.append(folder / f"{kind}.json")
        items = [
            {key: value for key, value in one.items() if key != "kind"} for one in RESOURCES if one["kind"] == kind
        ]
        document = {"apiVersion": "dex.coreos.com/v1", "kind": f"{kind}List", "items": items}
        paths[-1].write_text(json.dumps(document), "utf-8")
    return paths


@pytest.mark.parametrize(
    "write", [kubectl_file, typed_lists, sqlite_file, newer_sqlite_file, csv_files, json_lines_files]
)
def test_every_way_to_write_it_down_is_read_as_the_same(write: Callable[[Path], list[Path]], tmp_path: Path) -> None:
    assert read_exports(write(tmp_path)) == EXPECTED


def test_nothing_secret_is_in_a_repr() -> None:
    text = repr(EXPECTED)
    for secret in (CURRENT, OBSOLETE, "gho_1", "a-secret", HASH.decode()):
        assert secret not in text


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2027-01-15T08:00:00Z", LOGIN_AT),
        ("2027-01-15T09:00:00.5+01:00", LOGIN_AT),
        ("2027-01-15 08:00:00+00", LOGIN_AT),
        ("2027-01-15 08:00:00.000", LOGIN_AT),
        ("2027-01-15 08:00:00.123456789 +0000 UTC", LOGIN_AT),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_times_are_read_as_each_database_writes_them(written: str, at: int) -> None:
    assert instant(written) == at


def test_booleans_are_read_as_each_database_writes_them() -> None:
    assert [flag(value, unset=True) for value in (True, 1, "t", "true", None, "")] == [True] * 6
    assert [flag(value) for value in (False, 0, "f", "false", None, "")] == [False] * 6


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("dex.json", "{", "kubectl get"),
        ("dex.json", '["text"]', "kubectl get"),
        ("users.csv", "email\n", "kubectl get"),
        ("password.csv", "email\njane@example.com\n", "table password, row 1: user_id is missing"),
        ("password.json", '{"email": "j@example.com", "user_id": "1", "groups": "{"}', "row 1: JSON was expected"),
        (
            "refresh_token.csv",
            "id,client_id,connector_id,claims_user_id,created_at\na,b,c,d,today\n",
            "row 1: a time was expected",
        ),
        (
            "dex.json",
            json.dumps(resource("Password", "x", email="j@example.com", userID="1", hash="$2a$")),
            "Password x: base64 was expected",
        ),
        ("dex.db", "SQLite format 3\0", "SQLite can't read it"),
    ],
)
def test_what_can_not_be_read_is_said_with_its_place(name: str, content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ExportError) as error:
        read_exports([tmp_path / name])
    assert says in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_a_database_of_something_else_is_none_of_dexs(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE other (id)")
    with pytest.raises(ExportError, match=r"no table of Dex's"):
        read_exports([tmp_path / "other.db"])
