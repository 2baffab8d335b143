"""The steps of the rehearsal, in the order in which a deployment lives."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sundial.smoke.answers import problem
from sundial_cli.smoke_test import Credentials
from sundial_local.paths import ROOT
from sundial_rehearsal.client import made_client, walk
from sundial_rehearsal.deployed import DeployedStack, wait_until
from sundial_rehearsal.releases import Releases
from sundial_rehearsal.report import Report, StepFailedError
from sundial_rehearsal.workshop import ENVIRONMENT, Workshop

SECONDS_OF_A_SCHEDULE = 600
SECONDS_OF_A_KEY = 25 * 3600
"""After which the shipped `expiry.signingKeys` of 24 hours is over."""
SECONDS_TO_KNOW_A_CLIENT = 90
"""A function asks the table once a minute which clients there are."""
CHANGED_LIFETIME = 47 * 60
SETTING = re.compile(r"^(\s+idTokens: )\S+", re.MULTILINE)
BROKEN_RESOURCE = """\
  BrokenAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: Sundial
      MetricName: Nothing
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 1
"""
"""An alarm without a threshold: CloudFormation finds out when it makes it."""
NOBODY = "deployer"
PAGE = ROOT / "docs" / "troubleshooting.md"
RETAINED = ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret")
WRONG_ISSUER = "https://login.example.com/"
_GET_KEYS = "jwks/get-keys.json"


@dataclass
class Rehearsal:
    """`clock` has the seconds that functions and schedules are ahead."""

    workshop: Workshop
    stack: DeployedStack
    report: Report
    releases: Releases
    clock: Path
    client: Credentials | None = None

    def run(self) -> None:
        """Go through all of it. Raises StepFailedError at the first step that fails."""
        self.releases.first()
        self.refuse_a_wrong_parameter()
        self.refuse_whoever_has_no_rights()
        self.wait_for_the_first_key()
        self.look_at_everything()
        self.answer_recorded_events()
        self.serve_a_client("a client gets a token, and its end")
        self.rotate()
        self.change_a_setting()
        self.answer_recorded_events()
        self.serve_a_client("the client meets the changed setting", expecting=f"for {CHANGED_LIFETIME} s")
        self.try_the_release()
        self.fail_and_be_taken_back()
        self.go_back()
        self.delete()

    def refuse_a_wrong_parameter(self) -> None:
        """An issuer with a slash at its end never becomes a stack."""
        with self.report.step(f"sam deploy refuses Issuer={WRONG_ISSUER}") as saw:
            said = self.workshop.refused("deploy", *self._deploy_options(Issuer=WRONG_ISSUER))
            told = [line.strip() for line in said.splitlines() if "Parameter" in line and "Issuer" in line]
            if not told:
                raise StepFailedError("the refusal does not name the parameter", said)
            self._expect_documented(told[-1])
            saw(told[-1])

    def refuse_whoever_has_no_rights(self) -> None:
        """Credentials without a policy deploy nothing, and are told which right they lack."""
        with self.report.step("sam deploy refuses whoever has no rights") as saw:
            iam = self.stack.client("iam")
            iam.create_user(UserName=NOBODY)
            key = iam.create_access_key(UserName=NOBODY)["AccessKey"]
            own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
            nobody = replace(self.workshop, variables={**self.workshop.variables, **own})
            said = nobody.refused("deploy", *self._deploy_options())
            [told] = [line for line in said.splitlines() if line.startswith("Error: ")]
            self._expect_documented(told)
            saw(told)

    def wait_for_the_first_key(self) -> None:
        """Until the schedule has run there is no key, and that is said; then there is one."""
        with self.report.step("the schedule makes the first keys") as saw:
            status = self._keys()["statusCode"]
            if status != 503:
                raise StepFailedError(f"GET /keys was answered with {status} before there was a key, not with 503")
            saw("before: GET /keys 503")
            self._turn_clock(SECONDS_OF_A_SCHEDULE)
            wait_until("a run of the schedule", lambda: bool(self._keys()["statusCode"] == 200))
            saw(f"10 minutes later: GET /keys 200, {len(self._kids())} key(s) in the JWKS")

    def look_at_everything(self) -> None:
        """`sundial status` sees every part, and finds nothing bad but that nobody reaches the issuer: it has no API."""
        with self.report.step("sundial status") as saw:
            findings = self.workshop.status()
            wrong = [
                f"{one['verdict']}: {one['text']}"
                for one in findings
                if one["verdict"] == "unseen" or (one["verdict"] == "bad" and "can't be reached" not in one["text"])
            ]
            if wrong:
                raise StepFailedError("something is not as it should be", "\n".join(wrong))
            counts = Counter(one["verdict"] for one in findings)
            saw(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))

    def answer_recorded_events(self) -> None:
        """Every function answers its events, from its zip, under its own role."""
        for function, events in self._recorded_events().items():
            with self.report.step(f"{function} answers its recorded events") as saw:
                answers = {event: self.stack.invoke(self._physical(function), document) for event, document in events}
                if function == "rotate_keys":
                    saw(", ".join(f"{event}: {len(answer['changes'])} changes" for event, answer in answers.items()))
                    continue
                found = [wrong for event, document in events if (wrong := problem(document, answers[event]))]
                if found:
                    raise StepFailedError(f"{function} does not answer as it should", "\n".join(found))
                saw(", ".join(f"{event} {answer['statusCode']}" for event, answer in answers.items()))

    def serve_a_client(self, title: str, expecting: str = "") -> None:
        """The client knows the issuer and its secret; it goes from discovery to a revoked token."""
        with self.report.step(title) as saw:
            if self.client is None:
                self.client = made_client(self.stack, self.workshop.variables, self.workshop.region)
                self._turn_clock(SECONDS_TO_KNOW_A_CLIENT)
            ahead = int(self.clock.read_text("utf-8"))
            seen = walk(self.stack, self.workshop.folder / "template.yaml", self.client, ahead)
            if not any(expecting in line for line in seen):
                raise StepFailedError(f"nothing was {expecting!r}", "\n".join(seen))
            saw("; ".join(seen))

    def try_the_release(self) -> None:
        """What CodeDeploy asks before it lets requests reach a new version; MiniStack has no CodeDeploy to ask it."""
        with self.report.step("the release's smoke test passes the new versions") as saw:
            answer = self.stack.invoke(self._physical("smoke"), {})
            if answer["problems"] or not answer["events"]:
                raise StepFailedError("it does not", "\n".join(answer["problems"]))
            saw(f"{answer['events']} events")

    def rotate(self) -> None:
        """A day later the schedule lets the next key sign; the one before stays in the JWKS."""
        with self.report.step("the schedule rotates the signing key") as saw:
            before, published = self._signing_key(), self._kids()
            self._turn_clock(SECONDS_OF_A_KEY)
            wait_until("a rotation", lambda: self._signing_key() != before)
            after = self._signing_key()
            if after not in published:
                raise StepFailedError(f"{after} signs, and was not in the JWKS before")
            if before not in self._kids():
                raise StepFailedError(f"{before} has signed, and is not in the JWKS any more")
            saw(f"25 hours later {after[:12]}… signs, in the JWKS since before; {before[:12]}… is in it still")

    def change_a_setting(self) -> None:
        """A change in sundial.yaml alone publishes a version of every function, and moves `live` to it."""
        file = self.workshop.folder / "layers" / "config" / "sundial.yaml"
        text, changes = SETTING.subn(rf"\g<1>{CHANGED_LIFETIME}s", file.read_text("utf-8"))
        if changes != 1:
            raise StepFailedError("layers/config/sundial.yaml has no expiry.idTokens to change")
        file.write_text(text, "utf-8")
        versions, layers = self.stack.versions(), self.stack.layers()
        self.releases.release("UPDATE_COMPLETE")
        with self.report.step("a changed setting is a version of every function") as saw:
            stayed = [name for name, version in self.stack.versions().items() if version == versions.get(name)]
            if stayed:
                raise StepFailedError(f"`live` still stands for the old version of {', '.join(stayed)}")
            new = self.stack.layers() - layers
            if len(new) != 1:
                raise StepFailedError(f"one layer was to change, and {len(new)} did: {sorted(new)}")
            saw(f"{new.pop().split(':layer:')[1]}; every `live` stands for a new version")

    def fail_and_be_taken_back(self) -> None:
        """A resource that can't be made ends the deployment, and all that it has changed is as it was."""
        with self.report.step("a deployment that fails is taken back") as saw:
            template = self.workshop.folder / ".aws-sam" / "build" / "template.yaml"
            text = template.read_text("utf-8")
            template.write_text(text.replace("\nResources:\n", f"\nResources:\n{BROKEN_RESOURCE}", 1), "utf-8")
            versions = self.stack.versions()
            said = self.workshop.refused("deploy", *self._deploy_options(LogRetentionDays="3"))
            template.write_text(text, "utf-8")
            self._expect_status("UPDATE_ROLLBACK_COMPLETE")
            if self.stack.versions() != versions:
                raise StepFailedError("`live` stands for other versions than before")
            [told] = [line for line in said.splitlines() if line.startswith("Error: ")]
            self._expect_documented(told)
            saw(told)
            saw("every `live` stands for the version that it stood for")

    def go_back(self) -> None:
        """The version before still answers, with what the new one has written."""
        with self.report.step("the versions before still answer") as saw:
            answered = 0
            for function, events in self._recorded_events().items():
                for _, document in events:
                    if function != "rotate_keys":
                        found = problem(document, self.stack.invoke(self._physical(function), document, "1"))
                        if found:
                            raise StepFailedError(f"version 1 of {function} does not answer as it should", found)
                        answered += 1
            saw(f"{answered} events, by version 1 of each function")

    def delete(self) -> None:
        """The stack goes; what can't be made again stays."""
        with self.report.step("sam delete") as saw:
            resources = self.stack.resources()
            kept = {name: (type, id) for name, (type, id) in resources.items() if type in RETAINED}
            functions = self.stack.functions()
            options = ("--no-prompts", "--stack-name", self.stack.name, "--region", self.workshop.region)
            self.workshop.sam("delete", *options)
            left = self.stack.client("lambda").list_functions()["Functions"]
            if {function["FunctionName"] for function in left} & set(functions.values()):
                raise StepFailedError("a function has survived its stack")
            for name, (type, id) in kept.items():
                saw(f"{name} survives: {self.stack.survivor(type, id)}")

    def _deploy_options(self, **parameters: str) -> tuple[str, ...]:
        return ("--config-env", ENVIRONMENT, "--parameter-overrides", *self.workshop.parameters(**parameters))

    def _expect_status(self, wanted: str) -> None:
        status = self.stack.status()
        if status != wanted:
            raise StepFailedError(f"the stack is {status}, not {wanted}")

    def _expect_documented(self, line: str) -> None:
        if line not in PAGE.read_text("utf-8"):
            raise StepFailedError(f"{PAGE.name} has another message", line)

    def _turn_clock(self, seconds: int) -> None:
        # In one piece: the functions read it at every look at the time.
        turned = self.clock.with_suffix(".new")
        turned.write_text(str(int(self.clock.read_text("utf-8")) + seconds), "utf-8")
        turned.replace(self.clock)

    def _keys(self) -> Any:
        event = json.loads((self.workshop.folder / "events" / _GET_KEYS).read_text("utf-8"))
        return self.stack.invoke(self._physical("jwks"), event)

    def _kids(self) -> list[str]:
        return [key["kid"] for key in json.loads(self._keys()["body"])["keys"]]

    def _signing_key(self) -> str:
        inventory = self.stack.invoke(self._physical("rotate_keys"), {"command": "list"})
        return next(str(key["kid"]) for key in inventory["signing_keys"] if key["state"] == "active")

    def _recorded_events(self) -> Mapping[str, list[tuple[str, dict[str, Any]]]]:
        found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for path in sorted((self.workshop.folder / "events").glob("*/*.json")):
            found.setdefault(path.parent.name, []).append((path.stem, json.loads(path.read_text("utf-8"))))
        return found

    def _physical(self, folder: str) -> str:
        """Return the deployed name of the function whose code is in functions/`folder`, as events/ names it."""
        logical = "".join(word.capitalize() for word in folder.split("_")) + "Function"
        return self.stack.functions()[logical]


def failures_of(stack: DeployedStack) -> Iterator[str]:
    """Yield why each resource failed, as `sam deploy` shows it too."""
    for event in stack.client("cloudformation").describe_stack_events(StackName=stack.name)["StackEvents"]:
        if event["ResourceStatus"].endswith("FAILED"):
            yield f"{event['LogicalResourceId']} {event['ResourceStatus']}: {event.get('ResourceStatusReason', '')}"
