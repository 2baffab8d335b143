"""Exporting what Dex keeps in a cluster: kubectl's own answer to the page's command is what `import-dex` reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sundial_local.paths import ROOT
from tests.cli.test_dex_exports import RESOURCES
from tests.cli.test_import_dex import TEXT
from tests.support.issuer import served
from tests.support.operator import MakeOperator
from tests.support.pages import commands

GROUP, VERSION = "dex.coreos.com", "v1"
PAGE = (ROOT / "docs" / "migrating-from-dex.md").read_text("utf-8")
[COMMAND] = (one for one in commands(PAGE) if one.startswith("kubectl --namespace dex get "))

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl (Debian: kubernetes-client)")


def plural(kind: str) -> str:
    """Return how the cluster calls a kind, as Dex has defined it."""
    return {"OfflineSessions": "offlinesessionses", "UserIdentity": "useridentities"}.get(kind, f"{kind.lower()}s")


KINDS = ("Password", "OAuth2Client", "RefreshToken", "OfflineSessions", "Connector", "UserIdentity")


def answer(path: str) -> dict[str, Any] | None:
    """Return what an API server with Dex's resources answers."""
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/api/v1":
        return {"kind": "APIResourceList", "groupVersion": "v1", "resources": []}
    version = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
    if path == "/apis":
        group = {"name": GROUP, "versions": [version], "preferredVersion": version}
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
    if path == f"/apis/{GROUP}/{VERSION}":
        known = {"singularName": "", "namespaced": True, "verbs": ["get", "list"]}
        resources = [{"name": plural(kind), "kind": kind, **known} for kind in KINDS]
        return {"kind": "APIResourceList", "groupVersion": f"{GROUP}/{VERSION}", "resources": resources}
    for kind in KINDS:
        if path == f"/apis/{GROUP}/{VERSION}/namespaces/dex/{plural(kind)}":
            items = [one for one in RESOURCES if one["kind"] == kind]
            return {"kind": f"{kind}List", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}, "items": items}
    return None


def respond(path: str) -> dict[str, Any]:
    found = answer(urlsplit(path).path)
    body = json.dumps(found or {"kind": "Status", "status": "Failure", "code": 404})
    return {"statusCode": 200 if found else 404, "headers": {"Content-Type": "application/json"}, "body": body}


def test_what_kubectl_exports_is_imported(make_operator: MakeOperator, tmp_path: Path) -> None:
    with served(lambda: respond) as url:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
        command = COMMAND.replace("kubectl ", f"kubectl --server {url} ")
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    exported = json.loads((tmp_path / "dex-export.json").read_text("utf-8"))
    asked_for = [one for one in RESOURCES if one["kind"] in KINDS]
    assert len(exported["items"]) == len(asked_for) > 5
    sundial = make_operator(TEXT)
    result = sundial(f"import-dex storage {tmp_path / 'dex-export.json'} --dry-run")
    assert "users: " in result.out, result.err
