"""`sundial keys`, as an operator types it, on a key ring that the real rotation keeps."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sundial.keys.jwks import ITEM_ID
from tests.support.issuer import Answer
from tests.support.keys import HOUR, MINUTE
from tests.support.live_issuer import TEXT, Issuer, have_lived, live
from tests.support.operator import MakeOperator, Operator
from tests.support.stack import OwnStack


@pytest.fixture
def sundial(make_operator: MakeOperator) -> Operator:
    """An operator of a deployment that has lived for eight hours."""
    operator = make_operator(TEXT)
    have_lived(operator, 8 * HOUR)
    return operator


def ring(sundial: Operator) -> dict[str, Any]:
    document: dict[str, Any] = sundial("keys list --json").json
    return document


def active(sundial: Operator) -> str:
    [kid] = [key["kid"] for key in ring(sundial)["signing_keys"] if key["state"] == "active"]
    return str(kid)


# list


def test_the_list_shows_each_key_its_state_and_when_it_next_changes_both_ways(sundial: Operator) -> None:
    result = sundial("keys list")
    assert result.status == 0
    text = result.out
    for key in [*ring(sundial)["signing_keys"], *ring(sundial)["mac_keys"]]:
        assert re.search(rf"{key['state']} +{key['kid']}", text)
    assert re.search(r"█.*signs until 2027-01-15 20:00:00Z, in 4 h\n", text)
    assert re.search(r"░.*signs from 2027-01-15 20:00:00Z, in 4 h\n", text)
    assert re.search(r"▒.*in the JWKS until 2027-01-\d\d \d\d:\d\d:\d\dZ, in \d d", text)
    assert "\x1b[" not in text, "no colours but on a terminal"


def test_the_lists_json_has_instants_and_no_private_half(sundial: Operator) -> None:
    document = ring(sundial)
    assert document["at"] == sundial.now
    assert {key["state"] for key in document["signing_keys"]} == {"retired", "active", "pending"}
    assert {"serial", "not_before", "next_change_at", "algorithms", "published", "mac_keys"} <= document.keys()
    text = json.dumps(document)
    assert "PRIVATE" not in text
    assert "secret" not in text


def test_a_list_before_the_first_run_says_that_there_are_no_keys_yet(make_operator: MakeOperator) -> None:
    result = make_operator(TEXT)("keys list")
    assert (result.status, result.err) == (0, "")
    assert "no keys yet" in result.out


def test_a_key_that_signs_for_too_long_is_overdue_in_the_list(sundial: Operator) -> None:
    kid = active(sundial)
    sundial.now += 18 * HOUR  # and no run came
    overdue = [line for line in sundial("keys list").out.splitlines() if "OVERDUE" in line]
    assert len(overdue) == 1
    assert kid not in overdue[0], "those after it took over, as it was planned"


def test_nothing_that_the_function_logs_comes_between_the_json(sundial: Operator) -> None:
    live(sundial, 0)
    log = (sundial.folder / "log.jsonl").read_text("utf-8")
    assert '"JwksOutOfStep"' in log
    assert all(json.loads(line) for line in log.splitlines())


# rotate


def test_rotating_by_hand_lets_the_successor_sign_and_says_by_when_everywhere(sundial: Operator) -> None:
    before = active(sundial)
    result = sundial("keys rotate")
    assert result.status == 0
    after = active(sundial)
    assert after != before
    assert f"ES256: {after} signs now" in result.out
    assert "in 5 min" in result.out


def test_rotating_twice_in_a_row_is_refused_with_an_instant_that_people_can_read(sundial: Operator) -> None:
    sundial("keys rotate")
    sundial("keys rotate")
    result = sundial("keys rotate")
    assert (result.status, result.out) == (1, "")
    assert re.match(r"sundial: the successor .* 2027-01-15 1\d:\d\d:\d\dZ \(in 3 h", result.err)
    assert "epoch" not in result.err


# revoke


def test_revoking_asks_first_and_says_what_it_costs(sundial: Operator) -> None:
    kid = active(sundial)
    result = sundial(f"keys revoke -- {kid}", typed="n\n")
    assert (result.status, result.out) == (1, "")
    assert f"Revoke the active ES256 key {kid}?" in result.err
    assert "nothing was changed" in result.err
    assert active(sundial) == kid


def test_revoking_says_when_it_is_over(sundial: Operator) -> None:
    kid = active(sundial)
    result = sundial(f"keys revoke -- {kid}", typed="y\n")
    assert result.status == 0
    assert f"Revoked the ES256 key {kid}" in result.out
    assert f"{active(sundial)} signs; every function has it by 2027-01-15 16:05:00Z (in 5 min)" in result.out
    assert "have forgotten the key by 2027-01-15 17:01:00Z (in 1 h 1 min)" in result.out
    assert "by 2027-01-15 19:05:00Z (in 3 h 5 min)" in result.out
    assert kid not in json.dumps(ring(sundial))


def test_a_script_revokes_with_yes_and_gets_json(sundial: Operator) -> None:
    report = sundial(f"keys revoke --yes --json -- {active(sundial)}").json
    assert report["everywhere_at"] == sundial.now + 300
    assert report["caches_until"] == sundial.now + HOUR + MINUTE
    assert "revoked" in [change["what"] for change in report["changes"]]


def test_without_anybody_to_ask_nothing_is_revoked(sundial: Operator) -> None:
    kid = active(sundial)
    result = sundial(f"keys revoke -- {kid}")
    assert result.status == 2
    assert "--yes" in result.err
    assert active(sundial) == kid


def test_a_part_of_a_kid_is_enough_where_no_other_key_has_it(sundial: Operator) -> None:
    kid = active(sundial)
    assert sundial(f"keys revoke --yes {kid[10:22].strip('-')}").status == 0
    assert active(sundial) != kid


def test_a_part_that_is_too_short_or_unknown_revokes_nothing(sundial: Operator) -> None:
    kids = {key["kid"] for key in ring(sundial)["signing_keys"]}
    for part in (active(sundial)[1:4], "nonesuch"):
        result = sundial(f"keys revoke --yes -- {part}")
        assert result.status == 1
        assert "keys list" in result.err
    assert {key["kid"] for key in ring(sundial)["signing_keys"]} == kids


def test_a_kid_that_begins_with_a_dash_can_be_revoked(sundial: Operator) -> None:
    assert "no key -abcdef" in sundial("keys revoke --yes -- -abcdef").err


def test_a_mac_key_is_revoked_with_what_it_made(sundial: Operator) -> None:
    [kid] = [key["kid"] for key in ring(sundial)["mac_keys"] if key["state"] == "active"]
    result = sundial(f"keys revoke {kid}", typed="y\n")
    assert result.status == 0
    assert "log in again" in result.err
    assert "It is over at" in result.out
    assert kid not in json.dumps(ring(sundial))


def test_a_second_leak_within_hours_is_refused_until_forced(sundial: Operator) -> None:
    sundial(f"keys revoke --yes -- {active(sundial)}")
    sundial(f"keys revoke --yes -- {active(sundial)}")
    kid = active(sundial)
    refused = sundial(f"keys revoke --yes -- {kid}")
    assert refused.status == 1
    assert "force" in refused.err
    assert sundial(f"keys revoke --yes --force -- {kid}").status == 0
    assert active(sundial) != kid


# check


def test_a_deployment_in_step_passes_the_check(issuer: tuple[Operator, Issuer]) -> None:
    sundial, _ = issuer
    result = sundial("keys check")
    assert (result.status, result.err) == (0, "")
    assert result.out.count("right") == 4
    assert "wrong" not in result.out
    assert sundial("keys check --json").json["in_step"] is True


def test_a_key_that_is_not_served_is_found(issuer: tuple[Operator, Issuer]) -> None:
    sundial, served = issuer
    kid = active(sundial)

    def drop(answer: Answer) -> Answer:
        def dropped(path: str) -> dict[str, Any]:
            response = dict(answer(path))
            if path == "/keys":
                keys = [key for key in json.loads(response["body"])["keys"] if key["kid"] != kid]
                response["body"] = json.dumps({"keys": keys})
            return response

        return dropped

    served.between = drop
    result = sundial("keys check")
    assert result.status == 1
    assert f"{kid} is missing" in result.out
    assert "docs/operations.md#jwks-out-of-step" in result.out
    found = sundial("keys check --json").json
    assert found["in_step"] is False
    assert [bool(check["problems"]) for check in found["checks"]] == [False, False, False, True]


def test_right_after_a_revocation_the_functions_memory_is_allowed_for(issuer: tuple[Operator, Issuer]) -> None:
    sundial, _ = issuer
    live(sundial, 4 * HOUR)
    assert sundial("keys check").status == 0
    kid = active(sundial)
    sundial(f"keys revoke --yes -- {kid}")
    result = sundial("keys check")
    assert result.status == 1
    assert f"{kid} is in it and not in the ring" in result.out
    assert "check again then" in result.out
    sundial.now += 60
    assert sundial("keys check").status == 0


def test_a_published_item_that_somebody_else_wrote_is_found(issuer: tuple[Operator, Issuer], stack: OwnStack) -> None:
    sundial, _ = issuer
    forged = json.dumps([{"kid": "forged", "alg": "ES256", "use": "sig", "kty": "EC"}])
    stack.dynamodb.update_item(
        TableName=stack.public_keys_table,
        Key={"id": {"S": ITEM_ID}},
        UpdateExpression="SET #keys = :keys",
        ExpressionAttributeNames={"#keys": "keys"},
        ExpressionAttributeValues={":keys": {"S": forged}},
    )
    sundial.now += 60
    result = sundial("keys check")
    assert result.status == 1
    assert result.out.count("forged is in it and not in the ring") == 2
    live(sundial, 0)
    sundial.now += 60
    assert sundial("keys check").status == 0


@pytest.mark.parametrize(
    ("response", "says"),
    [
        ({"statusCode": 301, "headers": {"Location": "https://example.com/"}}, "answers 301"),
        ({"statusCode": 503}, "answers 503"),
        ({"statusCode": 200, "body": "<html>"}, "doesn't answer a JSON object"),
        ({"statusCode": 200, "body": "[]"}, "doesn't answer a JSON object"),
    ],
)
def test_an_issuer_that_answers_something_else_is_status_3(
    response: dict[str, Any], says: str, issuer: tuple[Operator, Issuer]
) -> None:
    sundial, served = issuer
    served.between = lambda _answer: lambda _path: response
    result = sundial("keys check")
    assert (result.status, result.out) == (3, "")
    assert says in result.err


def test_another_issuers_discovery_is_found(issuer: tuple[Operator, Issuer]) -> None:
    sundial, served = issuer
    other = json.dumps({"issuer": "https://other.example.com", "jwks_uri": None})
    served.between = lambda _answer: lambda _path: {"statusCode": 200, "body": other}
    result = sundial("keys check")
    assert result.status == 1
    assert "its issuer is 'https://other.example.com': every verifier refuses that" in result.out


def test_an_issuer_that_nobody_answers_for_is_status_3(sundial: Operator) -> None:
    with (sundial.folder / "environment").open("a", encoding="utf-8") as file:
        file.write("export SUNDIAL_ISSUER=http://127.0.0.1:1\n")
    result = sundial("keys check")
    assert (result.status, result.out) == (3, "")
    assert "can't be reached" in result.err
