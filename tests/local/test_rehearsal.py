"""What the rehearsal puts in the place of Lambda and beside MiniStack; `make rehearse` itself runs in CI."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sundial_local.paths import ROOT
from sundial_rehearsal import emulator_main, function_main
from sundial_rehearsal.pipeline import Commands, Runner, of_a_deployment, of_the_build
from sundial_rehearsal.report import Report, StepFailedError
from sundial_rehearsal.workshop import ARCHITECTURES, Workshop

PROBE = """\
import json, time
from pathlib import Path
said = {"opt": Path("/opt/sundial.json").read_text(), "open": open("/opt/only-below.txt").read()}
print(json.dumps({**said, "now": time.time()}))
"""


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    workshop = Workshop(tmp_path / "checkout", tmp_path, {})
    workshop.fill()
    return workshop


def test_a_function_finds_its_layers_under_opt_and_lives_later(tmp_path: Path) -> None:
    above, below = tmp_path / "layer_1", tmp_path / "layer_0"
    for layer, files in ((above, {"sundial.json": "above"}), (below, {"sundial.json": "-", "only-below.txt": "below"})):
        layer.mkdir()
        for name, text in files.items():
            (layer / name).write_text(text, "utf-8")
    (tmp_path / "clock").write_text("86400", "utf-8")
    (tmp_path / "probe.py").write_text(PROBE, "utf-8")
    layers = os.pathsep.join(map(str, (above, below)))
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-B", function_main.__file__, tmp_path / "probe.py"],
        env={"_LAMBDA_LAYERS_DIRS": layers, "REHEARSAL_CLOCK": str(tmp_path / "clock")},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    assert (said["opt"], said["open"]) == ("above", "below")
    assert abs(said["now"] - time.time() - 86400) < 3600


def test_what_ministack_can_not_carry_out_is_recorded_and_named(tmp_path: Path) -> None:
    def put_alarm(name: str, properties: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert "Metrics" not in properties, "MiniStack refuses them"
        return name, properties

    provisioners = SimpleNamespace(_RESOURCE_HANDLERS={}, _cw_metric_alarm_record=put_alarm)
    emulator_main.record(provisioners, tmp_path / "recorded")
    create = provisioners._RESOURCE_HANDLERS["AWS::CodeDeploy::Application"]["create"]
    assert create("Releases", {}, "sundial") == ("sundial-Releases", {})
    provisioners._cw_metric_alarm_record("one-metric", {"MetricName": "Errors"})
    name, properties = provisioners._cw_metric_alarm_record("many-metrics", {"Metrics": [{}], "Threshold": 1})
    assert (name, properties["Threshold"]) == ("many-metrics", 1)
    assert (tmp_path / "recorded").read_text("utf-8").splitlines() == [
        "AWS::CodeDeploy::Application Releases",
        "AWS::CloudWatch::Alarm many-metrics",
    ]


def test_a_condition_may_cut_up_a_parameter() -> None:
    seen: list[Any] = []
    engine = SimpleNamespace(
        _evaluate_conditions=lambda template, _: seen.append(template["Conditions"]),
        _resolve_refs=lambda value, *_: ["https:", "", "id.example.com"],
    )
    others = SimpleNamespace(_evaluate_conditions=None)
    emulator_main.let_conditions_cut_up_parameters(engine, others)
    parts = {"Fn::Split": ["/", {"Ref": "Issuer"}]}
    others._evaluate_conditions({"Conditions": {"C": {"Fn::Equals": ["", {"Fn::Select": [1, parts]}]}}}, {})
    assert seen == [{"C": {"Fn::Equals": ["", {"Fn::Select": [1, ["https:", "", "id.example.com"]]}]}}]


def test_a_policy_may_ask_for_the_partition_keys_that_a_request_names() -> None:
    actions = SimpleNamespace(dynamodb_service_context=lambda body: {"dynamodb:Select": "ALL_ATTRIBUTES"})
    emulator_main.tell_leading_keys(actions, SimpleNamespace(_tables={"t": {"pk_name": "id"}, "u": {"pk_name": "pk"}}))

    def keys(**request: Any) -> Any:
        context = actions.dynamodb_service_context(json.dumps(request).encode())
        assert context["dynamodb:Select"] == "ALL_ATTRIBUTES"
        return context.get("dynamodb:LeadingKeys")

    assert keys(TableName="t", Key={"id": {"S": "a"}}) == ["a"]
    assert keys(TableName="u", Item={"id": {"S": "a"}, "pk": {"S": "b"}}) == ["b"]
    read = {"t": {"Keys": [{"id": {"S": "a"}}, {"id": {"S": "b"}}]}, "u": {"Keys": [{"pk": {"S": "c"}}]}}
    assert keys(RequestItems=read) == ["a", "b", "c"]
    assert keys(TableName="t") is None
    assert keys() is None


def test_a_policy_may_ask_with_which_role_a_stack_is_made() -> None:
    actions = SimpleNamespace(
        request_tag_context=lambda *_: {"aws:TagKeys": []},
        _param=lambda body, parameters, name: parameters.get(name, ""),
    )
    emulator_main.tell_the_role_of_stacks(actions)

    def context(service: str, **parameters: str) -> Any:
        return actions.request_tag_context(service, f"{service}:CreateChangeSet", b"", parameters)

    assert context("cloudformation", RoleARN="arn") == {"aws:TagKeys": [], "cloudformation:RoleArn": "arn"}
    assert context("cloudformation") == context("iam", RoleARN="arn") == {"aws:TagKeys": []}


def test_a_step_of_the_pipeline_gets_its_inputs_and_gives_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-- ARGS=--keep=here")
    (tmp_path / "checkout").mkdir()
    runner = Runner(tmp_path / "checkout", {"WHERE": "here"})
    said = 'echo "said=$WHAT, $WHERE, ${MAKEFLAGS:-without make}" >> "$GITHUB_OUTPUT"'
    step = Commands("Say it", said, {"WHAT": "${{ inputs.what }}"})
    assert runner.run(step, {"what": "it"}) == {"said": "it, here, without make"}
    with pytest.raises(StepFailedError, match=r"^'Fail' ended with status 1$") as failed:
        runner.run(Commands("Fail", "echo why\nfalse | true\necho not reached", {}))
    assert failed.value.lines == "why"


def test_what_the_pipeline_runs_is_what_stands_in_its_workflow() -> None:
    assert ["make build" in one.text for one in of_the_build()] == [True, False]
    assert [one.name for one in of_a_deployment()][-2:] == ["Deploy", "Try it as a client does"]


def test_what_is_deployed_is_samconfigs_for_this_processor(workshop: Workshop) -> None:
    assert workshop.stack == "sundial-local"
    assert workshop.architecture in ARCHITECTURES.values()
    given = workshop.parameters(LogRetentionDays="3")
    assert {"Issuer=http://127.0.0.1:8080", "LogRetentionDays=3", f"Architecture={workshop.architecture}"} <= {*given}
    assert len({one.partition("=")[0] for one in given}) == len(given)


def test_the_copy_has_all_that_is_built_and_is_not_the_checkout(workshop: Workshop) -> None:
    for name in ("template.yaml", "Makefile", "layers/config/sundial.yaml", "events/jwks/get-keys.json"):
        assert (workshop.folder / name).read_bytes() == (ROOT / name).read_bytes()
        assert not (workshop.folder / name).is_symlink()


def test_a_step_that_fails_is_counted_and_ends_it() -> None:
    stream = io.StringIO()
    report = Report(stream, clock=lambda: 0.0)
    with report.step("build") as saw:
        saw("two layers")
    with pytest.raises(StepFailedError), report.step("deploy"):
        raise StepFailedError("no")
    report.end()
    assert (report.passed, report.failed) == (1, 1)
    lines = stream.getvalue().splitlines()
    assert lines[0].split() == ["1", "build", "ok", "0.0", "s"]
    assert lines[1:3] == ["     two layers", lines[2]]
    assert "FAILED" in lines[2]
    assert lines[-1] == "1 passed, 1 failed in 0 s"
