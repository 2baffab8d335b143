"""Exports of a deployment that Dex's own storages kept (recorded_by_dex): each is read, and as the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sundial.expiry.family import Claims
from sundial_cli.dex.exports import read_exports
from sundial_cli.dex.records import DexBlock, DexClient, DexPassword, DexRefreshToken, DexSession, Export

RECORDED = Path(__file__).parent / "recorded_by_dex"
BEGAN, USED = 1_795_597_200, 1_795_600_800  # 2026-11-25, 09:00 and 10:00 UTC
MOST = frozenset({"openid", "email", "profile", "groups", "offline_access"})

EXPECTED = Export(
    passwords=(
        DexPassword(
            "kilgore@kilgore.trout",
            "foo_id",
            b"$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W",
            "kilgore",
        ),
    ),
    clients=(
        DexClient(
            "grafana",
            "a-client-secret",
            {
                "name": "Grafana",
                "logoURL": "https://grafana.example.com/logo.png",
                "redirectURIs": ["https://grafana.example.com/login/generic_oauth"],
                "trustedPeers": ["cli"],
            },
        ),
        DexClient(
            "cli", "", {"name": "The command line", "public": True, "redirectURIs": ["http://127.0.0.1/callback"]}
        ),
    ),
    refresh_tokens=(
        DexRefreshToken(
            id="xbsxfbikrcsnzbsl5hpbfhqyg",
            token="the-token-of-grafana",
            obsolete_token="the-token-before",
            client_id="grafana",
            connector_id="github",
            claims=Claims("4711", "Kilgore Trout", "kilgore", "kilgore@example.com", True, ("acme", "acme:writers")),
            scopes=MOST,
            created_at=BEGAN,
            last_used_at=USED,
            nonce="n-0S6_WzA2Mj",
            connector_data=b'{"accessToken":"gho_of-the-session"}',  # the session's: a login of one has the same
        ),
        DexRefreshToken(
            id="k5bcomnoua5neuahyww42lnmz",
            token="the-token-of-the-command-line",
            obsolete_token="",
            client_id="cli",
            connector_id="local",
            claims=Claims("foo_id", "kilgore", "", "kilgore@kilgore.trout", True),
            scopes=frozenset({"openid", "email"}),
            created_at=BEGAN,
            last_used_at=BEGAN,
            nonce="",
            connector_data=b'{"of":"the token"}',
        ),
    ),
    sessions=(
        DexSession("4711", "github", b'{"accessToken":"gho_of-the-session"}'),
        DexSession("foo_id", "local", b""),
    ),
    connectors=("github",),
    blocks=(DexBlock("4712", "github", "", until=4_951_270_800),),  # 2126
)


def _kubernetes(_folder: Path) -> list[Path]:
    return [RECORDED / "kubernetes.json"]


def _postgres(_folder: Path) -> list[Path]:
    return sorted(RECORDED.glob("*.csv"))


def _sqlite(folder: Path) -> list[Path]:
    with closing(sqlite3.connect(folder / "dex.db")) as database:
        database.executescript((RECORDED / "sqlite.sql").read_text("utf-8"))
    return [folder / "dex.db"]


@pytest.mark.parametrize("export", [_kubernetes, _postgres, _sqlite], ids=lambda one: one.__name__[1:])
def test_what_dexs_storage_has_kept_is_read(export: Callable[[Path], list[Path]], tmp_path: Path) -> None:
    assert read_exports(export(tmp_path)) == EXPECTED
