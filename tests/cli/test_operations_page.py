"""docs/operations.md: its `sundial` commands, in their order, on a deployment that has lived for more than a day.

What it shows of AWS's command line is in tests/cli/test_restore.py and tests/deploy/test_commands.py, the drill's
times in tests/cli/test_drill.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3

from sundial.expiry.family import Claims
from sundial.store.dynamodb_families import DynamoFamilies
from tests.support.account import Account, account_of
from tests.support.families import a_family
from tests.support.keys import HOUR
from tests.support.live_issuer import Issuer, live
from tests.support.operator import Operator
from tests.support.pages import assert_alike, blocks, every_command, text_of
from tests.support.stack import OwnStack

SHOWN_STATUS, SHOWN_KEYS, *_ = blocks(text_of("docs/operations.md"), "text")
JANE = Claims("2c4b", "Jane", "jane", "jane@example.com", email_verified=True)


def test_every_command_does_what_it_says(issuer: tuple[Operator, Issuer], stack: OwnStack) -> None:
    sundial, _ = issuer
    live(sundial, 29 * HOUR)  # and one before
    families = DynamoFamilies(stack.dynamodb, stack.families_table)
    for family in (
        a_family(family_id="J" * 22, claims=JANE),
        a_family(family_id="O" * 22, client_id="old-app", connector_id="github"),
        a_family(family_id="F" * 22),
        a_family(family_id="A" * 22),
    ):
        families.begin(family)
    with every_command("docs/operations.md", "sundial ") as shown, account_of(sundial, "sundial", "sundial-prod") as at:
        look_at_everything(shown, at)
        do_the_drill(shown, at)
        end_logins(shown, at)
        assert "It stood there already" in at(next(shown)).out, "the watermark of a restored table"
        assert at(next(shown)).status == 0


def look_at_everything(shown: Iterator[str], at: Account) -> None:
    assert "the stack sundial in eu-central-1" in at(next(shown)).out
    assert "the stack sundial-prod in eu-central-1" in at(next(shown)).out
    assert_alike(SHOWN_KEYS, at(next(shown)).out.replace(at.folder, ".sundial"))
    assert at(next(shown)).out.endswith(" ok\n")
    assert at(next(shown)).json["verdict"] == "ok"


def do_the_drill(shown: Iterator[str], at: Account) -> None:
    listed = at(next(shown)).out
    leaked = at("sundial keys list --json").json["signing_keys"]
    [kid] = (key["kid"] for key in leaked if key["state"] == "active")
    assert kid in listed
    assert f"Revoked the ES256 key {kid}" in at(next(shown).replace("KID", f"-- {kid}")).out
    at.pass_time(61)  # a function may have had the JWKS in its memory for a minute
    assert at(next(shown)).status == 0
    assert kid not in at("sundial keys list").out


def end_logins(shown: Iterator[str], at: Account) -> None:
    assert "jane@example.com" in at(next(shown)).out
    for _ in ("--user", "--client", "--family"):
        assert at(next(shown).replace("FAMILY_ID", "F" * 22)).out == "Ended 1 login.\n"
    assert at(next(shown)).out == "Ended 1 login.\n", "the others are over"
    assert "Every function keeps to it by" in at(next(shown)).out


def test_what_is_wrong_is_said_as_the_page_shows_it(issuer: tuple[Operator, Issuer]) -> None:
    sundial, _ = issuer
    with account_of(sundial, "sundial-prod") as at:
        scheduler = boto3.client("scheduler")
        schedule: Any = scheduler.get_schedule(Name="sundial-prod-rotate")
        names = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        scheduler.update_schedule(State="DISABLED", **{name: schedule[name] for name in names})
        sundial.now += 14 * HOUR  # the pending key has followed, and has signed for longer than it should
        wrong = at("sundial status --stack sundial-prod")
    assert wrong.status == 1
    assert_alike(SHOWN_STATUS, wrong.out)
