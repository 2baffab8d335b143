"""The options on an emulated AWS: a stack with all of them is made, is what they say, and gives them up again."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError

from sundial_local.ministack import CREDENTIALS, running_ministack
from sundial_local.paths import MINISTACK_PYTHON, TOOLS
from tests.support.made import CLOUDFRONT, WAF
from tests.support.transformed import source, transformed

SERVICES = (
    *("acm", "apigateway", "cloudformation", "cloudfront", "dynamodb", "events", "iam", "kms", "lambda", "logs"),
    *("monitoring", "route53", "s3", "scheduler", "secretsmanager", "sns", "sqs", "sts", "wafv2"),
)
REGION = "us-east-1"
ISSUER = {"Issuer": "https://login.example.com/dex"}
SECONDS_TO_DEPLOY = 300


@dataclass(frozen=True, slots=True)
class Aws:
    """An emulated AWS. Its CloudFormation is MiniStack's, as the rehearsal runs it."""

    client: Callable[[str], Any]
    endpoint: str

    def deploy(self, **parameters: str) -> dict[str, str]:
        """Make the stack of the template with `parameters`, or update it, and return its outputs."""
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w") as code:
            code.writestr("app.py", "def handler(event, context):\n    return {}\n")
        document = source()
        for resource in document["Resources"].values():
            for name in ("CodeUri", "ContentUri"):
                if name in resource.get("Properties", {}):
                    key = resource["Properties"][name]
                    self.client("s3").put_object(Bucket="artifacts", Key=key, Body=body.getvalue())
        template = json.dumps(transformed(document, parameters))
        self.client("s3").put_object(Bucket="artifacts", Key="template.json", Body=template)
        cloudformation = self.client("cloudformation")
        stacks = cloudformation.describe_stacks()["Stacks"]
        do = cloudformation.update_stack if stacks else cloudformation.create_stack
        waiter = cloudformation.get_waiter("stack_update_complete" if stacks else "stack_create_complete")
        do(
            StackName="sundial",
            TemplateURL=f"{self.endpoint}/artifacts/template.json",
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        )
        try:
            waiter.wait(StackName="sundial", WaiterConfig={"Delay": 1, "MaxAttempts": SECONDS_TO_DEPLOY})
        except WaiterError:
            pytest.fail("\n".join(self._failures(cloudformation)))
        [stack] = cloudformation.describe_stacks(StackName="sundial")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def resources(self, type: str) -> list[str]:
        """Return the physical ids of the stack's resources of a type."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="sundial")
        listed = [one for page in pages for one in page["StackResourceSummaries"]]
        return [
            one["PhysicalResourceId"]
            for one in listed
            if one["ResourceType"] == type and not one["ResourceStatus"].startswith("DELETE")
        ]

    def _failures(self, cloudformation: Any) -> list[str]:
        events = cloudformation.describe_stack_events(StackName="sundial")["StackEvents"]
        failed = [one for one in events if "FAILED" in one["ResourceStatus"]]
        return [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in failed]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    if not MINISTACK_PYTHON.exists():
        pytest.skip("needs MiniStack: make .venv-ministack/.complete")
    (tmp_path / "clock").write_text("0", "utf-8")
    variables = {
        "REHEARSAL_CLOCK": str(tmp_path / "clock"),
        "REHEARSAL_FUNCTION_PYTHON": "/bin/false",  # no function is called
        "REHEARSAL_RECORDED": str(tmp_path / "recorded"),
    }
    program = TOOLS / "sundial_rehearsal" / "emulator_main.py"
    with running_ministack(tmp_path / "log", services=SERVICES, program=program, variables=variables) as emulator:
        session = boto3.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION
        )
        make: Any = session.client
        aws = Aws(lambda service: make(service, endpoint_url=emulator.endpoint), emulator.endpoint)
        aws.client("s3").create_bucket(Bucket="artifacts")
        yield aws


def test_a_stack_with_every_option_is_made_as_they_say_and_gives_them_up_again(aws: Aws) -> None:
    route53 = aws.client("route53")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="here")["HostedZone"]["Id"].rpartition("/")[2]
    outputs = aws.deploy(
        **ISSUER,
        **CLOUDFRONT,
        **WAF,
        HostedZoneId=zone,
        TableEncryptionKey="create",
        Tracing="Active",
        SnapStart="PublishedVersions",
        AlarmEmail="ops@example.com",
        ClientMetrics="true",
    )
    assert outputs["ApiUrl"] == ISSUER["Issuer"]

    [mapping] = aws.client("apigatewayv2").get_api_mappings(DomainName="login.example.com")["Items"]
    assert (mapping["ApiMappingKey"], mapping["Stage"]) == ("dex", "$default")
    [distribution] = aws.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    assert distribution["Aliases"]["Items"] == ["login.example.com"]
    records = {
        (one["Name"], one["Type"]): one["AliasTarget"]["DNSName"].rstrip(".")
        for one in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        if "AliasTarget" in one
    }
    target = outputs["DomainTarget"]
    assert records == {("login.example.com.", "A"): target, ("login.example.com.", "AAAA"): target}

    [proof] = distribution["Origins"]["Items"][0]["CustomHeaders"]["Items"]
    for function in aws.client("lambda").list_functions()["Functions"]:
        variables = function["Environment"]["Variables"]
        assert variables["SUNDIAL_FRONT_SECRET"] == proof["HeaderValue"]
        assert variables["SUNDIAL_CLIENT_METRICS"] == "true"
    tables = aws.resources("AWS::DynamoDB::Table")
    assert len(tables) == 3

    outputs = aws.deploy(**ISSUER)
    assert "DomainTarget" not in outputs
    assert not aws.resources("AWS::CloudFront::Distribution")
    assert not aws.resources("AWS::ApiGatewayV2::DomainName")
    assert aws.resources("AWS::DynamoDB::Table") == tables
