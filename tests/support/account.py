"""An account of AWS with a deployment in it, whose operator types commands as a page shows them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import boto3

from sundial_local.ministack import CREDENTIALS, REGION
from sundial_local.operate import LocalStack
from sundial_local.state import StateFolder
from tests.support.cloudformation import RESOURCES, make_stack, resource_ids, zipped
from tests.support.operator import Operator, Result


class Account:
    """Stacks of CloudFormation that lead to an operator's deployment; its rotation function runs in this process."""

    def __init__(self, sundial: Operator) -> None:
        self._sundial = sundial
        self.folder = str(sundial.folder)
        """What --local is about."""
        local = LocalStack(StateFolder(sundial.folder))
        self._variables = local.environment
        patch = sundial.monkeypatch
        patch.setattr("sundial_cli.target._invoke", lambda _client, _function, event: local.rotate_keys(event))
        patch.setattr("sundial_cli.target.time", SimpleNamespace(time=lambda: sundial.now))
        patch.setattr("sundial_local.paths.STATE", sundial.folder)
        patch.setenv("COLUMNS", "100")  # as wide as a line of a page may be
        profile = sundial.folder / "aws-config"
        keys = "".join(f"{name.lower()} = {value}\n" for name, value in CREDENTIALS.items())
        profile.write_text(f"[profile operator]\nregion = {REGION}\n{keys}", "utf-8")
        patch.setenv("AWS_CONFIG_FILE", str(profile))

    def __call__(self, command: str, typed: str | None = "yes\n") -> Result:
        """Run `sundial …` as it is typed, by somebody who says yes where they are asked."""
        return self._sundial.as_it_stands(shlex.split(command)[1:], typed=typed)

    def pass_time(self, seconds: int) -> None:
        """Turn the clock."""
        self._sundial.now += seconds

    def deploy(self, name: str) -> None:
        """Make a stack that leads there; its function has the deployment's configuration in a layer."""
        compiled = (self._sundial.folder / "sundial.json").read_text("utf-8")
        layer = boto3.client("lambda").publish_layer_version(
            LayerName=f"{name}-config", Content={"ZipFile": zipped({"sundial.json": compiled})}
        )
        resources = {key: dict(value) for key, value in RESOURCES.items() if key != "FamiliesTable"}
        function = dict(resources["RotateKeysFunction"]["Properties"])
        variables = {name: value for name, value in self._variables.items() if not name.startswith("AWS_")}
        variables["SUNDIAL_CONFIG"] = "/opt/sundial.json"
        function |= {"Layers": [layer["LayerVersionArn"]], "Environment": {"Variables": variables}}
        resources["RotateKeysFunction"]["Properties"] = function
        outputs = {
            "Issuer": self._variables["SUNDIAL_ISSUER"],
            "FamiliesTableName": self._variables["SUNDIAL_FAMILIES_TABLE"],
            "DirectoryTableName": self._variables["SUNDIAL_DIRECTORY_TABLE"],
            "PublicKeysTableName": self._variables["SUNDIAL_PUBLIC_KEYS_TABLE"],
            "EventBusName": self._variables["SUNDIAL_EVENT_BUS"],
            "RotateKeysFunctionName": {"Ref": "RotateKeysFunction"},
        }
        make_stack(name, outputs, resources)
        topic = resource_ids(name)["AlarmTopic"]
        boto3.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")


@contextmanager
def account_of(sundial: Operator, *stacks: str) -> Iterator[Account]:
    """Lead stacks of these names to an operator's deployment until the block ends."""
    account = Account(sundial)
    try:
        for name in stacks:
            account.deploy(name)
        yield account
    finally:
        for name in stacks:
            boto3.client("cloudformation").delete_stack(StackName=name)
