"""What is read from a template: functions, routes, schedules, resolved values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sundial_local.intrinsics import NO_VALUE, Scope, TemplateError, load_yaml, resolve
from sundial_local.template import Template, rate

SCOPE = Scope(
    parameters={"Stage": "dex", "Empty": ""},
    conditions={"HasStage": load_yaml("!Not [!Equals [!Ref Stage, '']]")},
    reference=lambda name: f"ref-{name}",
    attribute=lambda name, attribute: f"{name}/{attribute}",
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Stage", "dex"),
        ("!Ref Table", "ref-Table"),
        ("!GetAtt Table.Arn", "Table/Arn"),
        ("!GetAtt [Table, Arn]", "Table/Arn"),
        ("!Sub 'a/${Stage}/${Table}/${Table.Arn}/${!Literal}'", "a/dex/ref-Table/Table/Arn/${Literal}"),
        ("!Sub ['${Own}', {Own: !Ref Stage}]", "dex"),
        ("!If [HasStage, 1, 2]", 1),
        ("{a: !If [HasStage, !Ref AWS::NoValue, 2], b: 3}", {"b": 3}),
        ("[!If [HasStage, !Ref AWS::NoValue, 2], 3]", [3]),
        ("!And [!Condition HasStage, !Equals [a, a]]", True),
        ("!Or [!Not [Condition: HasStage], !Equals [a, b]]", False),
        ("!Select [2, !Split [/, 'https://example.com/dex']]", "example.com"),
        ("!Join [/, [a, !Ref Stage]]", "a/dex"),
        ("!Equals ['0', 0]", True),
        ("plain", "plain"),
    ],
)
def test_an_intrinsic_function_comes_to_its_value(text: str, value: object) -> None:
    assert resolve(load_yaml(text), SCOPE) == value


def test_no_value_is_left_out_where_it_stands_alone() -> None:
    assert resolve({"Ref": "AWS::NoValue"}, SCOPE) is NO_VALUE


@pytest.mark.parametrize("text", ["!ImportValue Other", "!If [Unknown, 1, 2]"])
def test_what_cannot_be_resolved_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError):
        resolve(load_yaml(text), SCOPE)


def test_a_resource_that_is_not_made_locally_is_named() -> None:
    with pytest.raises(TemplateError, match=r"Queue\.Arn"):
        resolve(load_yaml("!GetAtt Queue.Arn"), Scope())


def test_a_rate_is_a_duration() -> None:
    assert rate("rate(1 minute)") == timedelta(minutes=1)
    assert rate("rate(12 hours)") == timedelta(hours=12)
    assert rate("rate(7 days)") == timedelta(days=7)
    with pytest.raises(TemplateError, match="cron"):
        rate("cron(0 12 * * ? *)")


def _written(folder: Path, text: str) -> Path:
    path = folder / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", ["Resources: [", "Parameters: {}", "", "a: \x00"])
def test_what_is_no_template_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = _written(tmp_path, text)
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        Template.load(path)


def test_a_missing_template_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        Template.load(tmp_path / "template.yaml")


def test_a_function_has_the_environment_of_all_and_its_own(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        """
        Globals: {Function: {Handler: app.handler, Environment: {Variables: {A: all, B: all}}}}
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              CodeUri: functions/f
              Environment: {Variables: {B: own, C: own}}
              Events: {Root: {Type: HttpApi, Properties: {Method: GET, Path: /}}}
        """,
    )
    [function] = Template.load(path).functions
    assert function.environment == {"A": "all", "B": "own", "C": "own"}
    assert function.folder == tmp_path / "functions" / "f"
    assert (function.module, function.attribute) == ("app", "handler")
    assert function.every is None


def test_a_resource_whose_condition_fails_is_not_there(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        """
        Parameters: {Wanted: {Type: String, Default: "no"}}
        Conditions: {IsWanted: !Equals [!Ref Wanted, "yes"]}
        Resources: {Table: {Type: AWS::DynamoDB::Table, Condition: IsWanted}}
        """,
    )
    assert list(Template.load(path).resources) == []
    assert list(Template.load(path, {"Wanted": "yes"}).resources) == ["Table"]


def test_the_deployed_template_is_read_as_it_is(template: Template) -> None:
    functions = {function.name: function for function in template.functions}
    assert functions["RotateKeysFunction"].every is not None
    keys: Mapping[str, Any] = {route.key: name for name, function in functions.items() for route in function.routes}
    assert keys["GET /keys"] == "JwksFunction"
    assert keys["POST /token"] == "TokenFunction"
    for function in template.functions:
        assert function.folder.is_dir()
