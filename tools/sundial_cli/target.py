"""The deployment that a command is about: a CloudFormation stack, or the local stack of `make run`.

AWS is talked to with the operator's own credentials, and what IAM allows them is all that is allowed:
there is no administrator's endpoint, and no password for one. The key ring is touched through the
rotation function alone, so that nobody has to be able to read the secret.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sundial.config.model import Config
from sundial_cli.deployed import config_of_file, config_of_function
from sundial_cli.failures import explained
from sundial_cli.instants import when
from sundial_cli.status import FINDING, UNREACHABLE, USAGE, StoppedError

STACK = "sundial"
DEPLOYMENT_OPTIONS = "the deployment"
"""The title of the options that say which."""
ALIAS = "live"
"""Of every function: what routes, the schedule and operators call."""
_OUTPUTS = frozenset(
    {
        "Issuer",
        "FamiliesTableName",
        "DirectoryTableName",
        "PublicKeysTableName",
        "EventBusName",
        "RotateKeysFunctionName",
    }
)
_LOCAL_RESOURCES = (
    ("SUNDIAL_FAMILIES_TABLE", "FamiliesTable", "AWS::DynamoDB::Table"),
    ("SUNDIAL_DIRECTORY_TABLE", "DirectoryTable", "AWS::DynamoDB::Table"),
    ("SUNDIAL_PUBLIC_KEYS_TABLE", "PublicKeysTable", "AWS::DynamoDB::Table"),
    ("SUNDIAL_SECRET", "KeyRing", "AWS::SecretsManager::Secret"),
    ("SUNDIAL_KMS_KEY", "KeyRingKey", "AWS::KMS::Key"),
)
_SECONDS_TO_ANSWER = 60  # the rotation function has 29
_CONNECTIONS = 32
_EPOCH = re.compile(r"\b(\d{9,}) \(epoch seconds\)")


@dataclass(frozen=True, slots=True)
class Resource:
    """A part of a deployment: its logical id in template.yaml, its CloudFormation type, and what AWS calls it."""

    name: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment, and what it takes to look after it."""

    name: str
    """What people call it."""
    issuer: str
    families_table: str
    directory_table: str
    public_keys_table: str
    event_bus: str
    client: Callable[[str], Any]
    """Returns the boto3 client of a service."""
    rotate_keys: Callable[[Mapping[str, Any]], dict[str, Any]]
    """Calls the rotation function, which answers a document without a private key."""
    config: Callable[[], Config]
    """Returns the configuration that the functions run with."""
    clock: Callable[[], float]
    resources: Callable[[], tuple[Resource, ...]]
    """Returns every part of it; of the local stack, those that exist there."""
    stack: str | None = None
    """The CloudFormation stack; None for the local one."""

    @property
    def now(self) -> int:
        """The time as the deployment has it, in epoch seconds."""
        return int(self.clock())

    def not_before(self) -> int:
        """Return the watermark, as it is published beside the keys: epoch seconds, 0 where there is none."""
        from sundial.keys.jwks import PublicKeyStore

        published = PublicKeyStore(self.client("dynamodb"), self.public_keys_table).load()
        return published.not_before if published else 0


def add_command(
    commands: Any, name: str, summary: str, run: Callable[[argparse.Namespace, Target], int], description: str = ""
) -> argparse.ArgumentParser:
    """Add a command that is about a deployment, and return its parser; `run` returns the exit status."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {description}"
    )
    return prepare_command(parser, run)


def prepare_command(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace, Target], int]
) -> argparse.ArgumentParser:
    """Make a parser that of a command that is about a deployment; `run` returns the exit status."""
    parser.add_argument("--json", action="store_true", help="print JSON; instants are epoch seconds")
    add_target_options(parser)

    def opened(arguments: argparse.Namespace) -> int:
        with open_target(arguments) as target:
            return run(arguments, target)

    parser.set_defaults(run=opened)
    return parser


def obeyed(target: Target, command: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rotation's report of a command. Raises StoppedError for one that it refuses."""
    report = target.rotate_keys(command)
    if "refused" in report:
        now = target.now
        raise StoppedError(FINDING, _EPOCH.sub(lambda match: when(int(match[1]), now), report["refused"]))
    return report


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which deployment a command is about."""
    group = parser.add_argument_group(DEPLOYMENT_OPTIONS)
    group.add_argument(
        "--stack",
        default=os.environ.get("SUNDIAL_STACK", STACK),
        metavar="NAME",
        help=f"a CloudFormation stack (SUNDIAL_STACK, or else {STACK})",
    )
    group.add_argument("--region", metavar="REGION", help="its region, where your AWS configuration has another")
    group.add_argument("--profile", metavar="NAME", help="a profile of your AWS configuration")
    group.add_argument("--local", action="store_true", help="the local stack of `make run` instead")
    group.add_argument("--state", type=Path, metavar="FOLDER", help="the local stack's folder, where it isn't .sundial")


@contextmanager
def open_target(arguments: argparse.Namespace) -> Iterator[Target]:
    """Open the deployment that `arguments` name; what goes wrong with AWS until the block ends is a StoppedError."""
    is_local = arguments.local or arguments.state is not None
    with explained(is_local=is_local):
        yield _local(arguments.state) if is_local else _stack(arguments.stack, arguments.region, arguments.profile)


def _local(state: Path | None) -> Target:
    from sundial_local.operate import LocalStack, LocalStackError
    from sundial_local.paths import STATE, short
    from sundial_local.state import StateFolder

    folder = (state or STATE).resolve()
    try:
        stack = LocalStack(StateFolder(folder))
    except LocalStackError as error:
        raise StoppedError(UNREACHABLE, str(error)) from error
    return Target(
        name=f"the local stack of {short(folder)}",
        issuer=stack.environment["SUNDIAL_ISSUER"],
        families_table=stack.environment["SUNDIAL_FAMILIES_TABLE"],
        directory_table=stack.environment["SUNDIAL_DIRECTORY_TABLE"],
        public_keys_table=stack.environment["SUNDIAL_PUBLIC_KEYS_TABLE"],
        event_bus=stack.environment["SUNDIAL_EVENT_BUS"],
        client=stack.client,
        rotate_keys=stack.rotate_keys,
        config=lambda: config_of_file(Path(stack.environment["SUNDIAL_CONFIG"]), {**os.environ, **stack.environment}),
        clock=stack.clock,
        resources=lambda: _local_resources(stack.environment),
    )


def _local_resources(environment: Mapping[str, str]) -> tuple[Resource, ...]:
    return tuple(Resource(name, type, environment[variable]) for variable, name, type in _LOCAL_RESOURCES)


def _stack(name: str, region: str | None, profile: str | None) -> Target:
    import boto3

    session = boto3.Session(profile_name=profile, region_name=region)
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = _client(session, service)
        return clients[service]

    outputs = _outputs(client("cloudformation"), name)
    return Target(
        name=f"the stack {name} in {session.region_name}",
        issuer=outputs["Issuer"],
        families_table=outputs["FamiliesTableName"],
        directory_table=outputs["DirectoryTableName"],
        public_keys_table=outputs["PublicKeysTableName"],
        event_bus=outputs["EventBusName"],
        client=client,
        rotate_keys=lambda event: _invoke(client("lambda"), outputs["RotateKeysFunctionName"], event),
        config=lambda: config_of_function(client("lambda"), outputs["RotateKeysFunctionName"], ALIAS),
        clock=time.time,
        resources=lambda: _resources(client("cloudformation"), name),
        stack=name,
    )


def _resources(cloudformation: Any, name: str) -> tuple[Resource, ...]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    return tuple(
        Resource(one["LogicalResourceId"], one["ResourceType"], one.get("PhysicalResourceId", ""))
        for page in pages
        for one in page["StackResourceSummaries"]
        if one["ResourceStatus"] != "DELETE_COMPLETE"
    )


def _client(session: Any, service: str) -> Any:
    from botocore.config import Config

    # A command is not sent twice: a second rotation would be another rotation.
    attempts = 1 if service == "lambda" else 5
    return session.client(
        service,
        config=Config(
            connect_timeout=5,
            read_timeout=_SECONDS_TO_ANSWER,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=_CONNECTIONS,
        ),
    )


def _outputs(cloudformation: Any, name: str) -> dict[str, str]:
    try:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            region = cloudformation.meta.region_name
            raise StoppedError(
                USAGE, f"there is no stack {name} in {region}: say --stack, --region or --profile"
            ) from error
        raise
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    missing = _OUTPUTS - outputs.keys()
    if missing:
        raise StoppedError(
            USAGE,
            f"the stack {name} is {stack['StackStatus']} and has no output {', '.join(sorted(missing))}: "
            "it is no Sundial stack, or one of an older version; deploy it again",
        )
    return outputs


def _invoke(client: Any, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    answer = client.invoke(FunctionName=function, Qualifier=ALIAS, Payload=json.dumps(event).encode("utf-8"))
    document = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        why = document.get("errorMessage", "") if isinstance(document, dict) else ""
        raise StoppedError(UNREACHABLE, f"the key rotation failed: {why or answer['FunctionError']}; its log says more")
    return dict(document)
