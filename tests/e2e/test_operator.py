"""What an operator adds while a local server runs: clients and users who log in, and are put out again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from authlib.integrations.base_client import OAuthError

from sundial_cli.main import main
from tests.support.local_server import BANNER_END, local_server
from tests.support.relying_party import RelyingParty

MakeParty = Callable[..., RelyingParty]
EMAIL, PASSWORD = "jane@example.com", "correct horse battery staple"


def test_a_client_and_a_user_that_an_operator_adds_log_in_and_end_with_a_new_password_and_with_the_client(
    tmp_path: Path,
    relying_party: MakeParty,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def sundial(*arguments: str, piped: str = "") -> dict[str, object]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{piped}\n"))
        capsys.readouterr()
        assert main([*arguments, "--json", "--state", str(tmp_path)]) == 0
        document: dict[str, object] = json.loads(capsys.readouterr().out)
        return document

    with local_server(tmp_path) as server:
        server.wait_for(BANNER_END)
        client = sundial("clients", "create", "notes", "--redirect-uri", "http://127.0.0.1:5556/callback")
        sundial("users", "create", EMAIL, "--name", "Jane Doe", "--cost", "10", piped=PASSWORD)
        monkeypatch.setattr("tests.support.relying_party.USER_PASSWORDS", {EMAIL: PASSWORD})
        redirect_uri = "http://127.0.0.1:5556/callback"
        party = relying_party(server.issuer, "notes", str(client["secret"]), redirect_uri)
        tokens = party.log_in()
        assert party.verified(party.refresh()["id_token"])["name"] == "Jane Doe"

        assert sundial("users", "set-password", EMAIL, "--cost", "10", "--yes", piped=PASSWORD[::-1])["revoked"] == 1
        with pytest.raises(OAuthError, match="invalid_grant"):
            party.refresh(tokens["refresh_token"])
        monkeypatch.setattr("tests.support.relying_party.USER_PASSWORDS", {EMAIL: PASSWORD[::-1]})
        tokens = party.log_in()

        assert sundial("clients", "delete", "notes", "--yes")["revoked"] == 1
        with pytest.raises(OAuthError, match="invalid_grant"):
            party.refresh(tokens["refresh_token"])
