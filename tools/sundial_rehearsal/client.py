"""A client of the deployed functions: what it asks over HTTP is put to them as API Gateway would.

MiniStack makes an HTTP API without the routes that stand in its body, so there is nothing to send HTTP to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from sundial_cli.smoke_test import Answer, Credentials, smoke
from sundial_local.events import HttpRequest, request_event, response_of
from sundial_local.router import Router
from sundial_local.template import Template
from sundial_rehearsal.deployed import DeployedStack
from sundial_rehearsal.report import StepFailedError

CLIENT_ID = "rehearsal"


def made_client(stack: DeployedStack, variables: Mapping[str, str], region: str) -> Credentials:
    """Add a client to the deployment as an operator does, and return what it is told once."""
    command = [sys.executable, "-m", "sundial_cli", "clients", "create", CLIENT_ID, "--json"]
    done = subprocess.run(
        [*command, "--stack", stack.name, "--region", region],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StepFailedError("`sundial clients create` failed", done.stderr)
    return Credentials(CLIENT_ID, json.loads(done.stdout)["secret"])


def walk(stack: DeployedStack, template: Path, credentials: Credentials, ahead: int) -> list[str]:
    """Have the client go from discovery to a revoked token, and return what it saw at each step.

    `ahead` is how many seconds the functions' clock is ahead. Raises StepFailedError at the first that goes wrong.
    """
    issuer = stack.outputs()["Issuer"]
    router = Router(Template.load(template, {"Issuer": issuer}).functions, issuer)
    functions = stack.functions()

    def ask(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        match = router.match(method, parts.path)
        if match is None:
            return Answer(404, {}, b"{}")
        request = HttpRequest(method, parts.path, parts.query, [("host", parts.netloc), *headers.items()], body)
        event = request_event(request, match.route.key, match.parameters, request_id=str(uuid4()), now=time.time())
        response = response_of(stack.invoke(functions[match.function.name], event))
        return Answer(response.status, {name.lower(): value for name, value in response.headers}, response.body)

    steps = list(smoke(issuer, credentials, ask, lambda: time.time() + ahead))
    for step in steps:
        if step.problem:
            raise StepFailedError(f"{step.what}: {step.problem}")
    return [f"{step.what}: {step.seen}" if step.seen else step.what for step in steps]
