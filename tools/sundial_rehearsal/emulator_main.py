"""Run MiniStack for the rehearsal; .venv-rehearsal's Python runs this file as it does sundial_local/ministack_main.py.

MiniStack's own code is left alone but for ten things, each without which there would be no rehearsal:

- A function runs in the interpreter REHEARSAL_FUNCTION_PYTHON, which sees /opt as Lambda has it and nothing of
  MiniStack's own packages.
- The schedules' clock is ahead by the seconds in the file REHEARSAL_CLOCK, which is the functions' clock too, and is
  looked at every second instead of every ten.
- `Ref` of a secret is its ARN, as the roles have it, and one without a value has no version; in MiniStack it is the
  name, and there is an empty version.
- A condition may cut up a parameter (Fn::Sub, Fn::Split, Fn::Join), as CloudFormation's may.
- An alarm over several metrics is recorded; MiniStack refuses metric math.
- A policy may ask for the partition keys that a request to DynamoDB names; MiniStack's have none to ask for.
- A role may ask for the workflow that GitHub's token names (`job_workflow_ref`); MiniStack knows no such claim.
- A policy may ask with which role a stack is to be made (`cloudformation:RoleArn`); MiniStack's have none to ask for.
- A request counts as one over TLS, which the artifact bucket's policy asks for.
- The resource types of RECORDED are recorded; MiniStack has nothing like them.

What is recorded and not carried out is named, a line each, in the file REHEARSAL_RECORDED; the rehearsal prints it.
"""

import json
import os
import runpy
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RECORDED = ("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", "AWS::Logs::QueryDefinition")
SECONDS_BETWEEN_LOOKS = 1


def main() -> None:
    """Put the ten things in place, and run MiniStack."""
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import dynamodb, scheduler, secretsmanager, sts
    from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

    sys.executable = os.environ["REHEARSAL_FUNCTION_PYTHON"]
    turn_the_clock_of(scheduler, Path(os.environ["REHEARSAL_CLOCK"]))
    refer_to_secrets_by_arn(provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"], secretsmanager)
    let_conditions_cut_up_parameters(engine, stacks, changesets, handlers)
    tell_leading_keys(iam_actions, dynamodb)
    tell_the_role_of_stacks(iam_actions)
    tell_the_workflow(sts)
    count_as_over_tls(iam_evaluator)
    record(provisioners, Path(os.environ["REHEARSAL_RECORDED"]))
    sys.argv = [sys.argv[0].replace("emulator_main.py", "../sundial_local/ministack_main.py"), *sys.argv[1:]]
    runpy.run_path(sys.argv[0], run_name="__main__")


def turn_the_clock_of(scheduler: Any, clock: Path) -> None:
    """Let the schedules be due by the clock of `clock`, the functions' own."""
    scheduler.time = SimpleNamespace(time=lambda: time.time() + float(clock.read_text()), sleep=time.sleep)
    scheduler._SCHEDULE_TICK_INTERVAL = SECONDS_BETWEEN_LOOKS


def refer_to_secrets_by_arn(handler: dict[str, Any], secretsmanager: Any) -> None:
    """Let a secret's physical id be its ARN, and make none a value that its template doesn't give one."""
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def name_of(arn: str) -> str:
        return str(secretsmanager._resolve(arn)[0])

    def create_by_arn(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
        name, attributes = create(logical_id, properties, stack_name)
        if not properties.keys() & {"SecretString", "GenerateSecretString"}:
            secretsmanager._secrets[name]["Versions"] = {}
        return attributes["Arn"], attributes

    def update_by_arn(arn: str, *arguments: Any, **options: Any) -> tuple[str, dict[str, str]]:
        _, attributes = update(name_of(arn), *arguments, **options)
        return attributes["Arn"], attributes

    handler |= {
        "create": create_by_arn,
        "update": update_by_arn,
        "delete": lambda arn, properties: delete(name_of(arn), properties),
    }


def let_conditions_cut_up_parameters(engine: Any, *others: Any) -> None:
    """Have the functions of text resolved before a condition is: MiniStack knows Ref and Fn::Select there alone."""
    evaluate = engine._evaluate_conditions

    def resolved(value: Any, template: dict[str, Any], parameters: dict[str, Any]) -> Any:
        if isinstance(value, list):
            return [resolved(one, template, parameters) for one in value]
        if not isinstance(value, dict):
            return value
        if value.keys() & {"Fn::Sub", "Fn::Split", "Fn::Join"}:
            return engine._resolve_refs(value, {}, parameters, {}, template.get("Mappings", {}), "", "")
        return {key: resolved(one, template, parameters) for key, one in value.items()}

    def evaluate_resolved(template: dict[str, Any], parameters: dict[str, Any]) -> Any:
        conditions = resolved(template.get("Conditions", {}), template, parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    for module in (engine, *others):
        if hasattr(module, "_evaluate_conditions"):
            module._evaluate_conditions = evaluate_resolved


def tell_leading_keys(iam_actions: Any, dynamodb: Any) -> None:
    """Give policies dynamodb:LeadingKeys, of the requests that functions make."""
    context_of = iam_actions.dynamodb_service_context

    def context_with_keys(body: bytes) -> dict[str, Any]:
        context: dict[str, Any] = context_of(body)
        asked = json.loads(body or b"{}")
        named = [(asked.get("TableName"), asked.get(where)) for where in ("Key", "Item")]
        for table, reads in asked.get("RequestItems", {}).items():
            named += [(table, key) for key in (reads["Keys"] if isinstance(reads, dict) else ())]
        keys = [
            item[dynamodb._tables[table]["pk_name"]]["S"] for table, item in named if item and table in dynamodb._tables
        ]
        return {**context, "dynamodb:LeadingKeys": keys} if keys else context

    iam_actions.dynamodb_service_context = context_with_keys


def tell_the_role_of_stacks(iam_actions: Any) -> None:
    """Give policies cloudformation:RoleArn, of the requests that name a role."""
    context_of = iam_actions.request_tag_context

    def context_with_role(service: str, action: str, body: bytes, parameters: dict[str, Any]) -> dict[str, Any]:
        context: dict[str, Any] = context_of(service, action, body, parameters)
        role = iam_actions._param(body, parameters, "RoleARN") if service == "cloudformation" else ""
        return {**context, "cloudformation:RoleArn": role} if role else context

    iam_actions.request_tag_context = context_with_role


def tell_the_workflow(sts: Any) -> None:
    """Give policies `job_workflow_ref` of a web identity's token, as STS does for GitHub's since January 2026."""
    principal_of = sts._web_identity_principal

    def principal_with_workflow(token: str, *arguments: Any) -> tuple[str, dict[str, Any]]:
        from ministack.services.cognito import _decode_id_token_unverified

        principal, keys = principal_of(token, *arguments)
        claims = _decode_id_token_unverified(token)
        host = principal.rpartition(":oidc-provider/")[2]
        return principal, {**keys, f"{host}:job_workflow_ref": claims.get("job_workflow_ref", "")}

    sts._web_identity_principal = principal_with_workflow


def count_as_over_tls(iam_evaluator: Any) -> None:
    """Answer `aws:SecureTransport` with true: on loopback there is no TLS."""
    pin = iam_evaluator.pin_request_origin
    iam_evaluator.pin_request_origin = lambda address, _: pin(address, True)


def record(provisioners: Any, recorded: Path) -> None:
    """Take what MiniStack would refuse into a stack, and say so in `recorded`."""
    handlers = provisioners._RESOURCE_HANDLERS

    def note(type: str, name: str) -> None:
        with recorded.open("a") as lines:
            lines.write(f"{type} {name}\n")

    def create_of(type: str) -> Any:
        def create(logical_id: str, _properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
            note(type, logical_id)
            return f"{stack_name}-{logical_id}", {}

        return create

    def update(physical_id: str, *_: Any) -> tuple[str, dict[str, str]]:
        return physical_id, {}

    for type in RECORDED:
        if type not in handlers:
            handlers[type] = {"create": create_of(type), "update": update, "delete": lambda *_: None}

    put_alarm = provisioners._cw_metric_alarm_record

    def record_alarm(name: str, properties: dict[str, Any]) -> Any:
        if not properties.get("Metrics"):
            return put_alarm(name, properties)
        note("AWS::CloudWatch::Alarm", name)
        alone = {key: value for key, value in properties.items() if key != "Metrics"}
        return put_alarm(name, {**alone, "Namespace": "-", "MetricName": "metric math"})

    provisioners._cw_metric_alarm_record = record_alarm


if __name__ == "__main__":
    main()
