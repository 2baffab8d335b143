"""The local stack: the template's resources on MiniStack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sundial_local.ministack import MiniStack
from sundial_local.template import Template
from tests.support.stack import OwnStack, own_stack


def test_a_stack_has_the_tables_secret_and_key_of_the_template(stack: OwnStack) -> None:
    families = stack.dynamodb.describe_table(TableName=stack.families_table)["Table"]
    assert families["TableStatus"] == "ACTIVE"
    assert [key["AttributeName"] for key in families["KeySchema"]] == ["id"]
    assert [index["IndexName"] for index in families["GlobalSecondaryIndexes"]] == ["by_subject"]
    ttl = stack.dynamodb.describe_time_to_live(TableName=stack.families_table)["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "ttl"
    assert stack.dynamodb.describe_table(TableName=stack.directory_table)["Table"]["TableStatus"] == "ACTIVE"
    assert stack.dynamodb.describe_table(TableName=stack.public_keys_table)["Table"]["TableStatus"] == "ACTIVE"
    secret = stack.secretsmanager.describe_secret(SecretId=stack.secret_id)
    assert stack.kms.describe_key(KeyId=secret["KmsKeyId"])["KeyMetadata"]["Enabled"]


def test_two_stacks_share_nothing(template: Template, ministack: MiniStack, aws_clients: Mapping[str, Any]) -> None:
    one, other = (own_stack(template, ministack, aws_clients) for _ in range(2))
    for name in ("SUNDIAL_FAMILIES_TABLE", "SUNDIAL_DIRECTORY_TABLE", "SUNDIAL_PUBLIC_KEYS_TABLE", "SUNDIAL_SECRET"):
        assert one.environment[name] != other.environment[name]
