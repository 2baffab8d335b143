"""What each function may do: exactly this, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sundial.store.envelopes import PURPOSE
from tests.support.transformed import source, transformed

Resources = dict[str, dict[str, Any]]
Right = tuple[str, str]

THROUGH_SECRETS_MANAGER = {
    "StringEquals": {
        "kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"},
        "kms:EncryptionContext:SecretARN": {"Ref": "KeyRing"},
    }
}

FOR_WHAT_CONNECTORS_KEEP = {
    "StringEquals": {"kms:EncryptionContext:purpose": PURPOSE},
    "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["purpose", "family"]},
}


def to_log(group: str) -> set[Right]:
    return {("logs:CreateLogStream", group), ("logs:PutLogEvents", group)}


RIGHTS: Mapping[str, set[Right]] = {
    "JwksFunction": {("dynamodb:GetItem", "PublicKeysTable")} | to_log("JwksLogs"),
    "AuthorizeFunction": {
        ("dynamodb:PutItem", "FamiliesTable"),
        ("dynamodb:UpdateItem", "FamiliesTable"),
        ("events:PutEvents", "EventBus"),
        ("dynamodb:GetItem", "DirectoryTable"),
        ("secretsmanager:GetSecretValue", "KeyRing"),
        ("kms:Decrypt", "KeyRingKey"),
        ("kms:GenerateDataKey", "KeyRingKey"),
    }
    | to_log("AuthorizeLogs"),
    "TokenFunction": {
        ("dynamodb:GetItem", "FamiliesTable"),
        ("dynamodb:PutItem", "FamiliesTable"),
        ("dynamodb:UpdateItem", "FamiliesTable"),
        ("dynamodb:BatchGetItem", "FamiliesTable"),
        ("dynamodb:BatchGetItem", "PublicKeysTable"),
        ("dynamodb:GetItem", "DirectoryTable"),
        ("secretsmanager:GetSecretValue", "KeyRing"),
        ("kms:Decrypt", "KeyRingKey"),
        ("events:PutEvents", "EventBus"),
    }
    | to_log("TokenLogs"),
    "UserinfoFunction": {
        ("dynamodb:BatchGetItem", "FamiliesTable"),
        ("dynamodb:BatchGetItem", "PublicKeysTable"),
    }
    | to_log("UserinfoLogs"),
    "DeviceFunction": {
        ("dynamodb:GetItem", "FamiliesTable"),
        ("dynamodb:PutItem", "FamiliesTable"),
        ("dynamodb:UpdateItem", "FamiliesTable"),
        ("dynamodb:GetItem", "DirectoryTable"),
        ("secretsmanager:GetSecretValue", "KeyRing"),
        ("kms:Decrypt", "KeyRingKey"),
    }
    | to_log("DeviceLogs"),
    "RotateKeysFunction": {
        ("secretsmanager:DescribeSecret", "KeyRing"),
        ("secretsmanager:GetSecretValue", "KeyRing"),
        ("secretsmanager:PutSecretValue", "KeyRing"),
        ("secretsmanager:UpdateSecretVersionStage", "KeyRing"),
        ("kms:Decrypt", "KeyRingKey"),
        ("kms:GenerateDataKey", "KeyRingKey"),
        ("dynamodb:GetItem", "PublicKeysTable"),
        ("dynamodb:PutItem", "PublicKeysTable"),
        ("sqs:SendMessage", "RotateKeysFailures"),
        ("events:PutEvents", "EventBus"),
    }
    | to_log("RotateKeysLogs"),
    "SmokeFunction": {
        ("lambda:InvokeFunction", "JwksFunctionVersion"),
        ("lambda:InvokeFunction", "AuthorizeFunctionVersion"),
        ("lambda:InvokeFunction", "TokenFunctionVersion"),
        ("lambda:InvokeFunction", "UserinfoFunctionVersion"),
        ("lambda:InvokeFunction", "DeviceFunctionVersion"),
        ("lambda:InvokeFunction", "RotateKeysFunctionVersion"),
        ("codedeploy:PutLifecycleEventHookExecutionStatus", "ServerlessDeploymentApplication"),
    }
    | to_log("SmokeLogs"),
}


RELEASED = RIGHTS.keys() - {"SmokeFunction"}
"""The functions whose alias CodeDeploy moves."""

WILDCARDS = {
    ("ReleaseRole", "cloudwatch:DescribeAlarms"),
    ("SmokeRole", "codedeploy:PutLifecycleEventHookExecutionStatus"),
}
"""What can't be given for one resource alone; template.yaml says why in each case. None of it reads or writes data."""


@pytest.mark.parametrize("function", RIGHTS)
def test_a_function_has_the_rights_that_it_uses_and_no_other(function: str, resources: Resources) -> None:
    role = resources[role_of(resources[function])]
    assert rights(role) == RIGHTS[function]


def test_every_function_is_listed_here_and_has_a_role_of_its_own(resources: Resources) -> None:
    functions = {name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function"}
    assert functions.keys() == RIGHTS.keys()
    assert len({role_of(function) for function in functions.values()}) == len(functions)


def test_the_schedule_may_start_the_live_rotation_and_report_a_missed_run(resources: Resources) -> None:
    assert rights(resources["ScheduleRole"]) == {
        ("lambda:InvokeFunction", "RotateKeysFunctionAliaslive"),
        ("sqs:SendMessage", "RotateKeysFailures"),
    }
    [trust] = resources["ScheduleRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_codedeploy_may_move_the_live_aliases_see_alarms_and_tell_of_a_failure(resources: Resources) -> None:
    role = resources["ReleaseRole"]
    granted = {
        (action, str(one))
        for statement in statements_of(role)
        for action in as_list(statement["Action"])
        for one in as_list(statement["Resource"])
    }
    arn = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"
    assert granted == (
        {(f"lambda:{do}Alias", str({"Fn::GetAtt": [name, "Arn"]})) for name in RELEASED for do in ("Get", "Update")}
        | {("lambda:GetProvisionedConcurrencyConfig", str({"Fn::Sub": f"${{{name}.Arn}}:live"})) for name in RELEASED}
        | {("lambda:InvokeFunction", str({"Fn::GetAtt": ["SmokeFunction", "Arn"]}))}
        | {("cloudwatch:DescribeAlarms", str({"Fn::Sub": arn})), ("sns:Publish", str({"Ref": "AlarmTopic"}))}
    )
    [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_where_tracing_is_on_each_function_may_send_traces_and_where_it_is_off_none_may(resources: Resources) -> None:
    policy = resources["TracingPolicy"]
    assert policy["Condition"] == "HasTracing"
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert statement["Resource"] == "*", "X-Ray has no resource to name"
    traced = {role["Ref"] for role in policy["Properties"]["Roles"]}
    assert traced == {role_of(resources[name]) for name in RIGHTS if name != "SmokeFunction"}
    assert "xray:" not in str([role for name, role in resources.items() if name != "TracingPolicy"])


def test_no_policy_has_a_wildcard_or_is_anyone_elses(resources: Resources) -> None:
    assert list(loose_ends(resources)) == []


def test_a_wildcard_would_be_noticed() -> None:
    document = source()
    [policy] = document["Resources"]["JwksRole"]["Properties"]["Policies"]
    policy["PolicyDocument"]["Statement"][0]["Action"] = "dynamodb:*"
    document["Resources"]["TokenRole"]["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    document["Resources"]["UserinfoFunction"]["Properties"]["Policies"] = ["AmazonDynamoDBFullAccess"]
    del document["Resources"]["UserinfoFunction"]["Properties"]["Role"]
    found = set(loose_ends(transformed(document)["Resources"]))
    assert {name for name, _ in found} == {"JwksRole", "TokenRole", "UserinfoFunctionRole"}


def test_only_functions_that_sign_or_seal_can_read_the_private_keys() -> None:
    readers = {name for name, granted in RIGHTS.items() if ("secretsmanager:GetSecretValue", "KeyRing") in granted}
    assert readers == {"AuthorizeFunction", "TokenFunction", "DeviceFunction", "RotateKeysFunction"}


def test_only_the_rotation_can_write_the_private_keys() -> None:
    writes = ("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
    for name, granted in RIGHTS.items():
        allowed = {action for action, _ in granted}
        assert allowed.isdisjoint(writes) == (name != "RotateKeysFunction"), name


def test_the_kms_key_is_used_through_secrets_manager_for_the_key_ring_and_else_for_what_connectors_keep(
    resources: Resources,
) -> None:
    statements = [(name, statement) for name, role in roles(resources).items() for statement in statements_of(role)]
    using_kms = [
        (name, one) for name, one in statements if any(action.startswith("kms:") for action in as_list(one["Action"]))
    ]
    direct = {name: one["Action"] for name, one in using_kms if one["Condition"] == FOR_WHAT_CONNECTORS_KEEP}
    assert direct == {"AuthorizeRole": "kms:GenerateDataKey", "TokenRole": "kms:Decrypt"}
    through = {name for name, one in using_kms if one["Condition"] == THROUGH_SECRETS_MANAGER}
    assert len(using_kms) == len(direct) + len(through)


def test_the_kms_key_policy_lets_the_account_administer_the_key_but_use_it_only_for_the_key_ring(
    resources: Resources,
) -> None:
    administer, use, keep = resources["KeyRingKey"]["Properties"]["KeyPolicy"]["Statement"]
    account = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert administer["Principal"] == use["Principal"] == keep["Principal"] == account
    assert not any("*" in action for action in administer["Action"])
    uses = {"Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo", "CreateGrant"}
    assert {f"kms:{use}" for use in uses}.isdisjoint(administer["Action"])
    assert set(use["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert use["Condition"]["StringEquals"] == {
        "kms:CallerAccount": {"Ref": "AWS::AccountId"},
        "kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"},
    }
    [pattern, validation] = use["Condition"]["StringLike"]["kms:EncryptionContext:SecretARN"]
    name = resources["KeyRing"]["Properties"]["Name"]["Fn::Sub"]
    assert pattern["Fn::Sub"].endswith(f":secret:{name}-??????")
    assert validation == "RequestToValidateKeyAccess"
    assert set(keep["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert keep["Condition"]["StringEquals"] == {
        "kms:CallerAccount": {"Ref": "AWS::AccountId"},
        "kms:EncryptionContext:purpose": PURPOSE,
    }
    keys = "ForAllValues:StringEquals"
    assert keep["Condition"][keys] == FOR_WHAT_CONNECTORS_KEEP[keys]


def test_every_role_can_be_kept_within_a_permissions_boundary(resources: Resources) -> None:
    boundary = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    for name, role in roles(resources).items():
        assert role["Properties"]["PermissionsBoundary"] == boundary, name


def test_lambda_alone_assumes_the_functions_roles(resources: Resources) -> None:
    for function in RIGHTS:
        role = resources[role_of(resources[function])]
        [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust == {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }


def test_the_api_alone_may_invoke_the_live_functions_of_its_routes(resources: Resources) -> None:
    permissions = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Lambda::Permission"]
    assert permissions
    for permission in permissions:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["FunctionName"]["Ref"].endswith("Aliaslive")
        assert permission["SourceArn"]["Fn::Sub"][1]["__ApiId__"] == {"Ref": "HttpApi"}


def role_of(function: Mapping[str, Any]) -> str:
    role, attribute = function["Properties"]["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(role)


def roles(resources: Resources) -> Resources:
    return {name: one for name, one in resources.items() if one["Type"] == "AWS::IAM::Role"}


def statements_of(role: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for policy in role["Properties"].get("Policies", ()):
        yield from policy["PolicyDocument"]["Statement"]


def rights(role: Mapping[str, Any]) -> set[Right]:
    """Return every action that the role allows with the resource that it allows it on."""
    found = set()
    for statement in statements_of(role):
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            found |= {(action, resource_named(one)) for one in as_list(statement["Resource"])}
    return found


def resource_named(value: Any) -> str:
    """Return the logical id of a resource of this template; anything else is no way to name one in a policy."""
    match value:
        case {"Ref": str(name)} if len(value) == 1:
            return re.sub(r"Version[0-9a-f]{10}$", "Version", name)  # SAM names a version by what is in it
        case {"Fn::GetAtt": [str(name), "Arn"]} if len(value) == 1:
            return name
        case {"Fn::Sub": str(text)} if text.endswith(
            ":deploymentgroup:${AWS::StackName}-ServerlessDeploymentApplication-*"
        ):
            return "ServerlessDeploymentApplication"
    raise AssertionError(f"not a resource of this template: {value!r}")


def loose_ends(resources: Resources) -> Iterator[tuple[str, str]]:
    """Yield what a role holds beside exact actions on exact resources of this template."""
    kinds = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy")
    for name, resource in resources.items():
        if resource["Type"] in kinds and name != "TracingPolicy":
            yield name, "a policy that does not stand in its role"
    for name, role in roles(resources).items():
        if role["Properties"].get("ManagedPolicyArns"):
            yield name, "a managed policy"
        for statement in statements_of(role):
            if "NotAction" in statement or "NotResource" in statement:
                yield name, "everything but"
                continue
            if any("*" in action or "?" in action for action in as_list(statement["Action"])):
                yield name, f"a wildcard action: {statement['Action']}"
            if any("*" in str(one) or "?" in str(one) for one in as_list(statement["Resource"])):
                if (name, statement["Action"]) in WILDCARDS:
                    continue
                yield name, f"a wildcard resource: {statement['Resource']}"


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
