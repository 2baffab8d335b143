"""The parameters: each says what it is, refuses nonsense with a sentence, and stands in the operators' page.

    python -m tests.template.test_parameters

writes their table into docs/operations.md again.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from sundial_local.paths import ROOT
from tests.support.transformed import source
from tests.template.test_alarms import emitted

PAGE = ROOT / "docs" / "operations.md"
BEGIN, END = "<!-- parameters: written by tests/template/test_parameters.py -->\n", "<!-- /parameters -->"
REQUIRED = {"Issuer"}
"""Without a default: it is the one thing that nobody else can know."""

PARAMETERS: dict[str, dict[str, Any]] = source()["Parameters"]
EDGE: dict[str, dict[str, Any]] = source(ROOT / "deploy" / "edge.yaml")["Parameters"]


def table() -> str:
    """Return the table of the parameters, in the groups that the console shows them in."""
    lines = ["| parameter | default | what it is |", "| --- | --- | --- |"]
    for group in source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        lines.append(f"| **{group['Label']['default']}** | | |")
        lines += [f"| `{name}` | {default(name)} | {described(name)} |" for name in group["Parameters"]]
    return "\n".join(lines) + "\n"


def default(name: str) -> str:
    if "Default" not in PARAMETERS[name]:
        return "must be set"
    value = str(PARAMETERS[name]["Default"])
    return f"`{value}`" if value else "empty"


def described(name: str) -> str:
    parameter = PARAMETERS[name]
    values = parameter.get("AllowedValues", ())
    listed = ", ".join(f"`{value}`" for value in values)
    return " ".join(parameter["Description"].split()) + (f" ({listed})" if 1 < len(values) <= 10 else "")


def test_the_operators_page_has_the_table_of_the_parameters() -> None:
    page = PAGE.read_text("utf-8")
    written = page[page.index(BEGIN) + len(BEGIN) : page.index(END)]
    assert written == table(), "python -m tests.template.test_parameters writes it"


@pytest.mark.parametrize(("parameters", "required"), [(PARAMETERS, REQUIRED), (EDGE, {"DomainName"})])
def test_a_parameter_has_a_default_or_a_reason_to_have_none(
    parameters: dict[str, dict[str, Any]], required: set[str]
) -> None:
    assert {name for name, one in parameters.items() if "Default" not in one} == required


@pytest.mark.parametrize("parameters", [PARAMETERS, EDGE])
def test_every_default_is_allowed_and_every_pattern_explains_itself(parameters: dict[str, dict[str, Any]]) -> None:
    for name, one in parameters.items():
        assert one["Description"], name
        given = one.get("Default")
        if "AllowedPattern" in one:
            assert given is None or re.search(one["AllowedPattern"], given) is not None, name
            assert one["ConstraintDescription"].startswith("must be"), (
                "CloudFormation puts the parameter's name before it"
            )
        if "AllowedValues" in one and given is not None:
            assert given in one["AllowedValues"], name
        if "MinValue" in one and given is not None:
            assert one["MinValue"] <= given <= one.get("MaxValue", given), name


ARN = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("HostedZoneId", "", True),
        ("HostedZoneId", "Z0123456789ABCDEFGHIJ", True),
        ("HostedZoneId", "example.com", False),
        ("HostedZoneId", "/hostedzone/Z0123456789ABCDEFGHIJ", False),
        ("CertificateArn", ARN.replace("us-east-1", "eu-central-1"), True),
        ("CertificateArn", "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f", False),
        ("CloudFrontCertificateArn", ARN, True),
        ("CloudFrontCertificateArn", ARN.replace("us-east-1", "eu-central-1"), False),
        ("WebAclArn", "arn:aws:wafv2:us-east-1:111122223333:global/webacl/a-b/" + "0a1b2c3d-" * 3 + "0a1b2c3d4", True),
        ("WebAclArn", "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/" + "0" * 36, False),
        ("TableEncryptionKey", "create", True),
        ("TableEncryptionKey", "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f", True),
        ("TableEncryptionKey", "arn:aws:kms:eu-central-1:111122223333:key/mrk-" + "0" * 32, True),
        ("TableEncryptionKey", "alias/tables", False),
        ("TableEncryptionKey", "arn:aws:kms:eu-central-1:111122223333:alias/tables", False),
    ],
)
def test_a_parameter_takes_what_it_says_and_nothing_else(name: str, value: str, taken: bool) -> None:
    assert bool(re.search(PARAMETERS[name]["AllowedPattern"], value)) == taken


@pytest.mark.parametrize("environment", ["default", "local", "dev", "prod"])
def test_samconfig_gives_parameters_that_there_are_values_that_they_take(environment: str) -> None:
    deploy = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))[environment]["deploy"]["parameters"]
    given = dict(pair.split("=", 1) for pair in deploy["parameter_overrides"])
    assert given.keys() >= REQUIRED
    for name, value in given.items():
        parameter = PARAMETERS[name]
        assert re.search(parameter.get("AllowedPattern", ""), value)
        assert "AllowedValues" not in parameter or value in map(str, parameter["AllowedValues"])


def test_production_goes_step_by_step_and_an_aws_on_loopback_is_asked_for_nothing_that_it_has_not_got() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    given = {
        name: dict(pair.split("=", 1) for pair in config[name]["deploy"]["parameters"]["parameter_overrides"])
        for name in ("local", "dev", "prod")
    }
    assert given["prod"]["DeploymentPreference"].startswith("Canary")
    assert given["dev"]["DeploymentPreference"] == "AllAtOnce"
    assert (given["local"]["DeploymentPreference"], given["local"]["SavedQueries"]) == ("None", "false")


def test_the_operators_page_names_every_metric_and_its_parts() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    documented = {
        name: set(re.findall(r"`(\w+)`", row.split("|")[3])) - {"ClientMetrics"}
        for row in rows
        if len(row.split("|")) == 5
        for name in re.findall(r"`([A-Z]\w+)`", row.split("|")[1])
    }
    for metric, sets in emitted().items():
        parts = {dimension for one in sets for dimension in one} - {"service"}
        assert documented.get(metric, {"missing"}) - {"client"} == parts - {"client"}, metric
        assert parts <= documented[metric], metric


if __name__ == "__main__":
    text = PAGE.read_text("utf-8")
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    PAGE.write_text(text[:before] + table() + text[after:], "utf-8")
