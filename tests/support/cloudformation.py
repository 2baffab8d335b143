"""Stacks of CloudFormation on MiniStack, as `sundial` finds a deployment by."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3

FUNCTION = "def handler(event, context):\n    return {}\n"


def make_stack(name: str, outputs: Mapping[str, Any], resources: Mapping[str, Any] | None = None) -> None:
    """Make a stack of `resources`, in whose text STACK stands for its name; of a queue, where there are none."""
    cloudformation = boto3.client("cloudformation")
    template = {
        "Resources": resources or {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template).replace("STACK", name))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def resource_ids(name: str) -> dict[str, str]:
    """Return what the resources of a stack are called, by their names in its template."""
    resources = boto3.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}


def zipped(files: Mapping[str, str]) -> bytes:
    """Return an archive, such as the code of a function."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


RESOURCES: Mapping[str, Any] = {
    "FamiliesTable": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "DeletionProtectionEnabled": True,
        },
    },
    "KeyRingKey": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}}},
    "KeyRing": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "STACK", "SecretString": "{}"}},
    "RotateKeysFunction": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "STACK-rotate",
            "Runtime": "python3.13",
            "Handler": "app.handler",
            "Role": "arn:aws:iam::000000000000:role/rotate",
            "Code": {"ZipFile": FUNCTION},
        },
    },
    "RotateKeysFunctionVersion": {
        "Type": "AWS::Lambda::Version",
        "Properties": {"FunctionName": {"Ref": "RotateKeysFunction"}},
    },
    "RotateKeysFunctionAliaslive": {
        "Type": "AWS::Lambda::Alias",
        "Properties": {"FunctionName": {"Ref": "RotateKeysFunction"}, "FunctionVersion": "1", "Name": "live"},
    },
    "RotateKeysFunctionSchedule": {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Name": "STACK-rotate",
            "ScheduleExpression": "rate(10 minutes)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": {"Fn::GetAtt": ["RotateKeysFunction", "Arn"]},
                "RoleArn": "arn:aws:iam::000000000000:role/schedule",
            },
        },
    },
    "AlarmTopic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "STACK"}},
    "IntegrityAlarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "STACK-integrity",
            "AlarmDescription": "Raise the watermark. docs/operations.md#integrity",
            "Namespace": "Sundial",
            "MetricName": "IntegrityAlarms",
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
        },
    },
}
"""A table, a key, a secret, a function, a schedule, an alarm and a topic, as `sundial status` looks for them."""
