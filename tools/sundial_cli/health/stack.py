"""The CloudFormation stack, its functions, its schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sundial_cli.health.finding import Finding, Look, bad, ok, warning
from sundial_cli.target import ALIAS, Resource, Target

FUNCTION = "AWS::Lambda::Function"
SCHEDULE = "AWS::Scheduler::Schedule"
_OF_A_VERSION = ("CodeSha256", "Environment", "Layers", "MemorySize", "Runtime", "Timeout", "TracingConfig")
"""What a version keeps of its function, as Lambda names it."""


def looks(target: Target, resources: Sequence[Resource]) -> Iterator[Look]:
    """Yield what to look at of a deployed stack."""
    if target.stack is None:
        return
    cloudformation, lambda_, scheduler = map(target.client, ("cloudformation", "lambda", "scheduler"))
    yield Look("stack", f"the stack {target.stack}", partial(_stack, cloudformation, target.stack))
    functions = [one for one in resources if one.type == FUNCTION and _is_served(one, resources)]
    yield Look("functions", "the functions", partial(_functions, lambda_, functions))
    for schedule in resources:
        if schedule.type == SCHEDULE:
            yield Look("schedule", f"the schedule {schedule.name}", partial(_schedule, scheduler, schedule))


def _stack(cloudformation: Any, name: str) -> Iterator[Finding]:
    status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        yield warning(f"the stack is {status}: a deployment is under way", "look again when it is over")
    elif status.endswith("_FAILED"):
        yield bad(
            f"the stack is {status}",
            f"aws cloudformation describe-stack-events --stack-name {name} says at what; then deploy again",
            "a-deployment-that-failed",
        )
    elif "ROLLBACK" in status:
        yield warning(
            f"the stack is {status}: the last deployment failed and was taken back; what ran before it runs on",
            f"aws cloudformation describe-stack-events --stack-name {name} says why",
            "a-deployment-that-failed",
        )
    else:
        yield ok(f"the stack is {status}")


def _is_served(function: Resource, resources: Sequence[Resource]) -> bool:
    """Return whether a function has an alias of its own in the stack: helpers of CloudFormation have none."""
    return any(one.type == "AWS::Lambda::Alias" and one.name.startswith(function.name) for one in resources)


def _functions(lambda_: Any, functions: Sequence[Resource]) -> Iterator[Finding]:
    settings: dict[str, Mapping[str, Any]] = {}
    for function in functions:
        try:
            alias = lambda_.get_alias(FunctionName=function.id, Name=ALIAS)
            settings[function.name] = lambda_.get_function_configuration(FunctionName=function.id, Qualifier=ALIAS)
        except lambda_.exceptions.ResourceNotFoundException:
            yield bad(
                f"{function.name} has no alias {ALIAS}, which is what everything calls",
                "deploy again: `make deploy`",
                "a-deployment-that-failed",
            )
            continue
        yield function_finding(function.name, alias, settings[function.name])
        latest = lambda_.get_function_configuration(FunctionName=function.id)
        yield from unpublished_findings(function.name, latest, settings[function.name])
    yield from layers_findings(settings)


def function_finding(name: str, alias: Mapping[str, Any], settings: Mapping[str, Any]) -> Finding:
    """Return how a function stands, from what Lambda says of its alias and of the version behind it."""
    version, state = alias["FunctionVersion"], settings.get("State", "Active")
    others = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if state == "Failed":
        return bad(
            f"{name}: version {version} has failed: {settings.get('StateReason', 'Lambda does not say why')}",
            "go back to the deployment before it",
            "function-errors",
        )
    if others:
        parts = ", ".join(f"{weight:.0%} of its requests go to version {other}" for other, weight in others.items())
        return warning(
            f"{name}: {ALIAS} is version {version}, and {parts}: a release is under way",
            "look again when it is over; CodeDeploy's console shows how far it is",
        )
    return ok(f"{name}: {ALIAS} is version {version}")


def unpublished_findings(name: str, latest: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a warning where a function has been changed and the version behind its alias has not."""
    changed = [setting for setting in _OF_A_VERSION if latest.get(setting) != live.get(setting)]
    if changed:
        yield warning(
            f"{name}: what {ALIAS} runs lacks the last change of its {', '.join(changed)}",
            "a release that is under way ends that; a parameter belongs into samconfig.toml, and then deploy again",
            "parameters",
        )


def layers_findings(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield whether all functions run the same code and the same configuration, which are their layers."""
    stacks = {tuple(layer["Arn"] for layer in one.get("Layers", ())) for one in settings.values()}
    if len(stacks) > 1:
        yield warning(
            "the functions have different layers: their code or their configuration is not the same",
            "a release that is under way ends that; otherwise deploy again",
            "a-deployment-that-failed",
        )
    elif stacks:
        names = [arn.rpartition(":layer:")[2].replace(":", " version ") for arn in next(iter(stacks))]
        yield ok(f"all functions have the layers {' and '.join(names)}" if names else "no function has a layer")


def _schedule(scheduler: Any, schedule: Resource) -> Iterator[Finding]:
    group, _, name = schedule.id.rpartition("/")
    try:
        found = scheduler.get_schedule(Name=name, **({"GroupName": group} if group else {}))
    except scheduler.exceptions.ResourceNotFoundException:
        yield bad(f"the schedule {schedule.name} is gone: no key is rotated", "deploy again", "rotation-overdue")
        return
    if found.get("State", "ENABLED") == "ENABLED":
        yield ok(f"the schedule runs the rotation at {found['ScheduleExpression']}")
    else:
        yield bad(
            f"the schedule {schedule.name} is disabled: no key is rotated",
            "enable it in the console of EventBridge Scheduler, or deploy again",
            "rotation-overdue",
        )
