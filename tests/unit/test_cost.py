"""docs/cost.md says what `make cost` says, as far as that doesn't depend on the machine; the bill adds up."""

from __future__ import annotations

import re

import pytest

from bench.cost.__main__ import AWS, PAGE, PRICES, between_the_marks, deployed
from bench.cost.bill import Assumptions, always_on_dex, at_rest, billed_ms, cognito, dollars
from bench.cost.traffic import Hit
from tests.support.transformed import source

NOTHING = Assumptions({"dynamodb": 4.0, "kms": 6.0, "secret": 10.0}, platform_log_bytes=0, access_log_bytes=0)


def test_every_price_names_its_page_and_the_file_its_month() -> None:
    assert re.fullmatch(r"20\d\d-\d\d", PRICES["as_of"])
    assert all(one["page"].startswith("https://aws.amazon.com/") for one in PRICES["aws"].values())


def test_a_request_is_billed_for_what_it_calls_and_for_its_waiting() -> None:
    hit = Hit("Token", 2.2, {"dynamodb_write_unit": 2, "kms_request": 1}, 1_000_000_000, 2_000_000_000)
    assert billed_ms(hit, NOTHING) == 17  # 2.2 + 4 + 4 + 6, rounded up
    bill = dollars([hit], {"Token": 1024}, AWS, NOTHING)
    assert bill == pytest.approx(
        {
            "API Gateway": 1.00e-6,
            "Lambda": 0.20e-6 + 0.017 * 13.3334e-6,
            "DynamoDB": 2 * 0.625e-6,
            "KMS and secrets": 3.00e-6,
            "logs": 0.50,
            "transfer": 0.18,
        }
    )


def test_a_batch_is_one_call_and_so_is_a_write_with_its_index() -> None:
    assert billed_ms(Hit("Userinfo", 1, {"dynamodb_read_unit": 3}, 0, 0), NOTHING) == 5
    assert billed_ms(Hit("Authorize", 1, {"dynamodb_write_unit": 2}, 0, 0), NOTHING) == 5


def test_the_page_has_what_a_month_costs_at_rest_and_beside_others() -> None:
    page = PAGE.read_text(encoding="utf-8")
    sums = re.findall(r"^\| \*\*in all\*\* \| \*\*([\d.]+)\*\* \|$", page, re.MULTILINE)
    rest = at_rest(AWS, alarm_metrics=deployed().alarm_metrics, metrics=3)
    assert sums == [f"{sum(rest.values()):.2f}", f"{sum(always_on_dex(AWS).values()):.2f}"]
    assert f"{cognito(100_000, PRICES['cognito']):,.2f}" in page


def test_an_alarm_over_several_metrics_is_charged_for_each() -> None:
    alarms = [one for one in source()["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    sums = sum(str(one["Properties"].get("Metrics", "")).count("'MetricStat'") for one in alarms)
    assert deployed().alarm_metrics == sums + len([one for one in alarms if "MetricName" in one["Properties"]])
    assert deployed().alarm_metrics > len(alarms)


def test_the_tables_go_between_the_marks() -> None:
    page = "a\n<!-- made by `make cost` -->\nold\n<!-- end -->\nb"
    assert between_the_marks(page, "new") == "a\n<!-- made by `make cost` -->\n\nnew\n\n<!-- end -->\nb"
