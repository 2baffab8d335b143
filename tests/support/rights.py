"""What the deployed role of a function lets it do with the tables: IAM, as far as template.yaml uses it for them.

MiniStack lets everything be done. So a function under test is held to its role here, before its call is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from tests.support.transformed import source

LEADING_KEYS = "dynamodb:LeadingKeys"
PARTITION_KEYS = ("id", "pk")
"""The name of the one attribute of each table's key: template.yaml, `KeySchema`."""
TABLES = {
    "SUNDIAL_FAMILIES_TABLE": "FamiliesTable",
    "SUNDIAL_DIRECTORY_TABLE": "DirectoryTable",
    "SUNDIAL_PUBLIC_KEYS_TABLE": "PublicKeysTable",
}
"""The tables' logical ids, by the variables that hold their names."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a call does to one table: as IAM sees it. `keys` are the partition keys that it names."""

    action: str
    table: str
    keys: tuple[str, ...]


def accesses(operation: str, parameters: Mapping[str, Any], tables: Mapping[str, str]) -> Iterable[Access]:
    """Yield what a call of DynamoDB does; `tables` are logical ids, by name.

    An operation that stands for others (TransactWriteItems) is checked as each of those: "Using IAM with DynamoDB
    transactions", DynamoDB Developer Guide.
    """
    match operation:
        case "GetItem" | "UpdateItem" | "DeleteItem":
            yield Access(f"dynamodb:{operation}", tables[parameters["TableName"]], (_key(parameters["Key"]),))
        case "PutItem":
            yield Access("dynamodb:PutItem", tables[parameters["TableName"]], (_key(parameters["Item"]),))
        case "BatchGetItem":
            for name, asked in parameters["RequestItems"].items():
                yield Access("dynamodb:BatchGetItem", tables[name], tuple(map(_key, asked["Keys"])))
        case _:
            raise AssertionError(f"no function is known to call {operation}")


def _key(item: Mapping[str, Any]) -> str:
    [name] = [name for name in PARTITION_KEYS if name in item]
    return str(item[name]["S"])


@cache
def statements(role: str) -> tuple[Mapping[str, Any], ...]:
    """Return the statements of a role of template.yaml."""
    policies = source()["Resources"][role]["Properties"]["Policies"]
    return tuple(one for policy in policies for one in policy["PolicyDocument"]["Statement"])


def is_allowed(role: str, access: Access) -> bool:
    """Return whether a statement of `role` lets it have `access`; no statement of template.yaml denies anything."""
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        named = {"Fn::GetAtt": [access.table, "Arn"]}
        if (
            access.action in as_list(statement["Action"])
            and named in as_list(statement["Resource"])
            and holds(statement.get("Condition", {}), access.keys)
        ):
            return True
    return False


def holds(condition: Mapping[str, Mapping[str, Any]], keys: tuple[str, ...]) -> bool:
    """Return whether a condition on the partition keys holds of a request that names these.

    As the IAM User Guide has it: "Single-valued vs. multivalued context keys", "IAM JSON policy elements: Condition
    operators", "Conditions with multiple context keys or values". Raises AssertionError for what isn't known here.
    """
    for operator, tested in condition.items():
        [(name, values)] = tested.items()
        assert name == LEADING_KEYS
        if not _OPERATORS[operator](keys, as_list(values)):
            return False
    return True


def _is_like(key: str, patterns: Iterable[str]) -> bool:
    assert not any("[" in pattern for pattern in patterns), "to fnmatch that would mean something"
    return any(fnmatchcase(key, pattern) for pattern in patterns)


_OPERATORS: Mapping[str, Callable[[tuple[str, ...], list[str]], bool]] = {
    "ForAllValues:StringLike": lambda keys, patterns: all(_is_like(key, patterns) for key in keys),
    "ForAllValues:StringNotLike": lambda keys, patterns: not any(_is_like(key, patterns) for key in keys),
    "Null": lambda keys, values: values == [str(not keys).lower()],
}


def as_list(value: Any) -> list[Any]:
    """Return what may stand in a policy as one value or as several."""
    return value if isinstance(value, list) else [value]


@dataclass
class Guard:
    """Lets calls through that `role` allows; None is whoever tests, who may do anything."""

    tables: Mapping[str, str]
    role: str | None = None

    def attach(self, client: Any) -> None:
        """Look at each call of a client of DynamoDB before it is sent. Raises AssertionError where it is denied."""
        client.meta.events.register("before-parameter-build.dynamodb", self._check)

    def _check(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        if self.role is None:
            return
        for access in accesses(model.name, params, self.tables):
            assert is_allowed(self.role, access), f"{self.role} may not: {access}"


def guard(environment: Mapping[str, str]) -> Guard:
    """Return a guard of the tables of a stack's environment."""
    return Guard({environment[variable]: table for variable, table in TABLES.items()})
