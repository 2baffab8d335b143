"""The handler of the rotation function: the schedule's runs, and an operator's commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sundial.deployment import Deployment
from sundial.discovery.lifetimes import forgotten_after, forgotten_by_all_after
from sundial.events import Event, KeyRevoked, KeyRotationOverdue, SigningKeyRotated
from sundial.keys.commands import Command, CommandError, Revoke, command_from
from sundial.keys.inventory import inventory
from sundial.keys.policy import RING_CACHE, KeyPolicy, key_policy, seconds
from sundial.keys.ring import Ring
from sundial.keys.rotation import Change, Report, active_ages, overdue, report_document, run
from sundial.observe import count, gauge, log_from, logger

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


def rotation_handler(deployment: Deployment, *, clock: Callable[[], float] = time.time) -> Handler:
    """Return the handler: an event in, a summary out (`keys.rotation.report_document`), without private keys.

    `{"command": "list"}` changes nothing, and is answered with `keys.inventory.inventory`. A command that
    can't be obeyed is answered with `{"refused": why}`. Every other failure is raised: Lambda reports it,
    EventBridge tries again, and then the event goes to the dead-letter queue.
    """
    policy = key_policy(deployment.config)
    log_from(deployment.config.log_level)

    def handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        logger.set_correlation_id(str(getattr(context, "aws_request_id", "")))
        if event.get("command") == "list":
            ring, _ = deployment.vault.read()
            return inventory(ring or Ring(), deployment.public_keys.load(), policy, int(clock()))
        try:
            command = command_from(event)
            report = rotate(command)
        except CommandError as error:
            logger.warning("command refused", why=str(error))
            return {"refused": str(error)}
        return report_document(report, policy) | _recovery(command, report, policy)

    def rotate(command: Command | None) -> Report:
        changes: list[Change] = []
        try:
            report = run(deployment.vault, deployment.public_keys, policy, clock, command=command, tell=changes.append)
        finally:  # what is written is told of, also where the run failed after it
            _log(changes)
            now = int(clock())
            deployment.events.emit(now, *_events_of(changes, policy, now))
        _measure(report, policy)
        deployment.events.emit(report.at, *_overdue_events(report, policy))
        return report

    return handler


def _log(changes: Sequence[Change]) -> None:
    """Log each change, but for a revocation, which is an event with a line of its own."""
    for change in changes:
        if change.what != "revoked":
            logger.info(
                f"key {change.what}",
                change=change.what,
                kid=change.kid,
                alg=change.alg,
                signs_from=change.signs_from,
                signs_until=change.signs_until,
            )


def _events_of(changes: Sequence[Change], policy: KeyPolicy, now: int) -> Iterator[Event]:
    for change in changes:
        if change.what == "revoked":
            is_public = change.alg != "MAC"
            caches_until = now + forgotten_after(policy.publish_ahead) if is_public else None
            yield KeyRevoked(change.alg, change.kid, now + seconds(RING_CACHE), caches_until)
        elif change.successor is not None and change.signs_until is not None:
            yield SigningKeyRotated(change.alg, change.successor, change.kid, signs_from=change.signs_until)


def _measure(report: Report, policy: KeyPolicy) -> None:
    for alg, _, age in active_ages(report, policy):
        gauge("SigningKeyAge", age, alg=alg)
    for alg, late in overdue(report, policy):
        gauge("KeyRotationOverdue", late, alg=alg)
    count("JwksOutOfStep", int(report.out_of_step))
    if report.out_of_step:
        logger.error("jwks_out_of_step", serial=report.ring.serial)


def _overdue_events(report: Report, policy: KeyPolicy) -> Iterator[Event]:
    kids = {alg: kid for alg, kid, _ in active_ages(report, policy)}
    for alg, late in overdue(report, policy):
        if late:
            yield KeyRotationOverdue(alg, kids[alg], due_at=report.at - late, overdue_seconds=late)


def _recovery(command: Command | None, report: Report, policy: KeyPolicy) -> dict[str, int]:
    """Return when it is over, after a signing key was revoked: for verifiers that do as told, and for all others."""
    if not isinstance(command, Revoke) or not _was_public(command.kid, report):
        return {}
    return {
        "caches_until": report.at + forgotten_after(policy.publish_ahead),
        "all_caches_until": report.at + forgotten_by_all_after(policy.publish_ahead),
    }


def _was_public(kid: str, report: Report) -> bool:
    return any(change.kid == kid and change.what == "revoked" and change.alg != "MAC" for change in report.changes)
