"""deploy/edge.yaml: what CloudFront needs of us-east-1, and what its web ACL does to requests of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sundial_local.intrinsics import Scope, resolve
from sundial_local.paths import ROOT
from sundial_local.template import Template
from tests.support.transformed import source

EDGE = source(ROOT / "deploy" / "edge.yaml")
ACL = EDGE["Resources"]["WebAcl"]["Properties"]


def matches(statement: Any) -> Iterator[dict[str, Any]]:
    """Yield every byte match in a statement."""
    if isinstance(statement, dict):
        if "ByteMatchStatement" in statement:
            yield statement["ByteMatchStatement"]
        for value in statement.values():
            yield from matches(value)
    elif isinstance(statement, list):
        for value in statement:
            yield from matches(value)


def test_no_request_is_kept_by_the_web_acl_for_its_url_holds_codes_and_login_hints() -> None:
    assert ACL["Scope"] == "CLOUDFRONT"
    for one in (ACL, *ACL["Rules"]):
        assert one["VisibilityConfig"]["SampledRequestsEnabled"] is False
    assert {one["Type"] for one in EDGE["Resources"].values()} == {
        "AWS::CertificateManager::Certificate",
        "AWS::WAFv2::WebACL",
    }, "and there is no logging configuration"


def test_what_is_counted_as_a_try_is_where_passwords_and_user_codes_are_sent() -> None:
    [rule] = [one for one in ACL["Rules"] if one["Name"] == "logins-per-address"]
    ends = {one["SearchString"] for one in matches(rule["Statement"]) if "UriPath" in one["FieldToMatch"]}
    posted = {
        route.path
        for function in Template.load().functions
        for route in function.routes
        if route.method == "POST" and route.path.endswith(tuple(ends))
    }
    assert posted == {"/auth/{connector}/login", "/device/auth/verify_code"}


def test_awss_common_rules_which_refuse_good_logins_are_not_in_it() -> None:
    managed = {
        one["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for one in ACL["Rules"]
        if "ManagedRuleGroupStatement" in one["Statement"]
    }
    assert managed == {"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet"}


def test_its_outputs_are_taken_by_the_stacks_parameters() -> None:
    for name, output in EDGE["Outputs"].items():
        parameter = output["Description"].split()[2]
        assert parameter in source()["Parameters"], name


@pytest.mark.parametrize(("region", "refused"), [("us-east-1", False), ("eu-central-1", True)])
def test_it_is_refused_outside_of_us_east_1(region: str, refused: bool) -> None:
    [assertion] = EDGE["Rules"]["CloudFrontsRegion"]["Assertions"]
    assert resolve(assertion["Assert"], Scope(parameters={"AWS::Region": region})) == (not refused)
