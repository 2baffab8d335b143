"""Which parts of the tables each function reaches: IAM is told by how the keys begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sundial.store.family_items import denial_id
from sundial.tokens.dex import inherited_family_id
from sundial.tokens.opaque import new_family_id
from sundial_local.stack import clients
from tests.support.rights import LEADING_KEYS, Access, Guard, as_list, is_allowed, statements
from tests.support.transformed import source

ACTIONS = ("GetItem", "BatchGetItem", "PutItem", "UpdateItem")

KEYS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "FamiliesTable": {
        # Of random bits, so in any spelling that there is: the last two look like something else.
        "family": (new_family_id(), inherited_family_id("of Dex"), "jti-AAAAAAAAAAAAAAAAAA", "tries_AAAAAAAAAAAAAAAA"),
        "denied token": (denial_id("AAAA"),),
        "request": ("user-code#BCDFGHJK",),
        "try": ("tries#AAAAAAAAAAAAAAAA#5930000",),
    },
    "DirectoryTable": {
        "user": ("user#admin@example.com",),
        "user by tag": ("user-tag#00ff",),
        "client": ("client#app",),
        "clients": ("clients",),
    },
}
"""Keys of each part of the tables, as `sundial.store` makes them."""

PARTS: Mapping[tuple[str, str], set[str]] = {
    ("AuthorizeRole", "PutItem FamiliesTable"): {"family"},
    ("AuthorizeRole", "UpdateItem FamiliesTable"): {"family"},
    ("AuthorizeRole", "GetItem DirectoryTable"): {*KEYS["DirectoryTable"]},
    ("TokenRole", "GetItem FamiliesTable"): {"family"},
    ("TokenRole", "UpdateItem FamiliesTable"): {"family"},
    ("TokenRole", "PutItem FamiliesTable"): {"family", "denied token"},
    ("TokenRole", "BatchGetItem FamiliesTable"): {"family", "denied token"},
    ("TokenRole", "GetItem DirectoryTable"): {*KEYS["DirectoryTable"]},
    ("UserinfoRole", "BatchGetItem FamiliesTable"): {"family", "denied token"},
    ("DeviceRole", "PutItem FamiliesTable"): {"request"},
    ("DeviceRole", "GetItem FamiliesTable"): {"family", "request"},
    ("DeviceRole", "UpdateItem FamiliesTable"): {"try"},
    ("DeviceRole", "GetItem DirectoryTable"): {"client", "clients"},
}
"""Which parts a role reaches, by what it does there. `tests.support.rights` holds the functions themselves to it."""

WHOLE = {("AuthorizeRole", "DirectoryTable"), ("TokenRole", "DirectoryTable")}
"""Where a role reads all that there is."""

ROLES = sorted(name for name, one in source()["Resources"].items() if one["Type"] == "AWS::IAM::Role")


@pytest.mark.parametrize("role", ROLES)
def test_a_function_reaches_the_parts_of_a_table_that_it_uses_and_no_other(role: str) -> None:
    for table, kinds in KEYS.items():
        for action in ACTIONS:
            reached = {
                kind
                for kind, keys in kinds.items()
                if all(is_allowed(role, Access(f"dynamodb:{action}", table, (key,))) for key in keys)
            }
            assert reached == PARTS.get((role, f"{action} {table}"), set()), (action, table)


@pytest.mark.parametrize("role", ["TokenRole", "UserinfoRole"])
def test_a_request_is_refused_for_one_key_of_another_part_and_where_it_names_none(role: str) -> None:
    family, denied, request = (KEYS["FamiliesTable"][kind][0] for kind in ("family", "denied token", "request"))

    def reads(*keys: str) -> bool:
        return is_allowed(role, Access("dynamodb:BatchGetItem", "FamiliesTable", keys))

    assert reads(family, denied)
    assert not reads(family, request)
    assert not reads()


def test_a_call_that_the_role_denies_is_never_sent() -> None:
    client = clients("http://127.0.0.1:1")["dynamodb"]  # where nobody listens
    Guard({"t": "FamiliesTable"}, "DeviceRole").attach(client)
    with pytest.raises(AssertionError, match="DeviceRole may not"):
        client.put_item(TableName="t", Item={"id": {"S": new_family_id()}})


def test_no_operator_that_holds_of_no_key_at_all_stands_alone() -> None:
    for role in ROLES:
        for statement in statements(role):
            for table in {named(one) for one in as_list(statement["Resource"])} & KEYS.keys():
                condition = statement.get("Condition")
                assert (condition is None) == ((role, table) in WHOLE), (role, statement["Sid"])
                assert condition is None or condition["Null"] == {LEADING_KEYS: "false"}, (role, statement["Sid"])


def named(resource: Any) -> str:
    """Return the logical id in `!GetAtt X.Arn`; what is none is its text."""
    match resource:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
    return str(resource)
