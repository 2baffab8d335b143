"""The handler of the rotation function: the schedule's runs, and an operator's commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from sundial.deployment import Deployment
from sundial.keys.commands import CommandError, command_from
from sundial.keys.policy import key_policy
from sundial.keys.rotation import Report, active_ages, overdue, report_document, run
from sundial.observe import count, gauge, logger

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


def rotation_handler(deployment: Deployment, *, clock: Callable[[], float] = time.time) -> Handler:
    """Return the handler: an event in, a summary out (`keys.rotation.report_document`), without private keys.

    A command that can't be obeyed is answered with `{"refused": why}`. Every other failure is raised:
    Lambda reports it, EventBridge tries again, and then the event goes to the dead-letter queue.
    """
    policy = key_policy(deployment.config)
    logger.setLevel(deployment.config.log_level)

    def handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        logger.set_correlation_id(str(getattr(context, "aws_request_id", "")))
        try:
            command = command_from(event)
            report = run(deployment.vault, deployment.public_keys, policy, clock, command=command)
        except CommandError as error:
            logger.warning("command refused", why=str(error))
            return {"refused": str(error)}
        _tell(report)
        for alg, _, age in active_ages(report, policy):
            gauge("SigningKeyAge", age, alg=alg)
        for alg, seconds in overdue(report, policy):
            gauge("KeyRotationOverdue", seconds, alg=alg)
        return report_document(report, policy)

    return handler


def _tell(report: Report) -> None:
    for change in report.changes:
        logger.info(
            f"key {change.what}",
            change=change.what,
            kid=change.kid,
            alg=change.alg,
            signs_from=change.signs_from,
            signs_until=change.signs_until,
            serial=report.ring.serial,
        )
        count("KeyChanges", change=change.what, alg=change.alg)
