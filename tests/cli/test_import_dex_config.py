"""`sundial import-dex config`: a Dex file made fit for a repository."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sundial.config.problems import Severity
from sundial.config.reader import compile_file
from sundial_cli.dex.configuration import NoDexFileError, convert
from sundial_cli.main import main
from sundial_local.paths import ROOT
from tests.support.config import MINIMAL, make_config, without_problems

DEX = """\
# Our Dex.
issuer: https://dex.example.com/dex

# where it keeps things
storage:
  type: postgres
  config:
    host: db
    password: hunter2

# the web
web:
  http: 0.0.0.0:5556
  headers: {X-Frame-Options: DENY}
  tlsCert: |
    abc

  allowedOrigins: ["*"]
telemetry: {http: 0.0.0.0:5558}

# clients
staticClients:
- id: example-app   # the app
  secret: ZXhhbXBs$ZQ  # not so secret
  name: App
  redirectURIs: ['http://127.0.0.1:5555/callback']
- {id: other, secret: "abc", name: Other, redirectURIs: [http://127.0.0.1/x]}
enablePasswordDB: true
grpc:
  addr: x
"""
CONVERTED = """\
# Our Dex.
issuer: https://dex.example.com/dex

# where it keeps things
# storage: was Dex's own; it means nothing here

# the web
web:
  # http: was Dex's own; it means nothing here
  headers: {X-Frame-Options: DENY}
  # tlsCert: was Dex's own; it means nothing here

  allowedOrigins: ["*"]
# telemetry: was Dex's own; it means nothing here

# clients
staticClients:
- id: example-app   # the app
  secretHash: "8f98d74bb26b9c297735531eb33aec36caffbc381642609365e6a4d12aac4c0e"  # not so secret
  name: App
  redirectURIs: ['http://127.0.0.1:5555/callback']
- {id: other, secretHash: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", name: Other, redirectURIs: [http://127.0.0.1/x]}
enablePasswordDB: true
# grpc: was Dex's own; it means nothing here

oauth2:
  grantTypes: [authorization_code, refresh_token, urn:ietf:params:oauth:grant-type:device_code, urn:ietf:params:oauth:grant-type:token-exchange]
"""  # noqa: E501


def test_a_dex_file_keeps_its_text_but_for_what_is_secret_or_means_nothing() -> None:
    converted = convert(DEX, with_refresh_tokens=False)
    assert converted.text == CONVERTED
    assert convert(converted.text, with_refresh_tokens=False).changes == ()
    assert converted.changes[0] == "storage: taken out: it means nothing without a server"


@pytest.mark.parametrize(
    "oauth2",
    [
        "",
        "oauth2: {}\n",
        "oauth2: {skipApprovalScreen: true}\n",
        "oauth2:\n    # asks nobody\n    skipApprovalScreen: true\n",
        "oauth2:\n  responseTypes: [code, id_token]\n  passwordConnector: local\n",
        "oauth2: &settings {passwordConnector: local}\n",
    ],
)
def test_what_dex_serves_where_no_grants_are_listed_is_listed_so_that_no_client_may_do_more(oauth2: str) -> None:
    text = MINIMAL + oauth2
    converted = convert(text, with_refresh_tokens=False)
    assert converted.changes == ("oauth2.grantTypes: added, as Dex has them: without client credentials",)
    before, after = make_config(text), without_problems(converted.text)
    assert set(before.oauth2.grant_types) - set(after.oauth2.grant_types) == {"client_credentials"}
    grants = before.oauth2.grant_types
    assert replace(after, oauth2=replace(after.oauth2, grant_types=grants)) == before, "and nothing else changes"


def test_grants_that_are_listed_stay_as_they_are() -> None:
    text = "issuer: https://dex.example.com\noauth2: {grantTypes: [client_credentials]}\n"
    assert convert(text, with_refresh_tokens=False).text == text


@pytest.mark.parametrize(
    "text", ["issuer: https://dex.example.com\noauth2:\n", '{"issuer": "https://dex.example.com"}']
)
def test_where_there_is_no_place_for_the_grants_it_is_said_that_more_are_served(text: str) -> None:
    converted = convert(text, with_refresh_tokens=False)
    assert converted.text == text
    assert converted.changes[0].startswith("oauth2.grantTypes: lists nothing")


def test_it_is_written_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, made = tmp_path / "dex.yaml", tmp_path / "sundial.yaml"
    source.write_text(DEX, "utf-8")
    assert main(["import-dex", "config", str(source), "--output", str(made), "--refresh-tokens"]) == 0
    out = capsys.readouterr().out
    assert "storage: taken out" in out
    assert "migration.dexRefreshTokens: added" in out
    assert made.read_text("utf-8").startswith(CONVERTED)
    _, problems = compile_file(made, {})
    assert [one for one in problems if one.severity is Severity.ERROR] == []
    assert main(["import-dex", "config", str(source), "--output", str(made)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["import-dex", "config", str(source), "--output", str(made), "--force", "--json"]) == 0
    assert "storage: taken out" in json.loads(capsys.readouterr().out)["changes"][0]


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "dex").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_dex_file_has_no_more_errors_when_it_is_converted_and_no_secret_of_a_client(
    path: Path, tmp_path: Path
) -> None:
    made = tmp_path / path.name
    made.write_text(convert(path.read_text("utf-8"), with_refresh_tokens=True).text, "utf-8")
    errors = [
        {(one.key, one.message) for one in compile_file(file, {})[1] if one.severity is Severity.ERROR}
        for file in (path, made)
    ]
    assert errors[1] == errors[0]
    text = made.read_text("utf-8")
    assert "\n  secret: " not in text
    assert "dexRefreshTokens: true" in text


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: {\n", "text\n"])
def test_what_is_no_dex_file_is_status_2(text: str, tmp_path: Path) -> None:
    with pytest.raises(NoDexFileError):
        convert(text, with_refresh_tokens=False)
    (tmp_path / "dex.yaml").write_text(text, "utf-8")
    made = tmp_path / "sundial.yaml"
    assert main(["import-dex", "config", str(tmp_path / "dex.yaml"), "--output", str(made)]) == 2
    assert not made.exists()


def test_what_is_wrong_with_a_file_is_said_without_quoting_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dex.yaml").write_text('issuer: x\nstaticClients:\n- secret: "hunter2\n', "utf-8")
    assert main(["import-dex", "config", str(tmp_path / "dex.yaml"), "--output", str(tmp_path / "new.yaml")]) == 2
    err = capsys.readouterr().err
    assert "line 4" in err
    assert "hunter2" not in err
