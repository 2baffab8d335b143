"""The npm package `openid-client`, a certified OpenID Connect client, called from the tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.leak_watch import LEAKS
from tests.support.node import node_for

FOLDER = Path(__file__).parents[1] / "e2e" / "openid_client"


class RefusedError(Exception):
    """What openid-client threw; `error` is the OAuth error code of the answer, where there was one."""

    def __init__(self, failed: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(failed))
        self.error: str | None = failed.get("error")
        self.status: int | None = failed.get("status")


@dataclass
class OpenIDClient:
    """One client of one issuer. It verifies every ID token's signature, issuer, audience, nonce and hashes itself."""

    metadata: dict[str, Any] = field(init=False)
    """The issuer's, as the library has read it from discovery."""
    _process: subprocess.Popen[str] = field(repr=False)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call the function `name` of openid-client; raises RefusedError for whatever it throws.

        `url(…)` stands for a URL or a POST; what it returns, is returned, an ID token's claims as `claims`.
        """
        self.begin(name, *arguments)
        return self.outcome()

    def begin(self, name: str, *arguments: Any) -> None:
        """Call a function and don't wait for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": name, "arguments": arguments}) + "\n")
        self._process.stdin.flush()

    def outcome(self) -> Any:
        """Wait for what `begin` has called, and return what it returns."""
        assert self._process.stdout is not None
        outcome = json.loads(self._process.stdout.readline())
        if "failed" in outcome:
            raise RefusedError(outcome["failed"])
        value = outcome["value"]
        if isinstance(value, dict):
            LEAKS.document(value)
        return value


def url(where: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return an argument that stands for a URL; with a `form`, for what a browser POSTs there."""
    return {"url": where} if form is None else {"url": where, "form": dict(form)}


@contextmanager
def openid_client(issuer: str, client_id: str, secret: str | None, method: str) -> Iterator[OpenIDClient]:
    """Make a client of `issuer`, which authenticates by `method` (RFC 7591 §2, token_endpoint_auth_method).

    Skips where there is no Node.js or no npm.
    """
    node = node_for(FOLDER, "openid-client")
    process = subprocess.Popen(
        [node, FOLDER / "client.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=FOLDER
    )
    with process:
        client = OpenIDClient(process)
        try:
            client.metadata = client.call("discovery", issuer, client_id, secret, method)
            yield client
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=10)
