"""The files that Dex's own examples are the model of start as they stand, and people log in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sundial_local.paths import ROOT
from tests.support.local_server import BANNER_END, local_server, make_run, needs_proc
from tests.support.relying_party import RelyingParty

FILES = ROOT / "examples" / "dex"
SCOPE = "openid email profile groups offline_access"


@pytest.mark.skipif(
    shutil.which("make") is None
    or not all((ROOT / name / ".complete").exists() for name in (".venv-run", ".venv-ministack")),
    reason="needs make, and the environments of `make run` (`make test` makes them)",
)
def test_a_file_to_develop_with_is_served_by_make_run(
    tmp_path: Path, relying_party: Callable[..., RelyingParty]
) -> None:
    with make_run(tmp_path, PORT="0", CONFIG=str(FILES / "development.yaml")) as server:
        server.wait_for(BANNER_END)
        assert server.issuer.endswith("/dex")
        first, second = (line for line in server.printed if "is left out" in line)
        assert ("sessions" in first, "backchannelLogoutURI" in second) == (True, True)
        party = relying_party(server.issuer, scope=SCOPE)
        claims = party.verified(party.log_in(connector_id="local")["id_token"])
        assert (claims["email"], claims["groups"]) == ("admin@example.com", ["team", "team/admins"])
        assert party.verified(party.refresh()["id_token"])["sub"] == claims["sub"]
        mock = relying_party(server.issuer, scope=SCOPE)
        assert mock.verified(mock.log_in(connector_id="mock")["id_token"])["name"] == "Kilgore Trout"


@needs_proc
def test_a_manifest_for_a_cluster_is_served_behind_its_proxy(
    tmp_path: Path, relying_party: Callable[..., RelyingParty], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_CLIENT_ID", "an-app-of-github")
    monkeypatch.setenv("GITHUB_CLIENT_SECRET", "its secret, that is of no use")
    with local_server(tmp_path, "--config", str(FILES / "cluster.yaml")) as server:
        server.wait_for(BANNER_END)
        assert server.issuer == "https://dex.cluster.example.net:32000"
        here = f"http://127.0.0.1:{server.port}"
        party = relying_party(server.issuer, served_at=here)
        url, _ = party.session.create_authorization_url(f"{here}/auth", code_verifier="v" * 43, connector_id="github")
        away = party.browser.session.get(url, allow_redirects=False, timeout=30).headers["Location"]
        assert away.startswith("https://github.com/login/oauth/authorize?")
        assert "client_id=an-app-of-github&" in away
