"""How a new version takes over: step by step, under the eyes of alarms that watch the new version alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sundial_local.paths import ROOT
from sundial_local.template import Template
from tests.support.transformed import PARAMETERS, source, transformed
from tests.template.test_alarms import FUNCTIONS, emitted, metrics

Resources = dict[str, dict[str, Any]]
PREFERENCES = source()["Parameters"]["DeploymentPreference"]["AllowedValues"]
GROUP = "AWS::CodeDeploy::DeploymentGroup"


def deployed(**parameters: str) -> Resources:
    resources: Resources = transformed(source(), {**PARAMETERS, **parameters})["Resources"]
    return resources


@pytest.mark.parametrize("preference", ["Canary10Percent5Minutes", "AllAtOnce", "None"])
def test_codedeploy_moves_every_alias_as_the_parameter_says_and_none_where_it_says_none(preference: str) -> None:
    resources = deployed(DeploymentPreference=preference)
    groups = {name: one["Properties"] for name, one in resources.items() if one["Type"] == GROUP}
    if preference == "None":
        assert not groups
        assert not any("UpdatePolicy" in one for one in resources.values())
        return
    assert set(groups) == {f"{function}FunctionDeploymentGroup" for function in FUNCTIONS}
    for name, group in groups.items():
        assert group["DeploymentConfigName"]["Fn::Sub"] == [
            "CodeDeployDefault.Lambda${ConfigName}",
            {"ConfigName": preference},
        ]
        alias = resources[f"{name.removesuffix('DeploymentGroup')}Aliaslive"]
        assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {"Ref": name}


def test_the_parameter_allows_what_the_mapping_knows() -> None:
    assert set(PREFERENCES) == set(source()["Mappings"]["DeploymentPreferences"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_release_is_undone_by_the_alarm_of_its_function_and_told(function: str, resources: Resources) -> None:
    group = resources[f"{function}FunctionDeploymentGroup"]["Properties"]
    assert group["AlarmConfiguration"] == {"Enabled": True, "Alarms": [{"Name": {"Ref": f"{function}ReleaseAlarm"}}]}
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["ReleaseRole", "Arn"]}
    [trigger] = group["TriggerConfigurations"]
    assert trigger["TriggerTargetArn"] == {"Ref": "AlarmTopic"}
    assert {"DeploymentFailure", "DeploymentRollback"} <= set(trigger["TriggerEvents"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_brake_watches_the_new_version_alone_so_that_an_outage_does_not_stop_its_own_mending(
    function: str, resources: Resources
) -> None:
    version = resources[f"{function}FunctionAliaslive"]["Properties"]["FunctionVersion"]
    alarm = resources[f"{function}ReleaseAlarm"]["Properties"]
    errors, *answers = metrics(alarm)
    assert errors == (
        "AWS/Lambda",
        "Errors",
        {
            "FunctionName": {"Ref": f"{function}Function"},
            "Resource": {"Fn::Sub": f"${{{function}Function}}:live"},
            "ExecutedVersion": version,
        },
    )
    for namespace, name, dimensions in answers:
        assert (namespace, name) == ("Sundial", "ServerErrors")
        assert frozenset(dimensions) in emitted()["ServerErrors"]
        assert dimensions["version"] == version
        assert dimensions["function"] == folder_of(function)
    assert bool(answers) == (function != "RotateKeys"), "whoever answers requests answers with 5xx too"
    assert all(query["MetricStat"]["Period"] == 60 for query in alarm["Metrics"] if "MetricStat" in query)
    assert alarm["Threshold"] == {"Ref": "ReleaseFailureThreshold"}


def folder_of(function: str) -> str:
    [found] = [one.folder.name for one in Template.load().functions if one.name == f"{function}Function"]
    return str(found)


def test_nothing_waits_for_itself(resources: Resources) -> None:
    """An alias waits for its deployment group, that for its alarm and the role, and these for the functions."""
    waits = {name: referred(one) & resources.keys() for name, one in resources.items()}
    done: set[str] = set()
    while ready := {name for name in waits.keys() - done if waits[name] <= done}:
        done |= ready
    assert done == waits.keys(), "these wait for each other"


def referred(value: Any) -> set[str]:
    """Return the names that `Ref`, `GetAtt` and `Sub` in `value` refer to."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case dict():
            named = {name for one in value.values() for name in referred(one)}
            text = json.dumps(value.get("Fn::Sub", ""))
            return named | {part.split("}")[0].split(".")[0] for part in text.split("${")[1:]}
        case list():
            return {name for one in value for name in referred(one)}
    return set()


def test_a_parameters_value_is_not_what_sam_names_a_version_by_so_the_config_layer_holds_a_digest_of_them() -> None:
    """Where this fails, SAM has learnt it (aws/serverless-application-model#3820), and the digest may go."""
    at_first = versions(deployed())
    assert at_first == versions(deployed(Issuer="https://another.example.com"))
    makefile = (ROOT / "layers" / "config" / "Makefile").read_text("utf-8")
    assert "settings.sha256" in makefile
    document = source()
    document["Resources"]["ConfigLayer"]["Properties"]["ContentUri"] += "-built-with-other-settings"
    assert versions(transformed(document)["Resources"]).isdisjoint(at_first)


def versions(resources: Resources) -> set[str]:
    return {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}
