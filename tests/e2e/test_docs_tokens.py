"""docs/tokens.md does what it says: its commands, pasted into a shell one after another."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from sundial_local.paths import ROOT
from tests.support.hostile import hostile_provider
from tests.support.leak_watch import LEAKS
from tests.support.local_server import needs_make_run, run_as_typed
from tests.support.pages import every_command, text_of
from tests.support.reader import Reader, reading

PAGE = "docs/tokens.md"
CI = """
connectors:
  - type: oidc
    id: ci
    name: CI
    config: {issuer: "ISSUER", clientID: sundial, clientSecret: known}
"""
"""The connector that the page assumes beside its example: the provider that gives a machine its ID token."""

pytestmark = [
    needs_make_run,
    pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "python3"))), reason="needs sh, curl, python3"),
]


def test_every_command_is_answered_as_the_page_says(tmp_path: Path) -> None:
    config = tmp_path / "tokens.yaml"
    with every_command("docs/tokens.md") as shown, hostile_provider() as ci:
        ci.now, ci.claims = int(time.time()), {"nonce": None}
        example = (ROOT / "examples" / "tokens.yaml").read_text("utf-8")
        config.write_text(example + CI.replace("ISSUER", ci.api.url), "utf-8")
        with (
            run_as_typed(next(shown), tmp_path / "state", CONFIG=str(config)) as server,
            reading(PAGE, shown, {"http://127.0.0.1:8080": server.issuer, "$CI_TOKEN": ci.id_token()}) as reader,
        ):
            walk_through(reader)


def walk_through(reader: Reader) -> None:
    answers: list[dict[str, Any]] = [answer for _ in range(6) for answer in reader.paste()]
    of_ci = json.loads(reader.type())
    LEAKS.document(of_ci)
    answers += [answer for _ in range(3) for answer in reader.paste()]
    assert not [answer for answer in (*answers, of_ci) if "error" in answer]
    assert of_ci["scope"] == "groups openid"
    (
        own,
        access,
        userinfo,
        for_builds,
        acted,
        for_api,
        for_peer,
        active,
        refreshable,
        for_builds_active,
        denied,
        ended,
    ) = answers
    assert own["scope"] == "groups openid"
    assert own.keys() == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert (access["aud"], access["client_id"]) == ("example-app", "example-app")
    assert userinfo == {
        "sub": access["sub"],
        "email": "admin@example.com",
        "email_verified": True,
        "groups": ["ops"],
    }
    assert (for_builds["aud"], for_builds["scope"]) == ("builds", "groups openid")
    assert (acted["sub"], acted["act"]) == (access["sub"], {"sub": "builds"})
    assert "access_token" in for_api
    assert "id_token" in for_peer
    assert (active["active"], active["token_use"]) == (True, "access_token")
    assert (refreshable["active"], refreshable["token_use"]) == (True, "refresh_token")
    assert for_builds_active["active"] is True
    assert denied == ended == {"active": False}


def test_every_parameter_of_the_exchange_is_explained() -> None:
    source = (ROOT / "layers" / "sundial" / "sundial" / "grants" / "token_exchange.py").read_text("utf-8")
    parameters = set(re.findall(r'parameters(?:\.get\(|\[)"(\w+)"', source))
    table = text_of(PAGE).partition("| parameter | |")[2].partition("\n\n")[0]
    assert parameters <= set(re.findall(r"`(\w+)`", table))
