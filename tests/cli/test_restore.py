"""docs/operations.md, "Restoring a table from a backup": each command, in its order, on a table that is damaged."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from string import Template

import pytest

from sundial.expiry.family import Ending
from sundial.store.dynamodb_families import DynamoFamilies
from sundial_local.operate import LocalStack
from sundial_local.state import StateFolder
from tests.support.aws_cli import AwsCli, aws_cli, needs_aws_cli
from tests.support.config import APP
from tests.support.families import LOGIN_AT, a_family
from tests.support.operator import MakeOperator, Operator
from tests.support.pages import every_command
from tests.support.stack import OwnStack


@pytest.fixture
def sundial(make_operator: MakeOperator) -> Operator:
    operator = make_operator(APP)
    LocalStack(StateFolder(operator.folder)).rotate_keys({})
    operator.now = LOGIN_AT + 3600
    return operator


def states(sundial: Operator) -> dict[str, str]:
    return {one["family_id"]: one["state"] for one in sundial("sessions list --all --json").json["sessions"]}


@needs_aws_cli
def test_the_page_restores_a_damaged_table_and_no_revoked_login_comes_back_to_life(
    sundial: Operator, stack: OwnStack, aws_environment: Mapping[str, str]
) -> None:
    families = DynamoFamilies(stack.dynamodb, stack.families_table)
    kept, lost, revoked = (a_family(family_id=letter * 22) for letter in "ABC")
    for family in (kept, lost, revoked):
        families.begin(family)
    names = {"TABLE": stack.families_table}
    with (
        aws_cli(aws_environment) as aws,
        every_command("docs/operations.md", section="Restoring a table from a backup") as shown,
    ):
        for command in shown:
            text = Template(command.replace("$(", "$$(")).substitute(names)
            if text.startswith("TABLE="):
                continue  # whose name the test knows
            if match := re.fullmatch(r"(\w+)=\$\((aws .*)\)", text):
                names[match[1]] = aws(match[2])
                families.revoke(revoked.family_id, sundial.now, Ending.BY_OPERATOR)  # after the instant restored to
                stack.dynamodb.delete_item(TableName=stack.families_table, Key={"id": {"S": lost.family_id}})
            elif text.startswith("sundial sessions"):
                assert sundial(text.removeprefix("sundial ") + " --yes").status == 0
            elif text == "sundial status":
                look_at(sundial("status").out, aws)
            else:
                aws(text)
    assert states(sundial) == {one.family_id: "before the watermark" for one in (kept, lost, revoked)}


def look_at(out: str, aws: AwsCli) -> None:
    """Find that the restored table lacks its TTL, and put it on by the command that is shown."""
    [remedy] = re.findall(r"do: (aws dynamodb update-time-to-live .*)", out)
    assert shlex.split(remedy)[-1] == "Enabled=true,AttributeName=ttl"
    aws(remedy)
