"""CloudFront: it keeps what may be kept, hands everything else on, and proves itself to the functions."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest

from sundial.web.front import PROOF
from tests.support.made import CLOUDFRONT, WAF, ZONE, Made, Template


def test_cloudfront_keeps_discovery_and_keys_as_their_cache_control_says(template: Template) -> None:
    made = Made(template, **ZONE, **CLOUDFRONT)
    kept = [one for one in made.distribution()["CacheBehaviors"] if one["CachePolicyId"] == "<KeepAsTold>"]
    documents = {"openid-configuration", "oauth-authorization-server"}
    assert {one["PathPattern"] for one in kept} == {"*/keys"} | {f"*/.well-known/{name}" for name in documents}
    policy = made["KeepAsTold"]["CachePolicyConfig"]
    assert (policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]) == (0, 0, 3600)
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["HeadersConfig"]["Headers"] == ["Origin"]
    assert (key["CookiesConfig"], key["QueryStringsConfig"]) == (
        {"CookieBehavior": "none"},
        {"QueryStringBehavior": "none"},
    )
    assert "Host" in made["PassTheHostOn"]["OriginRequestPolicyConfig"]["HeadersConfig"]["Headers"]


def test_cloudfront_hands_everything_else_on_and_keeps_nothing_of_it(template: Template) -> None:
    made = Made(template, **ZONE, **CLOUDFRONT)
    configuration = made.distribution()
    caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CloudFront's own policy of that name
    passed = [configuration["DefaultCacheBehavior"]]
    passed += [one for one in configuration["CacheBehaviors"] if one["CachePolicyId"] != "<KeepAsTold>"]
    for behaviour in passed:
        assert behaviour["CachePolicyId"] == caching_disabled
        assert behaviour["OriginRequestPolicyId"] == "<PassEverythingOn>"
        assert {"GET", "POST", "OPTIONS"} <= set(behaviour["AllowedMethods"])
        assert behaviour["ViewerProtocolPolicy"] == "https-only"
    everything = made["PassEverythingOn"]["OriginRequestPolicyConfig"]
    assert everything["CookiesConfig"] == {"CookieBehavior": "all"}
    assert everything["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    assert everything["HeadersConfig"] == {
        "HeaderBehavior": "allViewerAndWhitelistCloudFront",
        "Headers": ["CloudFront-Viewer-Address"],
    }
    kept_errors = {one["ErrorCode"] for one in configuration["CustomErrorResponses"] if one["ErrorCachingMinTTL"]}
    assert not kept_errors
    assert {500, 502, 503, 504, 404} <= {one["ErrorCode"] for one in configuration["CustomErrorResponses"]}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/keys", True),
        ("/dex/keys", True),
        ("/a/b/.well-known/openid-configuration", True),
        ("/auth/keys", False),
        ("/dex/callback/keys", False),
        ("/token", False),
        ("/auth/keys/login", False),
    ],
)
def test_a_connector_that_is_called_keys_is_not_kept(path: str, kept: bool, template: Template) -> None:
    behaviours = Made(template, **ZONE, **CLOUDFRONT).distribution()["CacheBehaviors"]
    first = next((one for one in behaviours if fnmatchcase(path, one["PathPattern"])), None)
    assert (first is not None and first["CachePolicyId"] == "<KeepAsTold>") == kept


def test_cloudfront_proves_itself_to_the_functions_and_to_nobody_else(template: Template) -> None:
    made = Made(template, **ZONE, **CLOUDFRONT)
    [origin] = made.distribution()["Origins"]
    [header] = origin["OriginCustomHeaders"]
    assert header["HeaderName"].lower() == PROOF
    assert header["HeaderValue"] == "{{resolve:secretsmanager:<FrontSecret>:SecretString:secret}}"
    assert made["FrontSecret"]["GenerateSecretString"]["PasswordLength"] >= 32
    assert "SecretString" not in made["FrontSecret"]
    assert origin["DomainName"] == "<ApiDomain>.RegionalDomainName"
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    for parameters, secret in ((ZONE, None), (ZONE | CLOUDFRONT, header["HeaderValue"])):
        variables = Made(template, **parameters)["TokenFunction"]["Environment"]["Variables"]
        assert variables.get("SUNDIAL_FRONT_SECRET") == secret


def test_a_new_serial_makes_a_new_secret_and_has_cloudfront_and_the_functions_look_at_it_again(
    template: Template,
) -> None:
    """CloudFormation resolves a reference to a secret again only where the resource that holds it changes."""
    one, two = (Made(template, **ZONE, **CLOUDFRONT, FrontSecretSerial=serial) for serial in ("1", "2"))
    changed = {name for name in one.names if one.resources[name] != two.resources[name]}
    functions = {name for name in one.names if one.resources[name]["Type"] == "AWS::Lambda::Function"}
    assert changed == {"FrontSecret", "Distribution"} | functions
    assert json.loads(two["FrontSecret"]["GenerateSecretString"]["SecretStringTemplate"]) == {"serial": 2}


def test_a_web_acl_stands_before_cloudfront_where_there_is_one(template: Template) -> None:
    assert "WebACLId" not in Made(template, **ZONE, **CLOUDFRONT).distribution()
    fronted = Made(template, **ZONE, **CLOUDFRONT, **WAF)
    assert fronted.distribution()["WebACLId"] == WAF["WebAclArn"]


def test_no_option_gives_a_function_a_right_to_the_fronts_secret(template: Template) -> None:
    made = Made(template, **ZONE, **CLOUDFRONT)
    assert "FrontSecret" not in json.dumps([made[name] for name in made.names if name.endswith("Role")])
