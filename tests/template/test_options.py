"""The options: in every combination of them, each resource that is made finds all that it refers to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from sundial_local.intrinsics import NO_VALUE, Scope, TemplateError, resolve
from tests.support.made import CERTIFICATE, CLOUDFRONT, TABLE_KEY, WAF, ZONE, Made, Template
from tests.support.transformed import source

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


def test_instances_are_reserved_for_the_token_endpoint_where_that_is_asked_for(template: Template) -> None:
    assert "ReservedConcurrentExecutions" not in Made(template)["TokenFunction"]
    reserved = Made(template, TokenReservedConcurrency="200")
    assert reserved["TokenFunction"]["ReservedConcurrentExecutions"] == "200"
    assert "ReservedConcurrentExecutions" not in reserved["AuthorizeFunction"]


def test_the_parameters_that_are_shown_in_groups_are_all_of_them() -> None:
    document = source()
    groups = document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(document["Parameters"])
