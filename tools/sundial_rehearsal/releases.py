"""Releases as the pipeline makes them: from one build, by the roles of the bootstrap stack."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import jwt
from botocore.exceptions import ClientError

from sundial_local.paths import ROOT
from sundial_rehearsal import pipeline
from sundial_rehearsal.deployed import DeployedStack
from sundial_rehearsal.pipeline import ARTIFACT, Runner
from sundial_rehearsal.report import Report, StepFailedError
from sundial_rehearsal.workshop import ENVIRONMENT, Workshop

BOOTSTRAP = "sundial-bootstrap"
ISSUER = "token.actions.githubusercontent.com"
SUBJECT = "repo:acme@1/sundial@2:environment:dev"
JOB = "acme/sundial/.github/workflows/deploy.yml@refs/heads/main"
_DENIED = ("AccessDenied", "AccessDeniedException")


@dataclass
class Releases:
    """`stack` is reached with the rights of an account's owner; the machine that deploys gets the pipeline's."""

    workshop: Workshop
    stack: DeployedStack
    report: Report
    recorded: Path
    """Names what the emulator has taken and does not carry out."""

    roles: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    deployments: int = 0

    def first(self) -> None:
        """Make the roles, build, and deploy. Raises StepFailedError, as all of these do."""
        self.bootstrap()
        self.take_the_role()
        self.workshop.fill()
        self.release("CREATE_COMPLETE")
        self.do_nothing_else()

    def release(self, status: str) -> None:
        """Build what the workshop has, and deploy it; the stack then has `status`."""
        digest = self.build()
        self.deploy(digest, status)

    def bootstrap(self) -> None:
        """Make the bootstrap stack, as somebody does by hand once."""
        with self.report.step("the bootstrap stack has the pipeline's roles") as saw:
            given = {
                "GitHubOwner": "acme",
                "GitHubOwnerId": "1",
                "GitHubRepository": "sundial",
                "GitHubRepositoryId": "2",
                "GitHubEnvironment": "dev",
                "StackName": self.stack.name,
                # MiniStack makes no provider of this kind: it gets the one that "an account has already".
                "OidcProviderArn": f"arn:aws:iam::000000000000:oidc-provider/{ISSUER}",
            }
            made = self.stack.client("cloudformation")
            made.create_stack(
                StackName=BOOTSTRAP,
                TemplateBody=(ROOT / "deploy" / "bootstrap.yaml").read_text("utf-8"),
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            )
            made.get_waiter("stack_create_complete").wait(StackName=BOOTSTRAP, WaiterConfig={"Delay": 1})
            self.roles = replace(self.stack, name=BOOTSTRAP).outputs()
            saw(", ".join(self.roles))

    def take_the_role(self) -> None:
        """Get the credentials that the right workflow gets; those that nearly are it get none."""
        role = self.roles["DeployRoleArn"]
        with self.report.step("GitHub's token of the right workflow gets the deploy role") as saw:
            others = {
                "another repository": _token(SUBJECT.replace("sundial@2", "sundial@3"), JOB),
                "another environment": _token(SUBJECT.replace("dev", "prod"), JOB),
                "another workflow": _token(SUBJECT, JOB.replace("deploy", "ci")),
                "another branch": _token(SUBJECT, JOB.replace("main", "mine")),
            }
            for whose, token in others.items():
                if (said := self._refusal("sts", "assume_role_with_web_identity", **_asking(role, token))) is None:
                    raise StepFailedError(f"{whose} gets the deploy role")
                saw(f"{whose}: {said}")
            found = self.stack.client("sts").assume_role_with_web_identity(**_asking(role, _token(SUBJECT, JOB)))
        self.credentials = {
            "AWS_ACCESS_KEY_ID": found["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["Credentials"]["SessionToken"],
        }

    def build(self) -> str:
        """Build as the job `build` does, and return the digest of what was built."""
        with self.report.step("the pipeline builds") as saw:
            runner = Runner(self.workshop.folder, self.workshop.environment)
            outputs: dict[str, str] = {}
            for commands in pipeline.of_the_build():
                outputs |= runner.run(commands)
            folder = self.workshop.folder / ".aws-sam" / "build"
            for kind, names in (("functions", "*Function"), ("layers", "*Layer")):
                saw(f"{kind}: {', '.join(sorted(path.name for path in folder.glob(names)))}")
        return outputs["sha256"]

    def deploy(self, digest: str, expected: str) -> None:
        """Deploy what was built, on another machine, as the jobs `dev` and `prod` do, but for the client's walk."""
        with self.report.step("the pipeline deploys what was built") as saw:
            self.deployments += 1
            machine = replace(self.workshop, folder=self.workshop.folder.with_name(f"deployment-{self.deployments}"))
            machine.fill()
            shutil.copy2(self.workshop.folder / ARTIFACT, machine.folder)
            inputs = {
                "environment": ENVIRONMENT,
                "sha256": digest,
                "execution-role": self.roles["ExecutionRoleArn"],
                "artifact-bucket": self.roles["ArtifactBucket"],
            }
            *steps, trying = pipeline.of_a_deployment()
            runner = Runner(machine.folder, {**machine.environment, **self.credentials})
            for commands in steps:
                runner.run(commands, inputs)
            status = self.stack.status()
            if status != expected:
                raise StepFailedError(f"the stack is {status}, not {expected}")
            saw("; ".join(commands.name for commands in steps))
            saw(f"{status}: {len(self.stack.resources())} resources, {len(self.stack.functions())} functions")
            if self.deployments == 1:
                for type, names in self._recorded_only().items():
                    saw(f"MiniStack only records {len(names)} {type}: {', '.join(names)}")
                saw("MiniStack makes the API without its routes: the functions are invoked through the Lambda API,")
                saw(f"and {trying.name!r} is what a client does below, by that")

    def do_nothing_else(self) -> None:
        """What the deploy role has no right to, it can't do."""
        with self.report.step("the deploy role can do nothing else") as saw:
            function = next(iter(self.stack.functions().values()))
            secret = next(id for type, id in self.stack.resources().values() if type == "AWS::SecretsManager::Secret")
            template = {"StackName": self.stack.name, "TemplateBody": "{}", "ChangeSetName": "mine"}
            for service, operation, arguments in (
                ("secretsmanager", "get_secret_value", {"SecretId": secret}),
                ("lambda", "invoke", {"FunctionName": function}),
                ("lambda", "update_function_code", {"FunctionName": function, "ZipFile": b""}),
                ("iam", "create_user", {"UserName": "mine"}),
                ("cloudformation", "create_change_set", template),  # by its own rights, not by the execution role's
            ):
                said = self._refusal(service, operation, self.credentials, **arguments)
                if said is None:
                    raise StepFailedError(f"the deploy role may {service}:{operation}")
                saw(f"{service} {operation}: {said}")

    def _recorded_only(self) -> Mapping[str, list[str]]:
        """Return the names of what is only recorded, by type."""
        found: dict[str, list[str]] = {}
        for line in sorted(set(self.recorded.read_text("utf-8").splitlines())) if self.recorded.exists() else ():
            type, _, name = line.partition(" ")
            found.setdefault(type, []).append(name.removeprefix(f"{self.stack.name}-"))
        return found

    def _refusal(
        self, service: str, operation: str, credentials: Mapping[str, str] | None = None, /, **arguments: Any
    ) -> str | None:
        """Return the error code by which AWS denies a call, None where it doesn't."""
        client = self.stack.client(service)
        if credentials:
            make: Any = boto3.client
            client = make(
                service,
                endpoint_url=client.meta.endpoint_url,
                region_name=client.meta.region_name,
                aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
                aws_session_token=credentials["AWS_SESSION_TOKEN"],
            )
        try:
            getattr(client, operation)(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _DENIED:
                return str(code)
            raise
        return None


def _token(subject: str, workflow: str) -> str:
    """Return what GitHub says of a job. MiniStack looks at no signature of it."""
    now = int(time.time())
    claims = {"iss": f"https://{ISSUER}", "aud": "sts.amazonaws.com", "sub": subject, "job_workflow_ref": workflow}
    return jwt.encode({**claims, "iat": now, "exp": now + 300}, "a key of GitHub's, which is not looked at")


def _asking(role: str, token: str) -> dict[str, str]:
    return {"RoleArn": role, "RoleSessionName": "sundial", "WebIdentityToken": token}
