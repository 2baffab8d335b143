"""The options: in every combination of them, each resource that is made finds all that it refers to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from sundial_local.intrinsics import NO_VALUE, Scope, TemplateError, holds, resolve
from tests.support.transformed import source

Template = dict[str, Any]

ZONE = {"HostedZoneId": "Z0123456789ABCDEFGHIJ"}
CERTIFICATE = {"CertificateArn": "arn:aws:acm:eu-central-1:111122223333:certificate/" + "1" * 36}
CLOUDFRONT = {"CloudFrontCertificateArn": "arn:aws:acm:us-east-1:111122223333:certificate/" + "2" * 36}
WAF = {"WebAclArn": "arn:aws:wafv2:us-east-1:111122223333:global/webacl/sundial/" + "3" * 36}
TABLE_KEY = "arn:aws:kms:eu-central-1:111122223333:key/" + "4" * 36

DOMAINS: tuple[dict[str, str], ...] = ({}, ZONE, CERTIFICATE, ZONE | CERTIFICATE)
FRONTS: tuple[dict[str, str], ...] = ({}, CLOUDFRONT, CLOUDFRONT | WAF)
OTHERS = (
    [{"TableEncryptionKey": key} for key in ("", "create", TABLE_KEY)],
    [{"Tracing": mode} for mode in ("PassThrough", "Active")],
    [{"SavedQueries": saved} for saved in ("true", "false")],
    [{"AlarmEmail": address} for address in ("", "ops@example.com")],
)


def combinations() -> Iterator[dict[str, str]]:
    """Yield the parameters of every combination of options that changes what is made, and that the rules allow."""
    for domain, front in product(DOMAINS, FRONTS):
        if domain or not front:
            for others in product(*OTHERS):
                yield {**domain, **front, **{name: value for other in others for name, value in other.items()}}


class Made:
    """What CloudFormation makes of the template with `parameters`; Ref and GetAtt of anything else are errors."""

    def __init__(self, template: Template, **parameters: str) -> None:
        defaults = {name: str(one["Default"]) for name, one in template["Parameters"].items() if "Default" in one}
        pseudo = {
            "AWS::Region": "eu-central-1",
            "AWS::AccountId": "111122223333",
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "sundial",
        }
        self.scope = Scope(
            parameters=defaults | pseudo | {"Issuer": "https://login.example.com"} | parameters,
            conditions=template["Conditions"],
            reference=self._named,
            attribute=lambda name, attribute: f"{self._named(name)}.{attribute}",
        )
        self.names = {name for name, one in template["Resources"].items() if self._made(one)}
        self.resources = {name: resolve(template["Resources"][name], self.scope) for name in self.names}
        self.outputs = {
            name: resolve(one["Value"], self.scope) for name, one in template["Outputs"].items() if self._made(one)
        }

    def _made(self, one: Mapping[str, Any]) -> bool:
        return "Condition" not in one or holds(one["Condition"], self.scope)

    def _named(self, name: str) -> str:
        if name not in self.names:
            raise TemplateError(f"{name} is not made")
        return f"<{name}>"

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        properties: Mapping[str, Any] = self.resources[name]["Properties"]
        return properties

    def distribution(self) -> Mapping[str, Any]:
        """Return CloudFront's configuration."""
        configuration: Mapping[str, Any] = self["Distribution"]["DistributionConfig"]
        return configuration


def test_in_every_combination_each_resource_finds_all_that_it_refers_to(template: Template) -> None:
    tried = 0
    for parameters in combinations():
        made = Made(template, **parameters)
        assert NO_VALUE not in made.resources.values()
        assert made.outputs["ApiUrl"]
        tried += 1
    assert tried == (1 + 3 * 3) * 3 * 2 * 2 * 2


def test_a_reference_to_what_is_not_made_would_be_noticed(template: Template) -> None:
    outputs = {**template["Outputs"], "Mistake": {"Value": {"Ref": "ApiDomain"}}}
    with pytest.raises(TemplateError, match="ApiDomain"):
        Made({**template, "Outputs": outputs})


@pytest.mark.parametrize(
    ("parameters", "made"),
    [
        ({}, set()),
        (ZONE, {"Certificate", "ApiDomain", "ApiDomainMapping", "DomainRecord", "DomainRecordIpv6"}),
        (CERTIFICATE, {"ApiDomain", "ApiDomainMapping"}),
        (ZONE | CERTIFICATE, {"ApiDomain", "ApiDomainMapping", "DomainRecord", "DomainRecordIpv6"}),
        (
            CERTIFICATE | CLOUDFRONT,
            {"ApiDomain", "ApiDomainMapping", "Distribution", "KeepAsTold", "PassTheHostOn", "PassEverythingOn"}
            | {"FrontSecret"},
        ),
        ({"TableEncryptionKey": "create"}, {"TableKey", "TableKeyAlias"}),
        ({"TableEncryptionKey": TABLE_KEY}, set()),
        ({"Tracing": "Active"}, {"TracingPolicy"}),
        ({"AlarmEmail": "ops@example.com"}, {"AlarmEmailSubscription"}),
    ],
)
def test_an_option_makes_this_and_nothing_else(parameters: dict[str, str], made: set[str], template: Template) -> None:
    assert Made(template, **parameters).names - Made(template).names == made


def test_every_default_makes_the_saved_queries_and_no_other_option(template: Template) -> None:
    named = {name for name, one in template["Resources"].items() if "Condition" in one}
    assert {template["Resources"][name]["Condition"] for name in Made(template).names & named} == {"HasSavedQueries"}


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({}, False),
        (ZONE, False),
        (ZONE | CLOUDFRONT, False),
        (CERTIFICATE | CLOUDFRONT | WAF, False),
        (CLOUDFRONT, True),
        (WAF, True),
        (ZONE | WAF, True),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_made(
    parameters: dict[str, str], refused: bool, template: Template
) -> None:
    scope = Made(template).scope
    scope = Scope(parameters={**scope.parameters, **parameters}, conditions=scope.conditions)
    broken = [
        assertion["AssertDescription"]
        for rule in template["Rules"].values()
        if resolve(rule["RuleCondition"], scope)
        for assertion in rule["Assertions"]
        if not resolve(assertion["Assert"], scope)
    ]
    assert bool(broken) == refused
    assert all("needs" in description for description in broken), "it says what to do"


@pytest.mark.parametrize(
    ("issuer", "host", "path"),
    [
        ("https://login.example.com", "login.example.com", None),
        ("https://example.com/dex", "example.com", "dex"),
        ("https://example.com/a/b-c", "example.com", "a/b-c"),
        ("https://example.com/a/b/c", "example.com", "a/b/c"),
    ],
)
def test_the_domain_is_the_issuers_host_and_its_mapping_the_issuers_path(
    issuer: str, host: str, path: str | None, template: Template
) -> None:
    made = Made(template, Issuer=issuer, **ZONE)
    assert made["Certificate"]["DomainName"] == made["ApiDomain"]["DomainName"] == made["DomainRecord"]["Name"] == host
    assert made["ApiDomainMapping"].get("ApiMappingKey") == path
    assert made["ApiDomainMapping"]["Stage"] == "<HttpApiStage>"
    assert made.outputs["ApiUrl"] == issuer


def test_with_a_domain_the_endpoint_of_the_api_itself_is_closed(template: Template) -> None:
    for parameters, closed in (({}, False), (ZONE, True), (CERTIFICATE, True)):
        [server] = Made(template, **parameters)["HttpApi"]["Body"]["servers"]
        assert server["x-amazon-apigateway-endpoint-configuration"] == {"disableExecuteApiEndpoint": closed}
        assert "url" in server or "FailOnWarnings" not in template["Resources"]["HttpApi"]["Properties"]


def test_the_certificate_proves_itself_in_the_zone_and_the_names_lead_to_the_api_or_to_cloudfront(
    template: Template,
) -> None:
    plain, fronted = Made(template, **ZONE), Made(template, **ZONE, **CLOUDFRONT)
    [validation] = plain["Certificate"]["DomainValidationOptions"]
    assert validation == {"DomainName": "login.example.com", **ZONE}
    assert plain["ApiDomain"]["DomainNameConfigurations"][0]["CertificateArn"] == "<Certificate>"
    assert plain["ApiDomain"]["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"
    for made, target in ((plain, "<ApiDomain>.RegionalDomainName"), (fronted, "<Distribution>.DomainName")):
        records = [made["DomainRecord"], made["DomainRecordIpv6"]]
        assert [record["Type"] for record in records] == ["A", "AAAA"]
        assert {record["AliasTarget"]["DNSName"] for record in records} == {target}
        assert made.outputs["DomainTarget"] == target
    assert "DomainTarget" not in Made(template).outputs


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
    from fnmatch import fnmatchcase

    behaviours = Made(template, **ZONE, **CLOUDFRONT).distribution()["CacheBehaviors"]
    first = next((one for one in behaviours if fnmatchcase(path, one["PathPattern"])), None)
    assert (first is not None and first["CachePolicyId"] == "<KeepAsTold>") == kept


def test_cloudfront_proves_itself_to_the_functions_and_to_nobody_else(template: Template) -> None:
    made = Made(template, **ZONE, **CLOUDFRONT)
    [origin] = made.distribution()["Origins"]
    [header] = origin["OriginCustomHeaders"]
    from sundial.web.front import PROOF

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


@pytest.mark.parametrize(("key", "used"), [("", None), ("create", "<TableKey>.Arn"), (TABLE_KEY, TABLE_KEY)])
def test_the_tables_are_encrypted_under_the_key_that_is_asked_for(
    key: str, used: str | None, template: Template
) -> None:
    made = Made(template, TableEncryptionKey=key)
    for table in ("FamiliesTable", "DirectoryTable", "PublicKeysTable"):
        encryption = made[table].get("SSESpecification")
        assert encryption == (used and {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": used})


def test_the_key_of_the_tables_outlives_the_stack_and_is_used_through_dynamodb_alone(template: Template) -> None:
    made = Made(template, TableEncryptionKey="create")
    assert made.resources["TableKey"]["DeletionPolicy"] == "Retain"
    assert made["TableKey"]["EnableKeyRotation"] is True
    administer, use = made["TableKey"]["KeyPolicy"]["Statement"]
    assert not {"kms:Decrypt", "kms:CreateGrant"} & set(administer["Action"])
    assert use["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": "111122223333",
            "kms:ViaService": "dynamodb.eu-central-1.amazonaws.com",
        }
    }
    assert not any("*" in action for action in use["Action"])


def test_snapstart_and_tracing_are_off_unless_asked_for_and_the_rotation_never_begins_from_a_snapshot(
    template: Template,
) -> None:
    plain = Made(template)
    asked = Made(template, SnapStart="PublishedVersions", Tracing="Active")
    functions = [name for name, one in plain.resources.items() if one["Type"] == "AWS::Lambda::Function"]
    assert len(functions) >= 6
    for name in functions:
        assert plain[name]["SnapStart"] == {"ApplyOn": "None"}
        assert plain[name]["TracingConfig"] == {"Mode": "PassThrough"}
        assert "SUNDIAL_TRACING" not in plain[name]["Environment"]["Variables"]
        if name in ("RotateKeysFunction", "SmokeFunction"):
            assert asked[name]["SnapStart"] == {"ApplyOn": "None"}
        else:
            assert asked[name]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
            assert asked[name]["Environment"]["Variables"]["SUNDIAL_TRACING"] == "on"


def test_no_option_gives_a_function_a_right_to_the_fronts_secret(template: Template) -> None:
    made = Made(template, **ZONE, **CLOUDFRONT)
    assert "FrontSecret" not in json.dumps([made[name] for name in made.names if name.endswith("Role")])


def test_the_parameters_that_are_shown_in_groups_are_all_of_them() -> None:
    document = source()
    groups = document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(document["Parameters"])
