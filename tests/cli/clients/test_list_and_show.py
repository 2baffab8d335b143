"""`sundial clients list` and `show`: what there is, what hides it, and what no longer fits."""

from __future__ import annotations

import pytest

from tests.support.client_commands import TEXT, create
from tests.support.families import LOGIN_AT, REDIRECT_URI
from tests.support.operator import Operator


def test_the_list_has_the_clients_of_the_file_marked_read_only_and_those_of_the_table(sundial: Operator) -> None:
    create(sundial, options="--name 'The App' --redirect-uri https://app.example.com/callback")
    lines = sundial("clients list").out.splitlines()
    assert lines[0].split() == ["CLIENT", "NAME", "KIND", "KEPT", "IN", "REDIRECTS", "TO"]
    rows = [" ".join(line.split()) for line in lines[1:]]
    assert f"example-app example-app confidential file, read-only {REDIRECT_URI}" in rows
    assert "example-cli example-cli public file, read-only" in rows
    assert "app The App confidential table https://app.example.com/callback" in rows


def test_the_list_for_a_script_says_the_same(sundial: Operator) -> None:
    create(sundial)
    listed = {client["id"]: client for client in sundial("clients list --json").json["clients"]}
    static = listed["example-app"]
    assert (static["source"], static["read_only"]) == ("file", True)
    assert static["document"] == {"id": "example-app", "name": "example-app", "redirectURIs": [REDIRECT_URI]}
    assert listed["app"] == {
        "id": "app",
        "source": "table",
        "read_only": False,
        "document": {"id": "app", "redirectURIs": [REDIRECT_URI]},
        "hidden": False,
        "problems": [],
        "created_at": LOGIN_AT,
        "updated_at": LOGIN_AT,
        "former_secret_until": None,
    }


def test_a_client_that_the_file_came_to_hide_is_shown_as_that(sundial: Operator) -> None:
    create(sundial)
    sundial.deploy(TEXT.replace("id: another-app", "id: app"))
    assert "table, hidden by the file" in sundial("clients list").out
    assert "file, read-only" in sundial("clients show app").out


def test_a_client_that_no_longer_fits_is_shown_as_that_with_the_reason(sundial: Operator) -> None:
    assert sundial("clients create app --public --id-token-signed-response-alg ES256").status == 0
    sundial.deploy(TEXT.replace("[ES256]", "[RS256]"))
    assert "table, unusable" in sundial("clients list").out
    result = sundial("clients show app")
    assert "error: idTokenSignedResponseAlg: is not one of signing.algorithms" in result.err


def test_show_says_all_that_there_is_to_say(sundial: Operator) -> None:
    assert sundial("clients create app --public --reuse-interval 10s --name 'The App'").status == 0
    sundial.now += 3600
    fields = dict(line.strip().split("  ", 1) for line in sundial("clients show app").out.splitlines())
    assert {key: value.strip() for key, value in fields.items()} == {
        "kept in": "table",
        "kind": "public",
        "id": "app",
        "public": "true",
        "name": "The App",
        "expiry.refreshTokens.reuseInterval": "10s",
        "created": "2027-01-15 08:00:00Z (1 h ago)",
        "changed": "2027-01-15 08:00:00Z (1 h ago)",
    }


@pytest.mark.parametrize("command", ["show", "update --name x", "rotate-secret", "delete --yes"])
def test_a_client_that_nobody_knows_is_no_client(sundial: Operator, command: str) -> None:
    name, _, options = command.partition(" ")
    result = sundial(f"clients {name} nobody {options}")
    assert (result.status, result.err) == (1, "sundial: there is no client nobody\n")


@pytest.mark.parametrize("command", ["update --name x", "rotate-secret", "delete --yes"])
def test_a_client_of_the_file_is_read_only(sundial: Operator, command: str) -> None:
    name, _, options = command.partition(" ")
    result = sundial(f"clients {name} example-app {options}")
    assert result.status == 1
    assert "is a client of the configuration file, which wins: change it there, and deploy" in result.err


# what keeps a command from doing anything


def test_a_deployment_that_is_not_there_is_status_3(sundial: Operator) -> None:
    (sundial.folder / "environment").unlink()
    result = sundial("clients list")
    assert result.status == 3
    assert "start `make run` first" in result.err


def test_a_table_that_is_not_there_is_status_3(sundial: Operator) -> None:
    text = (sundial.folder / "environment").read_text("utf-8")
    table = sundial.stack.directory_table
    (sundial.folder / "environment").write_text(text.replace(table, "no-such-table"), encoding="utf-8")
    result = sundial("clients list")
    assert (result.status, "ResourceNotFoundException" in result.err) == (3, True)
