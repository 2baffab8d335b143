"""The handler of the smoke test's function, CodeDeploy's pre-traffic hook.

CodeDeploy calls it before it lets the alias `live` of a function lead to a new version, and waits to be told whether
that may be (codedeploy:PutLifecycleEventHookExecutionStatus). Failed, the alias stays where it is, and CloudFormation
rolls the stack back.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sundial.observe import logger
from sundial.smoke.answers import problem
from sundial.web.front import PROOF, VIEWER

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]

ROTATION = "rotate_keys"
VARIABLE = "SUNDIAL_VERSION_"
"""The environment has SUNDIAL_VERSION_JWKS and so on: the ARN of each function's newest version."""
LIST_KEYS = {"command": "list"}
"""What the rotation is called with: it reads the key ring and changes nothing."""


class Aws(Protocol):
    """What the smoke test asks of AWS."""

    def invoke(self, version: str, event: Mapping[str, Any]) -> Any:
        """Return what the function version `version` (its ARN) answers to `event`. Raises CrashedError."""

    def report(self, deployment: str, execution: str, *, succeeded: bool) -> None:
        """Tell CodeDeploy how it went."""


class CrashedError(Exception):
    """A function did not come to answer; the text is Lambda's name of the error, such as Runtime.ImportModuleError."""


@dataclass(frozen=True, slots=True)
class LambdaAndCodeDeploy:
    """The real one, on a boto3 client of each."""

    functions: Any
    code_deploy: Callable[[], Any]

    def invoke(self, version: str, event: Mapping[str, Any]) -> Any:
        """See Aws."""
        answer = self.functions.invoke(FunctionName=version, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            # Not its message, which may be anything.
            kind = payload.get("errorType") if isinstance(payload, Mapping) else None
            raise CrashedError(str(kind or answer["FunctionError"]))
        return payload

    def report(self, deployment: str, execution: str, *, succeeded: bool) -> None:
        """See Aws."""
        self.code_deploy().put_lifecycle_event_hook_execution_status(
            deploymentId=deployment,
            lifecycleEventHookExecutionId=execution,
            status="Succeeded" if succeeded else "Failed",
        )


def hook_handler(aws: Aws, environment: Mapping[str, str], events: Path) -> Handler:
    """Return the handler. `events` has a folder a function with recorded events in it.

    The event is CodeDeploy's (`DeploymentId`, `LifecycleEventHookExecutionId`); on one without those, an operator's
    own `aws lambda invoke`, CodeDeploy is told nothing. The answer names the problems: `{"problems": […], "events": 9}`
    """
    versions = {
        name.removeprefix(VARIABLE).lower(): arn for name, arn in environment.items() if name.startswith(VARIABLE)
    }
    recorded = {path: _through_the_front(json.loads(path.read_text("utf-8")), environment) for path in _files(events)}

    def handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        logger.set_correlation_id(str(getattr(context, "aws_request_id", "")))
        succeeded = False
        try:
            tried = list(_tries(versions, recorded))
            problems = [found for function, one in tried if (found := _problem(aws, function, versions[function], one))]
            succeeded = not problems
        finally:  # CodeDeploy would wait an hour for a word
            if "DeploymentId" in event:
                aws.report(event["DeploymentId"], event["LifecycleEventHookExecutionId"], succeeded=succeeded)
        for found in problems:
            logger.error("smoke test failed", problem=found)
        return {"problems": problems, "events": len(tried)}

    return handler


def _files(events: Path) -> list[Path]:
    return sorted(events.glob("*/*.json"))


def _through_the_front(event: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the event as CloudFront sends one, where that stands before the API: else it would be refused."""
    secret = environment.get("SUNDIAL_FRONT_SECRET")
    proof = {PROOF: secret, VIEWER: f"{event['requestContext']['http']['sourceIp']}:443"} if secret else {}
    return {**event, "headers": {**event["headers"], **proof}}


def _tries(
    versions: Mapping[str, str], recorded: Mapping[Path, Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, event in recorded.items():
        yield path.parent.name, event
    if ROTATION in versions:
        yield ROTATION, LIST_KEYS


def _problem(aws: Aws, function: str, version: str, event: Mapping[str, Any]) -> str | None:
    try:
        answer = aws.invoke(version, event)
    except CrashedError as crash:
        return f"{function} crashed: {crash}"
    if function == ROTATION:
        return _problem_of_keys(answer)
    found = problem(event, answer)
    return found and f"{function}: {found}"


def _problem_of_keys(answer: object) -> str | None:
    """Return what is wrong with the inventory (`keys.inventory.inventory`): no key signs."""
    keys: Sequence[Mapping[str, Any]] = answer.get("signing_keys", ()) if isinstance(answer, Mapping) else ()
    if not any(key.get("state") == "active" for key in keys):
        return f"{ROTATION} has no key that signs"
    return None
