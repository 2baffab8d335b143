"""The template's tables, secret, KMS key and event bus on a local endpoint, and the functions' environment there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import boto3

from sundial_local.intrinsics import TemplateError, resolve
from sundial_local.ministack import CREDENTIALS, REGION
from sundial_local.template import Function, Resource, Template


@dataclass(frozen=True, slots=True)
class Physical:
    """A resource that exists: what `Ref` and `GetAtt` of it come to."""

    reference: str
    attributes: Mapping[str, str]


def clients(endpoint: str) -> dict[str, Any]:
    """Return a boto3 client of `endpoint` for each service that a stack needs, by its name."""
    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    return {
        "dynamodb": session.client("dynamodb", endpoint_url=endpoint),
        "events": session.client("events", endpoint_url=endpoint),
        "kms": session.client("kms", endpoint_url=endpoint),
        "secretsmanager": session.client("secretsmanager", endpoint_url=endpoint),
    }


class Stack:
    """The resources of a template on one endpoint, their names beginning with `prefix`.

    What locks a deployed resource up (roles, key policies, deletion protection, backups) is left out:
    it would protect nothing here.
    """

    def __init__(self, template: Template, clients: Mapping[str, Any], prefix: str = "sundial-") -> None:
        """`clients` are those of `clients(endpoint)`."""
        self._template = template
        self._clients = clients
        self._prefix = prefix
        self._physical: dict[str, Physical] = {}
        self._scope = replace(template.scope, reference=self._reference, attribute=self._attribute)

    def ensure(self) -> None:
        """Make what isn't there yet. Raises TemplateError where what is there no longer fits the template."""
        for resource in self._template.resources.values():
            if resource.type in _MAKERS:
                self._made(resource.name)

    def environment(self, function: Function) -> dict[str, str]:
        """Return the environment variables of `function`, resolved to the names of this stack."""
        resolved = resolve(dict(function.environment), self._scope)
        return {name: str(value) for name, value in resolved.items()}

    def _reference(self, name: str) -> str:
        return self._made(name).reference

    def _attribute(self, name: str, attribute: str) -> str:
        attributes = self._made(name).attributes
        if attribute not in attributes:
            raise TemplateError(f"{name}.{attribute} is nothing that exists locally")
        return attributes[attribute]

    def _made(self, name: str) -> Physical:
        if name not in self._physical:
            resource = self._template.resources.get(name)
            if resource is None or resource.type not in _MAKERS:
                raise TemplateError(f"{name} is nothing that exists locally")
            properties = resolve(dict(resource.properties), self._scope)
            self._physical[name] = _MAKERS[resource.type](self, resource, properties)
        return self._physical[name]

    def _table(self, resource: Resource, properties: Mapping[str, Any]) -> Physical:
        dynamodb = self._clients["dynamodb"]
        name = f"{self._prefix}{resource.name}"
        wanted = {
            key: properties[key]
            for key in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            if key in properties
        }
        try:
            table = dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **wanted)["TableDescription"]
        except dynamodb.exceptions.ResourceInUseException:
            table = dynamodb.describe_table(TableName=name)["Table"]
            _check_same(name, table, wanted)
        else:
            if table["TableStatus"] != "ACTIVE":
                dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
            if "TimeToLiveSpecification" in properties:
                dynamodb.update_time_to_live(
                    TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
                )
        return Physical(name, {"Arn": table["TableArn"]})

    def _secret(self, resource: Resource, properties: Mapping[str, Any]) -> Physical:
        secretsmanager = self._clients["secretsmanager"]
        name = f"{self._prefix}{resource.name}"
        wanted = {key: properties[key] for key in ("KmsKeyId", "SecretString") if key in properties}
        try:
            arn = secretsmanager.create_secret(Name=name, **wanted)["ARN"]
        except secretsmanager.exceptions.ResourceExistsException:
            arn = secretsmanager.describe_secret(SecretId=name)["ARN"]
        return Physical(arn, {"Id": arn})

    def _key(self, resource: Resource, properties: Mapping[str, Any]) -> Physical:
        kms = self._clients["kms"]
        alias = f"alias/{self._prefix}{resource.name}"
        try:
            key = kms.describe_key(KeyId=alias)["KeyMetadata"]
        except kms.exceptions.NotFoundException:
            key = kms.create_key(Description=properties.get("Description", ""))["KeyMetadata"]
            kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
        return Physical(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    def _bus(self, resource: Resource, _properties: Mapping[str, Any]) -> Physical:
        events = self._clients["events"]
        name = f"{self._prefix}{resource.name}"
        try:
            arn = events.create_event_bus(Name=name)["EventBusArn"]
        except events.exceptions.ResourceAlreadyExistsException:
            arn = events.describe_event_bus(Name=name)["Arn"]
        return Physical(name, {"Arn": arn, "Name": name})


_MAKERS: Mapping[str, Callable[[Stack, Resource, Mapping[str, Any]], Physical]] = {
    "AWS::DynamoDB::Table": Stack._table,
    "AWS::Events::EventBus": Stack._bus,
    "AWS::SecretsManager::Secret": Stack._secret,
    "AWS::KMS::Key": Stack._key,
}


def _check_same(name: str, table: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    there = [table["KeySchema"], sorted(index["IndexName"] for index in table.get("GlobalSecondaryIndexes", ()))]
    now = [wanted["KeySchema"], sorted(index["IndexName"] for index in wanted.get("GlobalSecondaryIndexes", ()))]
    if there != now:
        raise TemplateError(f"the table {name} was made with other keys than template.yaml has now: `make reset`")
