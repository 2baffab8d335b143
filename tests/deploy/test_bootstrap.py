"""Who gets the roles of deploy/bootstrap.yaml, what DeployRole can do, and what the boundary lets through."""

from __future__ import annotations

from typing import Any

from sundial_local.intrinsics import load_yaml
from sundial_local.paths import ROOT
from tests.deploy.conftest import Resources, actions, as_list, statements

GITHUB = "token.actions.githubusercontent.com"


def test_github_gets_the_role_for_one_workflow_of_one_repository_by_number_and_one_environment(
    bootstrap: Resources,
) -> None:
    [trust] = bootstrap["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Principal"] == {
        "Federated": {"Fn::If": ["MakesProvider", {"Ref": "Provider"}, {"Ref": "OidcProviderArn"}]}
    }
    assert trust["Condition"] == {
        "StringEquals": {
            f"{GITHUB}:aud": "sts.amazonaws.com",
            f"{GITHUB}:sub": {
                "Fn::Sub": "repo:${GitHubOwner}@${GitHubOwnerId}/${GitHubRepository}@${GitHubRepositoryId}"
                ":environment:${GitHubEnvironment}"
            },
            f"{GITHUB}:job_workflow_ref": {
                "Fn::Sub": "${GitHubOwner}/${GitHubRepository}/.github/workflows/deploy.yml@refs/heads/main"
            },
        }
    }
    assert bootstrap["Provider"]["Properties"] == {"Url": f"https://{GITHUB}", "ClientIdList": ["sts.amazonaws.com"]}


def test_cloudformation_alone_gets_the_other_role(bootstrap: Resources) -> None:
    [trust] = bootstrap["ExecutionRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudformation.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }


def test_the_deploy_role_uploads_deploys_and_hands_over_and_can_do_nothing_itself(bootstrap: Resources) -> None:
    [policy] = bootstrap["DeployRole"]["Properties"]["Policies"]
    granted: dict[str, Any] = {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}
    rights = {sid: set(as_list(one["Action"])) for sid, one in granted.items()}
    assert rights == {
        "UploadWhatWasBuilt": {"s3:GetObject", "s3:PutObject"},
        "SeeWhatIsThere": {"s3:ListBucket"},
        "DeployTheStack": {"cloudformation:CreateChangeSet"},
        "TransformIt": {"cloudformation:CreateChangeSet"},
        "FollowIt": {
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStacks",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:GetTemplateSummary",
        },
        "HandOverTheRole": {"iam:PassRole"},
    }
    role = {"Fn::GetAtt": ["ExecutionRole", "Arn"]}
    assert granted["DeployTheStack"]["Condition"] == {"StringEquals": {"cloudformation:RoleArn": role}}
    assert granted["HandOverTheRole"]["Resource"] == role
    assert granted["HandOverTheRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}
    }
    assert not [sid for sid, one in granted.items() if one["Resource"] == "*"]


def test_the_boundary_lets_through_what_the_templates_roles_do_and_no_more(
    bootstrap: Resources, deployed: Resources
) -> None:
    of_roles = {
        action
        for resource in deployed.values()
        if resource["Type"] in {"AWS::IAM::Role", "AWS::IAM::Policy"}
        for document in documents(resource)
        for statement in document["Statement"]
        for action in as_list(statement["Action"])
    }
    let_through = [one for _, one in statements(bootstrap, "Boundary") if one["Sid"] != "ATablesKey"]
    assert {action for statement in let_through for action in as_list(statement["Action"])} == of_roles


def documents(resource: dict[str, Any]) -> list[dict[str, Any]]:
    properties = resource["Properties"]
    inline = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
    return [*inline, properties["PolicyDocument"]] if "PolicyDocument" in properties else inline


def test_a_function_uses_a_tables_key_through_dynamodb_alone(bootstrap: Resources) -> None:
    [of_tables] = [one for _, one in statements(bootstrap, "Boundary") if one["Sid"] == "ATablesKey"]
    through = {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"}
    assert of_tables["Condition"] == {"StringEquals": {"kms:ViaService": through}}


def test_nothing_within_the_boundary_makes_rights(bootstrap: Resources) -> None:
    services = {action.partition(":")[0] for action in actions(bootstrap, "Boundary")}
    assert services.isdisjoint({"iam", "sts", "organizations", "cloudformation"})
    nameless = {one["Sid"] for _, one in statements(bootstrap, "Boundary") if one["Resource"] == "*"}
    assert nameless == {"Traces"}


def test_what_was_built_is_kept_encrypted_in_versions_and_goes_over_tls(bootstrap: Resources) -> None:
    bucket = bootstrap["Artifacts"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    [statement] = bootstrap["ArtifactsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_parameter_explains_itself_and_refuses_nonsense() -> None:
    parameters = load_yaml((ROOT / "deploy" / "bootstrap.yaml").read_text("utf-8"))["Parameters"]
    for name, parameter in parameters.items():
        assert parameter["Description"], name
        assert "AllowedPattern" not in parameter or parameter["ConstraintDescription"], name
        assert {"AllowedPattern", "AllowedValues"} & parameter.keys(), name
