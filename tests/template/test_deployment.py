"""What CloudFormation is told to make: kept, encrypted, logged, retried, and deployed without a gap."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.support.transformed import source, transformed

Resources = dict[str, dict[str, Any]]

FRONT_SECRET = (
    "{{resolve:secretsmanager:${FrontSecret}:SecretString:secret}}"  # CloudFormation's own way to name a secret's value
)


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in resources.items():
        if resource["Type"] == kind:
            yield name, resource


def test_the_tables_have_the_keys_that_the_stores_use(resources: Resources) -> None:
    keys = {
        name: {key["AttributeName"]: key["KeyType"] for key in table["Properties"]["KeySchema"]}
        for name, table in of_type(resources, "AWS::DynamoDB::Table")
    }
    assert keys == {
        "FamiliesTable": {"id": "HASH"},
        "DirectoryTable": {"pk": "HASH"},
        "PublicKeysTable": {"id": "HASH"},
    }
    [index] = resources["FamiliesTable"]["Properties"]["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "by_subject"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["subject", "created_at"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_a_table_is_on_demand_collects_its_garbage_and_can_be_restored(resources: Resources) -> None:
    for _, table in of_type(resources, "AWS::DynamoDB::Table"):
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("name", ["FamiliesTable", "DirectoryTable", "PublicKeysTable", "KeyRing", "KeyRingKey"])
def test_what_cannot_be_made_again_outlives_the_stack(name: str, resources: Resources) -> None:
    assert resources[name]["DeletionPolicy"] == "Retain"
    assert resources[name]["UpdateReplacePolicy"] == "Retain"


def test_the_key_ring_is_encrypted_under_a_key_of_its_own_and_made_by_the_rotation(resources: Resources) -> None:
    ring = resources["KeyRing"]["Properties"]
    assert ring["KmsKeyId"] == {"Fn::GetAtt": ["KeyRingKey", "Arn"]}
    assert "SecretString" not in ring
    assert "GenerateSecretString" not in ring
    key = resources["KeyRingKey"]["Properties"]
    assert key["EnableKeyRotation"] is True
    assert key["PendingWindowInDays"] == 30


def test_the_rotation_is_scheduled_on_the_live_alias_and_its_failures_are_kept(resources: Resources) -> None:
    [(_, schedule)] = of_type(resources, "AWS::Scheduler::Schedule")
    target = schedule["Properties"]["Target"]
    failures = {"Fn::GetAtt": ["RotateKeysFailures", "Arn"]}
    assert schedule["Properties"]["ScheduleExpression"] == "rate(10 minutes)"
    assert schedule["Properties"]["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert target["Arn"] == {"Ref": "RotateKeysFunctionAliaslive"}
    assert target["RoleArn"] == {"Fn::GetAtt": ["ScheduleRole", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": failures}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 3
    [(_, invoke)] = of_type(resources, "AWS::Lambda::EventInvokeConfig")
    assert invoke["Properties"]["Qualifier"] == "live"
    assert invoke["Properties"]["DestinationConfig"] == {"OnFailure": {"Destination": failures}}


def test_the_dead_letters_are_encrypted_and_kept_for_two_weeks(resources: Resources) -> None:
    queue = resources["RotateKeysFailures"]["Properties"]
    assert queue == {"MessageRetentionPeriod": 14 * 24 * 60 * 60, "SqsManagedSseEnabled": True}


def test_every_function_runs_on_the_chosen_python_and_processor_within_the_apis_time(resources: Resources) -> None:
    for name, function in of_type(resources, "AWS::Lambda::Function"):
        properties = function["Properties"]
        assert properties["Runtime"] == {"Ref": "PythonRuntime"}
        assert properties["Architectures"] == [{"Ref": "Architecture"}]
        assert properties["Handler"] == "app.handler"
        if name != "SmokeFunction":  # no part of the API, and called a few times a release
            assert properties["MemorySize"] == {"Ref": f"{name.removesuffix('Function')}MemorySize"}
            assert properties["Timeout"] <= 29


def test_every_function_is_told_where_everything_is(resources: Resources) -> None:
    for _, function in of_type(resources, "AWS::Lambda::Function"):
        variables = function["Properties"]["Environment"]["Variables"]
        assert {name: value for name, value in variables.items() if not name.startswith("SUNDIAL_VERSION_")} == {
            "SUNDIAL_CONFIG": "/opt/sundial.json",
            "SUNDIAL_ISSUER": {"Ref": "Issuer"},
            "SUNDIAL_FAMILIES_TABLE": {"Ref": "FamiliesTable"},
            "SUNDIAL_DIRECTORY_TABLE": {"Ref": "DirectoryTable"},
            "SUNDIAL_PUBLIC_KEYS_TABLE": {"Ref": "PublicKeysTable"},
            "SUNDIAL_SECRET": {"Ref": "KeyRing"},
            "SUNDIAL_KMS_KEY": {"Fn::GetAtt": ["KeyRingKey", "Arn"]},
            "SUNDIAL_EVENT_BUS": {"Ref": "EventBus"},
            "SUNDIAL_FRONT_SECRET": {"Fn::If": ["HasCloudFront", {"Fn::Sub": FRONT_SECRET}, {"Ref": "AWS::NoValue"}]},
            "SUNDIAL_FRONT_SERIAL": {
                "Fn::If": ["HasCloudFront", {"Ref": "FrontSecretSerial"}, {"Ref": "AWS::NoValue"}]
            },
            "SUNDIAL_CLIENT_METRICS": {"Ref": "ClientMetrics"},
            "SUNDIAL_TRACING": {"Fn::If": ["HasTracing", "on", {"Ref": "AWS::NoValue"}]},
            "POWERTOOLS_SERVICE_NAME": {"Ref": "AWS::StackName"},
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }


def test_every_function_logs_json_into_a_group_of_its_own_that_forgets(resources: Resources) -> None:
    groups = dict(of_type(resources, "AWS::Logs::LogGroup"))
    assert all(group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    used = []
    for _, function in of_type(resources, "AWS::Lambda::Function"):
        logging = function["Properties"]["LoggingConfig"]
        assert logging["LogFormat"] == "JSON"
        assert logging["ApplicationLogLevel"] == "INFO", "the SDK's debug lines hold the secret"
        used.append(logging["LogGroup"]["Ref"])
    assert sorted([*used, "AccessLogs"]) == sorted(groups)


def test_the_access_log_says_what_happened_and_nothing_that_a_request_carried(resources: Resources) -> None:
    settings = resources["HttpApiStage"]["Properties"]["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    line = json.loads(settings["Format"])
    assert line["requestId"] == "$context.requestId"
    assert line["route"] == "$context.routeKey"
    assert line["status"] == "$context.status"
    assert line["latencyMs"] == "$context.responseLatency"
    carried = re.compile(r"\$context\.(path|identity|authorizer|domain|.*[hH]eader|.*[qQ]uery)|\$request|\$input")
    assert not [variable for variable in line.values() if carried.match(variable)]


def test_every_route_is_throttled(resources: Resources) -> None:
    assert resources["HttpApiStage"]["Properties"]["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ThrottlingRateLimit"},
        "ThrottlingBurstLimit": {"Ref": "ThrottlingBurstLimit"},
    }


def test_what_is_written_or_guessed_before_a_login_is_throttled_harder(resources: Resources) -> None:
    def at(rate: str, burst: str) -> dict[str, Any]:
        return {"ThrottlingRateLimit": {"Ref": rate}, "ThrottlingBurstLimit": {"Ref": burst}}

    devices = at("DeviceThrottlingRateLimit", "DeviceThrottlingRateLimit")
    assert resources["HttpApiStage"]["Properties"]["RouteSettings"] == {
        "POST /token": at("TokenThrottlingRateLimit", "TokenThrottlingBurstLimit"),
        "POST /auth/{connector}/login": at("LoginThrottlingRateLimit", "LoginThrottlingRateLimit"),
        "POST /device/code": devices,
        "POST /device/auth/verify_code": devices,
    }
    defaults = {name: one["Default"] for name, one in source()["Parameters"].items() if "Throttling" in name}
    assert (
        defaults["DeviceThrottlingRateLimit"] < defaults["LoginThrottlingRateLimit"] < defaults["ThrottlingRateLimit"]
    )


def test_every_route_calls_the_live_alias_with_payload_2(resources: Resources) -> None:
    paths = resources["HttpApi"]["Properties"]["Body"]["paths"]
    for methods in paths.values():
        for operation in methods.values():
            integration = operation["x-amazon-apigateway-integration"]
            assert integration["payloadFormatVersion"] == "2.0"
            assert "Aliaslive" in json.dumps(integration["uri"])


@pytest.mark.parametrize("layer", ["SundialLayer", "ConfigLayer"])
def test_a_change_of_a_layer_alone_publishes_every_function_again(layer: str) -> None:
    assert unchanged().isdisjoint(versions(changed=layer))


def test_nothing_changed_publishes_nothing() -> None:
    assert unchanged() == versions(changed=None)


@cache
def unchanged() -> set[str]:
    return versions(changed=None)


def versions(*, changed: str | None) -> set[str]:
    """Return the logical ids of the functions' versions, with the content of one layer changed."""
    document = source()
    if changed:
        document["Resources"][changed]["Properties"]["ContentUri"] += "-another"
    names = {name for name, _ in of_type(transformed(document)["Resources"], "AWS::Lambda::Version")}
    assert len(names) == 7
    return names


def test_a_release_asks_the_smoke_test_first_and_that_has_every_new_version(resources: Resources) -> None:
    aliases = {name.removesuffix("FunctionAliaslive"): one for name, one in of_type(resources, "AWS::Lambda::Alias")}
    hook = {"Ref": "SmokeFunction"}
    asked = {
        name: alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"].get("BeforeAllowTrafficHook")
        for name, alias in aliases.items()
        if "UpdatePolicy" in alias
    }
    assert asked == dict.fromkeys(aliases.keys() - {"Smoke"}, hook)
    variables = resources["SmokeFunction"]["Properties"]["Environment"]["Variables"]
    tried = {name: value["Ref"] for name, value in variables.items() if name.startswith("SUNDIAL_VERSION_")}
    newest = {aliases[name]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0] for name in asked}
    assert set(tried.values()) == newest


def test_every_layer_says_what_it_runs_on(resources: Resources) -> None:
    layers = dict(of_type(resources, "AWS::Lambda::LayerVersion"))
    assert len(layers) == 2
    for layer in layers.values():
        assert layer["Properties"]["CompatibleRuntimes"] == [{"Ref": "PythonRuntime"}]
        assert layer["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]


@pytest.mark.parametrize(
    ("issuer", "taken"),
    [
        ("https://login.example.com", True),
        ("https://login.example.com:8443/dex", True),
        ("https://example.com/a/b-c", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost/dex", True),
        ("http://[::1]:8080", True),
        ("http://login.example.com", False),
        ("https://login.example.com/", False),
        ("https://login.example.com/dex/", False),
        ("https://login.example.com?tenant=1", False),
        ("https://login.example.com#top", False),
        ("https://user@login.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("login.example.com", False),
        ("", False),
    ],
)
def test_the_issuer_is_an_https_url_or_loopback_without_query_or_trailing_slash(issuer: str, taken: bool) -> None:
    pattern = source()["Parameters"]["Issuer"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, issuer)) == taken


def test_every_parameter_explains_itself_and_refuses_nonsense() -> None:
    for name, parameter in source()["Parameters"].items():
        assert parameter["Description"], name
        assert "AllowedPattern" not in parameter or parameter["ConstraintDescription"], name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys(), name


def test_the_outputs_name_what_an_operator_needs() -> None:
    assert set(source()["Outputs"]) == {
        "Issuer",
        "ApiUrl",
        "DomainTarget",
        "FamiliesTableName",
        "DirectoryTableName",
        "PublicKeysTableName",
        "KeyRingArn",
        "EventBusName",
        "AlarmTopicArn",
        "DashboardUrl",
        "RotateKeysFunctionName",
    }
