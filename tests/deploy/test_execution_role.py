"""CloudFormation can make, change and delete each resource of template.yaml, and can do nothing else."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.deploy.conftest import EXECUTION, Resources, actions, as_list, statements

UNUSED = frozenset(
    line
    for line in Path(__file__).with_name("unused_actions.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)
"""What the resource schemas list for what the template does not do."""

BEYOND = {
    "logs:DeleteLogDelivery",  # an HTTP API's access log:
    "logs:GetLogDelivery",  # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
    "wafv2:GetWebACL",  # a distribution with a web ACL
}
"""What the resource schemas do not list, and it takes."""

OF_THE_ACCOUNT = {
    "ARandomSecret": {"secretsmanager:GetRandomPassword"},
    "FindZoneAndChange": {"route53:GetChange", "route53:ListHostedZones"},
    "LogsOfTheAccount": {
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DeleteQueryDefinition",
        "logs:DescribeLogGroups",
        "logs:DescribeQueryDefinitions",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutQueryDefinition",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    },
    "NewCertificate": {"acm:AddTagsToCertificate", "acm:RequestCertificate"},
    "NewKeys": {"kms:CreateKey", "kms:TagResource"},
    "SeeAlarms": {"cloudwatch:DescribeAlarms"},
    "SeeTheNames": {"kms:ListAliases"},
}
"""What names no resource, because it has none yet, or because IAM knows none for it."""


def listed(kind: str) -> set[str]:
    """Return the actions that CloudFormation's schema of a type of resource lists, for all but listing them."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    return {action for name, handler in handlers.items() if name != "list" for action in handler.get("permissions", ())}


def lower(names: set[str] | frozenset[str]) -> set[str]:
    return {name.lower() for name in names}


def test_it_may_do_what_each_type_of_resource_takes(bootstrap: Resources, deployed: Resources) -> None:
    allowed = lower(actions(bootstrap, *EXECUTION)) | lower(UNUSED)
    lacking = {
        kind: missing
        for kind in {resource["Type"] for resource in deployed.values()}
        if (missing := lower(listed(kind)) - allowed)
    }
    assert lacking == {}


def test_it_may_do_nothing_that_no_resource_takes(bootstrap: Resources, deployed: Resources) -> None:
    taken = {action for kind in {one["Type"] for one in deployed.values()} for action in listed(kind)} | BEYOND
    assert lower(actions(bootstrap, *EXECUTION)) - lower(taken) == set()
    assert lower(actions(bootstrap, *EXECUTION)) & lower(UNUSED) == set()


def test_what_is_said_to_be_unused_is_on_some_list(deployed: Resources) -> None:
    taken = {action for kind in {one["Type"] for one in deployed.values()} for action in listed(kind)}
    assert lower(UNUSED) - lower(taken) == set()


def test_no_action_has_a_wildcard(bootstrap: Resources) -> None:
    for name, statement in statements(bootstrap, *EXECUTION, "Boundary"):
        assert statement["Effect"] == "Allow", name
        assert not [action for action in as_list(statement["Action"]) if "*" in action or ":" not in action], name


def test_every_resource_is_named_but_for_those_that_have_no_name(bootstrap: Resources) -> None:
    nameless = {
        statement["Sid"]: set(as_list(statement["Action"]))
        for _, statement in statements(bootstrap, *EXECUTION)
        if "*" in as_list(statement["Resource"])
    }
    assert nameless == OF_THE_ACCOUNT


def test_it_reads_no_item_and_no_key_ring(bootstrap: Resources) -> None:
    allowed = actions(bootstrap, *EXECUTION)
    items = ("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem")
    assert {f"dynamodb:{item}" for item in items}.isdisjoint(allowed)
    assert {"secretsmanager:PutSecretValue", "lambda:InvokeFunction"}.isdisjoint(allowed)
    readable = [one for _, one in statements(bootstrap, *EXECUTION) if "GetSecretValue" in str(one["Action"])]
    [resource] = [as_list(one["Resource"]) for one in readable]
    assert [one["Fn::Sub"].rpartition(":secret:")[2] for one in resource] == ["FrontSecret-*"]


def test_a_key_is_used_only_to_show_that_it_works_and_by_dynamodb(bootstrap: Resources) -> None:
    uses = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"}
    using = [one for _, one in statements(bootstrap, *EXECUTION) if uses & set(as_list(one["Action"]))]
    conditions = {one["Sid"]: one["Condition"]["StringEquals"] for one in using}
    assert conditions == {
        "ShowThatASecretsKeyWorks": {
            "kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"},
            "kms:EncryptionContext:SecretARN": "RequestToValidateKeyAccess",
        },
        "LetDynamoDBUseATablesKey": {"kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"}},
    }


def test_it_makes_and_changes_roles_within_the_boundary_alone(bootstrap: Resources) -> None:
    dangerous = {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePolicy"}
    for _, statement in statements(bootstrap, *EXECUTION):
        if dangerous & set(as_list(statement["Action"])):
            assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "Boundary"}}}
    allowed = actions(bootstrap, *EXECUTION)
    ways_out = {
        "iam:AttachRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
        "iam:CreatePolicyVersion",
        "iam:CreateUser",
    }
    assert ways_out.isdisjoint(allowed)
    assert not [action for action in allowed if action.startswith(("sts:", "organizations:", "cloudformation:"))]


@pytest.mark.parametrize("stack", ["sundial-prod", "d", "deployment", "deploy", "Deployment-1"])
def test_it_has_no_right_over_its_own_role_or_the_boundary_whatever_the_stack_is_called(
    stack: str, bootstrap: Resources
) -> None:
    own = [
        f"arn:aws:iam::123456789012:{kind}/deployment/{stack}-bootstrap-{name}-1A2B3C4D5E6F"
        for kind, name in (("role", "ExecutionRole"), ("role", "DeployRole"), ("policy", "Boundary"))
    ]
    for name in ("DeployRole", "ExecutionRole", "Boundary", *EXECUTION):
        assert bootstrap[name]["Properties"]["Path"] == "/deployment/"
    for _, statement in statements(bootstrap, *EXECUTION):
        if any(action.startswith("iam:") for action in as_list(statement["Action"])):
            for resource in as_list(statement["Resource"]):
                assert not [arn for arn in own if fnmatchcase(arn, substituted(resource, stack))]


def test_it_hands_over_roles_to_those_who_assume_them_and_nobody_else(
    bootstrap: Resources, deployed: Resources
) -> None:
    [passing] = [one for _, one in statements(bootstrap, *EXECUTION) if "iam:PassRole" in as_list(one["Action"])]
    trusted = {
        service
        for role in deployed.values()
        if role["Type"] == "AWS::IAM::Role"
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for service in as_list(statement["Principal"]["Service"])
    }
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == trusted


def test_a_policy_is_no_longer_than_iam_takes_it(bootstrap: Resources) -> None:
    for name in (*EXECUTION, "Boundary"):
        document = json.dumps(
            substituted(bootstrap[name]["Properties"]["PolicyDocument"], "s" * 40), separators=(",", ":")
        )
        assert len(document) <= 6144, name


def substituted(value: Any, stack: str) -> Any:
    """Return what CloudFormation makes of a part of a policy, with long values for all but the stack's name."""
    names = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012"}
    names |= {"AWS::URLSuffix": "amazonaws.com", "StackName": stack}
    match value:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: names.get(found[1], "x" * 80), text)
        case {"Ref": str()} | {"Fn::GetAtt": _}:
            return "x" * 80
        case dict():
            return {key: substituted(one, stack) for key, one in value.items()}
        case list():
            return [substituted(one, stack) for one in value]
    return value
