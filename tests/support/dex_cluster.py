"""A cluster in which Dex runs, as kubectl sees it: the part of an API server that it asks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

GROUP, VERSION = "dex.coreos.com", "v1"
KINDS: Mapping[str, str] = {
    "Password": "passwords",
    "OAuth2Client": "oauth2clients",
    "RefreshToken": "refreshtokens",
    "OfflineSessions": "offlinesessionses",
    "Connector": "connectors",
    "UserIdentity": "useridentities",
}
"""Dex's kinds of resources, and how the cluster calls many of each, as Dex has defined it."""


@dataclass
class DexCluster:
    """What is in the namespace `dex`: a deployment of that name, and what Dex keeps."""

    resources: Sequence[Mapping[str, Any]]
    replicas: int = 2
    url: str = field(default="", init=False)

    def answer(self, method: str, path: str, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what the API server answers; None for what isn't there."""
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/api/v1":
            return {"kind": "APIResourceList", "groupVersion": "v1", "resources": []}
        if path == "/apis":
            groups = [_group(GROUP, VERSION), _group("apps", "v1")]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        if path == f"/apis/{GROUP}/{VERSION}":
            return _listed(f"{GROUP}/{VERSION}", {plural: kind for kind, plural in KINDS.items()})
        if path == "/apis/apps/v1":
            return _listed("apps/v1", {"deployments": "Deployment"}, {"deployments/scale": "Scale"})
        if path.startswith("/apis/apps/v1/namespaces/dex/deployments/dex"):
            if method in ("PATCH", "PUT"):
                self.replicas = document["spec"]["replicas"]
            return self._scale() if path.endswith("/scale") else self._deployment()
        for kind, plural in KINDS.items():
            if path == f"/apis/{GROUP}/{VERSION}/namespaces/dex/{plural}":
                items = [one for one in self.resources if one["kind"] == kind]
                return {"kind": f"{kind}List", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}, "items": items}
        return None

    def _deployment(self) -> Mapping[str, Any]:
        named = {"name": "dex", "namespace": "dex", "resourceVersion": "7"}
        return {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": named, "spec": {"replicas": self.replicas}}

    def _scale(self) -> Mapping[str, Any]:
        return {**self._deployment(), "kind": "Scale", "apiVersion": "autoscaling/v1"}


def _group(name: str, version: str) -> Mapping[str, Any]:
    known = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [known], "preferredVersion": known}


def _listed(version: str, kinds: Mapping[str, str], scales: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    known = {"singularName": "", "namespaced": True, "verbs": ["get", "list", "patch", "update"]}
    resources = [{"name": plural, "kind": kind, **known} for plural, kind in kinds.items()]
    resources += [
        {"name": plural, "kind": kind, "group": "autoscaling", "version": "v1", **known}
        for plural, kind in (scales or {}).items()
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


@contextmanager
def served_cluster(resources: Sequence[Mapping[str, Any]]) -> Iterator[DexCluster]:
    """Serve a cluster with these resources of Dex's on loopback until the block ends."""
    cluster = DexCluster(resources)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = cluster.answer(self.command, urlsplit(self.path).path, json.loads(body or b"{}"))
            answer = json.dumps(found or {"kind": "Status", "status": "Failure", "code": 404}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_PATCH = do_PUT = do_GET  # noqa: N815 (http.server's own names)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        cluster.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join()
