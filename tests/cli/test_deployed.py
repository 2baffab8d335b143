"""The configuration that a deployment runs with, read from its function and its layer."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from sundial.config.reader import compile_file
from sundial_cli.deployed import config_of_file, config_of_function
from sundial_cli.main import main
from sundial_cli.status import FINDING, UNREACHABLE, StoppedError
from sundial_local.ministack import MiniStack
from tests.support.cloudformation import make_stack, zipped
from tests.support.stack import OwnStack

TEXT = """\
issuer: $SUNDIAL_ISSUER
enablePasswordDB: true
expiry: {idTokens: 7h}
"""
VARIABLES = {"SUNDIAL_ISSUER": "https://login.example.com", "SUNDIAL_CONFIG": "/opt/sundial.json"}


def compiled(folder: Path, text: str = TEXT) -> str:
    """Return the compiled document of a configuration, as the build of the layer makes it."""
    (folder / "sundial.yaml").write_text(text, encoding="utf-8")
    document, problems = compile_file(folder / "sundial.yaml", {})
    assert document is not None, problems
    return json.dumps(document)


@pytest.fixture
def lambda_(ministack: MiniStack, aws_environment: object) -> Any:
    return boto3.client("lambda", endpoint_url=ministack.endpoint)


def deployed(lambda_: Any, *layers: Mapping[str, str], variables: Mapping[str, str] = VARIABLES) -> str:
    """Return the name of a function with such layers, published under the alias `live`."""
    name = f"function-{uuid4().hex[:12]}"
    arns = [
        lambda_.publish_layer_version(LayerName=f"{name}-{number}", Content={"ZipFile": zipped(files)})[
            "LayerVersionArn"
        ]
        for number, files in enumerate(layers)
    ]
    function = lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="app.handler",
        Code={"ZipFile": zipped({"app.py": "def handler(event, context): return {}"})},
        Layers=arns,
        Environment={"Variables": dict(variables)},
        Publish=True,
    )
    lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=function["Version"])
    return name


def test_the_configuration_is_the_last_layers_completed_by_the_functions_own_environment(
    lambda_: Any, tmp_path: Path
) -> None:
    function = deployed(lambda_, {"python/sundial/__init__.py": ""}, {"sundial.json": compiled(tmp_path)})
    config = config_of_function(lambda_, function, "live")
    assert (config.issuer, config.expiry.id_tokens) == ("https://login.example.com", timedelta(hours=7))


@pytest.mark.parametrize(
    ("layers", "why"),
    [([], "has no layer"), ([{"other.txt": ""}], "there is no sundial.json in the layer")],
)
def test_a_function_without_a_configuration_is_said_to_be_one(
    lambda_: Any, layers: list[Mapping[str, str]], why: str
) -> None:
    with pytest.raises(StoppedError) as stopped:
        config_of_function(lambda_, deployed(lambda_, *layers), "live")
    assert (stopped.value.status, why in str(stopped.value)) == (FINDING, True)


def test_a_configuration_of_another_release_is_not_guessed_at(lambda_: Any, tmp_path: Path) -> None:
    old = json.dumps(json.loads(compiled(tmp_path)) | {"format": 0})
    with pytest.raises(StoppedError) as stopped:
        config_of_function(lambda_, deployed(lambda_, {"sundial.json": old}), "live")
    assert stopped.value.status == FINDING
    assert "compiled by another release" in str(stopped.value)


def test_a_layer_that_cannot_be_downloaded_is_no_configuration_and_its_url_is_not_shown() -> None:
    class Lambda:
        def get_function_configuration(self, **_: str) -> Any:
            return {"Layers": [{"Arn": "arn:layer:1"}]}

        def get_layer_version_by_arn(self, **_: str) -> Any:
            return {"Content": {"Location": "http://127.0.0.1:9/layer?X-Amz-Signature=presigned"}}

    with pytest.raises(StoppedError) as stopped:
        config_of_function(Lambda(), "rotate", "live")
    assert stopped.value.status == UNREACHABLE
    assert "presigned" not in str(stopped.value)


def test_a_file_that_is_not_there_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(StoppedError) as stopped:
        config_of_file(tmp_path / "sundial.json", {})
    assert stopped.value.status == FINDING


def test_clients_and_users_of_a_cloudformation_stack_are_looked_after_by_its_name(
    lambda_: Any, stack: OwnStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {
        "Issuer": VARIABLES["SUNDIAL_ISSUER"],
        "FamiliesTableName": stack.families_table,
        "DirectoryTableName": stack.directory_table,
        "PublicKeysTableName": stack.public_keys_table,
        "EventBusName": stack.event_bus,
        "RotateKeysFunctionName": deployed(lambda_, {"sundial.json": compiled(tmp_path)}),
    }
    name = f"sundial-{uuid4().hex[:12]}"
    make_stack(name, outputs)
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))

    assert main(["clients", "create", "job", "--id-tokens", "7h", "--stack", name]) == 0
    assert main(["clients", "update", "job", "--id-tokens", "8h", "--stack", name]) == 1
    assert main(["users", "create", "jane@example.com", "--cost", "10", "--stack", name]) == 0
    assert main(["clients", "delete", "job", "--yes", "--stack", name]) == 0
    assert main(["users", "disable", "jane@example.com", "--yes", "--stack", name]) == 0
    capsys.readouterr()
    assert main(["users", "list", "--stack", name]) == 0
    assert "table, disabled" in capsys.readouterr().out
