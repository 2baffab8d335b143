"""The deployed stack, as AWS's own API has it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sundial_rehearsal.report import StepFailedError

ALIAS = "live"
SECONDS_TO_HAPPEN = 120
_SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """`client` returns the boto3 client of a service."""

    name: str
    client: Callable[[str], Any]

    def status(self) -> str:
        """Return the stack's status, such as CREATE_COMPLETE."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return str(stack["StackStatus"])

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def resources(self) -> dict[str, tuple[str, str]]:
        """Return the type and the physical id of each resource, by its logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        return {
            one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"])
            for page in pages
            for one in page["StackResourceSummaries"]
        }

    def functions(self) -> dict[str, str]:
        """Return the names of the functions, by logical id."""
        return {name: id for name, (type, id) in self.resources().items() if type == "AWS::Lambda::Function"}

    def versions(self) -> dict[str, str]:
        """Return which version each function's alias `live` stands for."""
        aws = self.client("lambda")
        return {
            name: aws.get_alias(FunctionName=function, Name=ALIAS)["FunctionVersion"]
            for name, function in self.functions().items()
        }

    def layers(self) -> set[str]:
        """Return the layer versions of the functions that `live` stands for."""
        aws = self.client("lambda")
        answers = [aws.get_function(FunctionName=id, Qualifier=ALIAS) for id in self.functions().values()]
        return {layer["Arn"] for answer in answers for layer in answer["Configuration"]["Layers"]}

    def invoke(self, function: str, event: Mapping[str, Any], qualifier: str = ALIAS) -> Any:
        """Return what `function` (its physical name) answers. Raises StepFailedError for a crash, its log with it."""
        answer = self.client("lambda").invoke(
            FunctionName=function, Qualifier=qualifier, Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise StepFailedError(f"{function}:{qualifier} crashed", json.dumps(payload, indent=2))
        return payload

    def survivor(self, type: str, id: str) -> str:
        """Return what a retained resource says of itself; the SDK raises where it is gone."""
        if type == "AWS::DynamoDB::Table":
            table = self.client("dynamodb").describe_table(TableName=id)["Table"]
            return (
                f"{table['TableStatus']}, {self.client('dynamodb').scan(TableName=id, Select='COUNT')['Count']} items"
            )
        if type == "AWS::KMS::Key":
            return str(self.client("kms").describe_key(KeyId=id)["KeyMetadata"]["KeyState"])
        return f"{len(self.client('secretsmanager').describe_secret(SecretId=id)['VersionIdsToStages'])} versions"


def wait_until(what: str, happened: Callable[[], bool]) -> None:
    """Wait for what AWS does in its own time. Raises StepFailedError when it takes too long."""
    deadline = time.monotonic() + SECONDS_TO_HAPPEN
    while not happened():
        if time.monotonic() > deadline:
            raise StepFailedError(f"{what} has not happened within {SECONDS_TO_HAPPEN} s")
        time.sleep(_SECONDS_BETWEEN_LOOKS)
