"""The tables: whether they are there, collect their garbage, and can be restored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sundial_cli.health.finding import Finding, Look, bad, ok, warning
from sundial_cli.target import Resource, Target

TYPE = "AWS::DynamoDB::Table"
_RESTORING = "restoring-a-table-from-a-backup"
_USABLE = frozenset({"ACTIVE", "UPDATING"})


def looks(target: Target, resources: Sequence[Resource]) -> Iterator[Look]:
    """Yield two or three looks for each table: backups and protection are for deployed ones."""
    dynamodb = target.client("dynamodb")
    deployed = target.stack is not None
    for table in resources:
        if table.type == TYPE:
            yield Look("tables", table.name, partial(_table, dynamodb, table, deployed))
            yield Look("tables", f"the TTL of {table.name}", partial(_ttl, dynamodb, table))
            if deployed:
                yield Look("tables", f"the backups of {table.name}", partial(_backups, dynamodb, table))


def _table(dynamodb: Any, table: Resource, deployed: bool) -> Iterator[Finding]:
    try:
        description = dynamodb.describe_table(TableName=table.id)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        yield bad(f"{table.name} is gone ({table.id})", "restore it from its last backup", _RESTORING)
        return
    status = description["TableStatus"]
    if status not in _USABLE:
        yield bad(f"{table.name} is {status}", "DynamoDB's console says why, and what it takes", "server-errors")
    elif deployed and not description.get("DeletionProtectionEnabled"):
        yield warning(
            f"{table.name} can be deleted by mistake",
            f"aws dynamodb update-table --table-name {table.id} --deletion-protection-enabled",
        )
    else:
        yield ok(f"{table.name} is {status.lower()}" + (", and protected from deletion" if deployed else ""))


def _ttl(dynamodb: Any, table: Resource) -> Iterator[Finding]:
    try:
        description = dynamodb.describe_time_to_live(TableName=table.id)["TimeToLiveDescription"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return  # which is said of the table itself
    if description["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        yield ok(f"{table.name} deletes what is over (TTL by {description.get('AttributeName', 'ttl')})")
        return
    yield warning(
        f"{table.name} keeps what is over for ever: its TTL is {description['TimeToLiveStatus'].lower()}."
        " Nothing that is over is honoured, but it costs",
        f"aws dynamodb update-time-to-live --table-name {table.id}"
        " --time-to-live-specification Enabled=true,AttributeName=ttl",
    )


def _backups(dynamodb: Any, table: Resource) -> Iterator[Finding]:
    try:
        answer = dynamodb.describe_continuous_backups(TableName=table.id)
    except (dynamodb.exceptions.TableNotFoundException, dynamodb.exceptions.ResourceNotFoundException):
        return
    recovery = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") == "ENABLED":
        yield ok(
            f"{table.name} can be restored to any second of the last {recovery.get('RecoveryPeriodInDays', 35)} days"
        )
        return
    yield warning(
        f"{table.name} can't be restored: point-in-time recovery is off",
        f"aws dynamodb update-continuous-backups --table-name {table.id}"
        " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
        _RESTORING,
    )
