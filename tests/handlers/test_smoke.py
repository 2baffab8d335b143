"""CodeDeploy's pre-traffic hook: the new versions answer recorded events, and CodeDeploy is told how that went."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from sundial.smoke import hook_handler
from sundial.smoke.hook import CrashedError, LambdaAndCodeDeploy
from sundial.web.front import Front
from sundial.web.http import Request
from sundial_local.paths import ROOT
from tests.support.events import EVENTS

OWN_EVENTS = ROOT / "functions" / "smoke" / "events"
FUNCTIONS = ("jwks", "authorize", "token", "userinfo", "device", "rotate_keys")
VERSIONS = {
    f"SUNDIAL_VERSION_{name.upper()}": f"arn:aws:lambda:eu-central-1:123456789012:function:{name}:7"
    for name in FUNCTIONS
}
RELEASE = {"DeploymentId": "d-0123456789", "LifecycleEventHookExecutionId": "eyJl"}
GOOD = {
    "GET /.well-known/openid-configuration": 200,
    "GET /keys": 200,
    "GET /healthz": 200,
    "GET /userinfo": 401,
    "GET /device": 200,
}


@dataclass
class FakeAws:
    """Every version answers as it should, but for what `answers` says by route, and `crashes` by function."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    crashes: Mapping[str, Exception] = field(default_factory=dict)
    keys: tuple[Mapping[str, str], ...] = ({"state": "pending"}, {"state": "active"})
    invoked: list[str] = field(default_factory=list)
    reported: list[tuple[str, str, bool]] = field(default_factory=list)

    def invoke(self, version: str, event: Mapping[str, Any]) -> Any:
        function = version.split(":")[-2]
        self.invoked.append(version)
        if function in self.crashes:
            raise self.crashes[function]
        if function == "rotate_keys":
            assert event == {"command": "list"}, "which changes nothing"
            return {"signing_keys": list(self.keys)}
        route = event["routeKey"]
        return self.answers.get(route, {"statusCode": GOOD.get(route, 400), "headers": {}, "body": ""})

    def report(self, deployment: str, execution: str, *, succeeded: bool) -> None:
        self.reported.append((deployment, execution, succeeded))


def released(aws: FakeAws, event: Mapping[str, Any] = RELEASE) -> dict[str, Any]:
    return hook_handler(aws, VERSIONS, OWN_EVENTS)(event, None)


def test_a_release_whose_versions_answer_goes_on() -> None:
    aws = FakeAws()
    assert released(aws) == {"problems": [], "events": 10}
    assert aws.reported == [("d-0123456789", "eyJl", True)]


def test_every_new_version_is_asked_and_nothing_else() -> None:
    aws = FakeAws()
    released(aws)
    assert set(aws.invoked) == set(VERSIONS.values())


@pytest.mark.parametrize(
    ("route", "answer", "problem"),
    [
        ("GET /keys", {"statusCode": 503}, "jwks: GET /keys was answered with 503, not 200"),
        ("GET /keys", {"statusCode": 404}, "jwks: GET /keys was answered with 404, not 200"),
        ("POST /token", {"statusCode": 500}, "token: POST /token was answered with 500"),
        ("GET /auth", {"statusCode": 502}, "authorize: GET /auth was answered with 502"),
        ("GET /userinfo", {"statusCode": 200}, "userinfo: GET /userinfo was answered with 200, not 401"),
        ("GET /device", None, "device: GET /device was answered with something else than a response"),
        ("GET /device", {"body": ""}, "device: GET /device was answered with something else than a response"),
    ],
)
def test_a_wrong_answer_stops_the_release_and_is_named(route: str, answer: Any, problem: str) -> None:
    aws = FakeAws(answers={route: answer})
    assert released(aws)["problems"] == [problem]
    assert [succeeded for _, _, succeeded in aws.reported] == [False]


def test_a_function_that_does_not_start_stops_the_release() -> None:
    aws = FakeAws(crashes={"device": CrashedError("Runtime.ImportModuleError")})
    assert set(released(aws)["problems"]) == {"device crashed: Runtime.ImportModuleError"}
    assert [succeeded for _, _, succeeded in aws.reported] == [False]


def test_a_rotation_that_reads_no_signing_key_stops_the_release() -> None:
    aws = FakeAws(keys=({"state": "pending"},))
    assert released(aws)["problems"] == ["rotate_keys has no key that signs"]


def test_codedeploy_is_told_of_a_failure_also_where_the_smoke_test_itself_fails() -> None:
    aws = FakeAws(crashes={"jwks": PermissionError("no right to invoke")})
    with pytest.raises(PermissionError):
        released(aws)
    assert [succeeded for _, _, succeeded in aws.reported] == [False]


def test_an_operator_may_run_it_and_codedeploy_hears_nothing_of_it() -> None:
    aws = FakeAws()
    assert released(aws, {})["problems"] == []
    assert aws.reported == []


def test_behind_cloudfront_it_comes_as_cloudfront_does() -> None:
    sent: list[Mapping[str, Any]] = []

    class Listening(FakeAws):
        def invoke(self, version: str, event: Mapping[str, Any]) -> Any:
            sent.append(event)
            return super().invoke(version, event)

    secret = "front-secret-of-the-tests"
    hook_handler(Listening(), {**VERSIONS, "SUNDIAL_FRONT_SECRET": secret}, OWN_EVENTS)({}, None)
    requests = [Request.from_event(event, 0) for event in sent if "routeKey" in event]
    assert {Front(secret).admit(request).source_ip for request in requests} == {"203.0.113.7"}


def test_its_events_are_the_recorded_ones() -> None:
    own = sorted(OWN_EVENTS.glob("*/*.json"))
    assert {path.parent.name for path in own} == set(FUNCTIONS) - {"rotate_keys"}
    for path in own:
        assert path.read_bytes() == (EVENTS / path.relative_to(OWN_EVENTS)).read_bytes(), path


def test_it_speaks_to_lambda_and_codedeploy_as_they_want_it() -> None:
    functions: Any = boto3.client("lambda", region_name="eu-central-1")
    code_deploy: Any = boto3.client("codedeploy", region_name="eu-central-1")
    version = VERSIONS["SUNDIAL_VERSION_JWKS"]

    def answer(payload: Any, **more: Any) -> dict[str, Any]:
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(payload).encode()), **more}

    with Stubber(functions) as lambda_stub, Stubber(code_deploy) as deploy_stub:
        aws = LambdaAndCodeDeploy(functions, lambda: code_deploy)
        lambda_stub.add_response(
            "invoke", answer({"statusCode": 200}), {"FunctionName": version, "Payload": b'{"a": 1}'}
        )
        assert aws.invoke(version, {"a": 1}) == {"statusCode": 200}
        crash = answer({"errorType": "KeyError", "errorMessage": "may hold anything"}, FunctionError="Unhandled")
        lambda_stub.add_response("invoke", crash)
        with pytest.raises(CrashedError) as crashed:
            aws.invoke(version, {})
        assert str(crashed.value) == "KeyError"
        for succeeded, status in ((True, "Succeeded"), (False, "Failed")):
            expected = {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "e", "status": status}
            deploy_stub.add_response("put_lifecycle_event_hook_execution_status", {}, expected)
            aws.report("d-1", "e", succeeded=succeeded)
        lambda_stub.assert_no_pending_responses()
        deploy_stub.assert_no_pending_responses()
