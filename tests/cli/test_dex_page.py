"""docs/migrating-from-dex.md: each command, in its order, by somebody who moves a Dex from its cluster to AWS."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sundial.store.dynamodb_families import DynamoFamilies
from sundial_cli.dex.configuration import convert
from tests.cli.test_dex_exports import RESOURCES, resource
from tests.cli.test_import_dex import FAMILY
from tests.support.account import account_of
from tests.support.dex_cluster import served_cluster
from tests.support.hostile import public_jwk
from tests.support.issuer import Answer
from tests.support.live_issuer import live_issuer
from tests.support.operator import Operator
from tests.support.pages import assert_alike, blocks, every_command, text_of
from tests.support.shell import typed
from tests.support.stack import OwnStack

DEX = """\
issuer: https://id.example.com
storage:
  type: kubernetes
  config: {inCluster: true}
web:
  http: 0.0.0.0:5556
signing: {algorithms: [ES256]}
expiry:
  refreshTokens: {reuseInterval: 30s, validIfNotUsedFor: 2160h}
staticClients:
  - id: example-app
    name: The App
    secret: ZXhhbXBsZS1hcHAtc2VjcmV0
    redirectURIs: [https://app.example.com/callback]
enablePasswordDB: true
connectors:
  - type: github
    id: github
    name: GitHub
    config: {clientID: id, clientSecret: $GITHUB_SECRET}
  - type: oidc
    id: ldap
    name: The Company
    config: {issuer: https://company.example.com, clientID: id, clientSecret: $GITHUB_SECRET, userIDKey: uid}
"""
SHOWN_CONFIGURATION, SHOWN_IMPORT = blocks(text_of("docs/migrating-from-dex.md"), "text")


def login(name: str, client: str, email: str, connector: str, used: str) -> dict[str, Any]:
    """Return a login that Dex keeps."""
    claims = {"userID": name, "username": name, "email": email, "emailVerified": True}
    times = {"CreatedAt": "2026-01-14T08:00:00Z", "LastUsed": used}
    return resource(
        "RefreshToken",
        name,
        **times,
        clientID=client,
        token=name,
        claims=claims,
        connectorID=connector,
        scopes=["openid"],
    )


KEPT = [
    resource("OAuth2Client", "n5wgiylqoa", id="old-app", public=True, name="Old"),
    *(one for one in RESOURCES if one["kind"] != "UserIdentity"),
    login("qnx7rafghijklmnopqrstuvwx", "old-app", "joe@example.com", "github", "2026-01-15T08:00:00Z"),
    login("hk2vdefghijklmnopqrstuvwx", "notes", "ann@example.com", "ldap", "2027-01-15T08:00:00Z"),
]


def dex(answer: Answer) -> Answer:
    """Return what the name of the issuer leads to until it leads here: other keys."""

    def answered(path: str) -> Mapping[str, Any]:
        if path != "/keys":
            return answer(path)
        return {"statusCode": 200, "body": json.dumps({"keys": [public_jwk("dex")]})}

    return answered


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl (Debian: kubernetes-client)")
@pytest.mark.skipif(shutil.which("shred") is None, reason="needs shred (Debian: coreutils)")
def test_a_dex_moves_with_all_that_it_keeps(
    stack: OwnStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = replace(stack, environment={**stack.environment, "GITHUB_SECRET": "the secret at the provider"})
    text = convert(DEX, with_refresh_tokens=True).text

    def make_operator(text: str) -> Operator:
        return Operator(stack, tmp_path, monkeypatch, capsys, text)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_SECRET", stack.environment["GITHUB_SECRET"])
    (tmp_path / "layers" / "config").mkdir(parents=True)
    (tmp_path / "dex.yaml").write_text(DEX, "utf-8")
    with (
        every_command("docs/migrating-from-dex.md", "sundial ", "kubectl ", "shred ") as shown,
        live_issuer(stack, make_operator, text) as (sundial, issuer),
        account_of(sundial, "sundial-prod") as at,
        served_cluster(KEPT) as cluster,
    ):
        assert_alike(SHOWN_CONFIGURATION, at(next(shown)).out)
        assert (tmp_path / "layers" / "config" / "sundial.yaml").read_text("utf-8") == text, "which is deployed"
        assert at(next(shown)).out == "layers/config/sundial.yaml: no problems\n"

        issuer.between = dex
        beside_dex = at(next(shown))
        assert (beside_dex.status, verdicts(beside_dex.out)) == (1, {"ok", "bad"})
        assert all(bad.startswith("the JWKS at ") for bad in re.findall("(?m)^  bad +(.*)", beside_dex.out))

        for _ in ("scale", "get"):
            command = next(shown).replace("kubectl ", f"kubectl --server {cluster.url} ")
            typed(command, tmp_path, KUBECONFIG=str(tmp_path / "none"))
        assert cluster.replicas == 0
        dry, done = at(next(shown)), at(next(shown))
        assert (dry.status, done.status) == (1, 1), "something is left out"
        assert_alike(SHOWN_IMPORT, done.out)
        assert DynamoFamilies(stack.dynamodb, stack.families_table).get(FAMILY) is not None

        issuer.between = lambda answer: answer
        assert verdicts(at(next(shown)).out) == {"ok"}
        assert at(next(shown)).status == 0
        typed(next(shown), tmp_path)
        assert not (tmp_path / "dex-export.json").exists()


def verdicts(out: str) -> set[str]:
    """Return the verdicts that `sundial status` gives."""
    return set(re.findall(r"^  (ok|warning|bad|unseen) ", out, re.MULTILINE))
