"""The signing keys, the MAC keys, and the JWKS as verifiers get it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sundial.version import VERSION
from sundial_cli.health.finding import Finding, Look, bad, ok, warning
from sundial_cli.instants import span, utc, when
from sundial_cli.served_keys import Check, discovery, published, served
from sundial_cli.status import StoppedError
from sundial_cli.target import Target

Inventory = Mapping[str, Any]

_OVERDUE = "rotation-overdue"
_OUT_OF_STEP = "jwks-out-of-step"
_MAC = "MAC"


def looks(target: Target) -> Iterator[Look]:
    """Yield what to look at: the ring through the rotation function, and the issuer over HTTP."""
    yield Look("keys", "the key ring", lambda: _ring(target))
    yield Look("issuer", target.issuer, lambda: _checked(lambda: discovery(target.issuer)))


def _ring(target: Target) -> Iterator[Finding]:
    inventory = target.rotate_keys({"command": "list"})
    yield from ring_findings(inventory)
    yield from _checked(lambda: published(inventory))
    yield from _checked(lambda: served(inventory, target.issuer))


def ring_findings(inventory: Inventory) -> Iterator[Finding]:
    """Yield what there is to say of a ring (`sundial.keys.inventory`): its version, and each algorithm's keys."""
    yield _version(inventory.get("version"))
    for alg in inventory["algorithms"]:
        yield _chain(alg, [key for key in inventory["signing_keys"] if key["alg"] == alg], inventory["at"])
    yield _chain(_MAC, inventory["mac_keys"], inventory["at"])
    if inventory["not_before"]:
        yield ok(f"the watermark: nothing issued before {utc(inventory['not_before'])} is honoured")


def _version(deployed: str | None) -> Finding:
    if deployed == VERSION:
        return ok(f"Sundial {VERSION} is deployed, and this command is of the same version")
    return warning(
        f"Sundial {deployed or 'of an older version'} is deployed, and this command is {VERSION}",
        "use the command of the checkout that was deployed, or deploy this one: `make deploy`",
    )


def _chain(alg: str, keys: list[Mapping[str, Any]], now: int) -> Finding:
    """Return how the keys of one algorithm stand."""
    active = next((key for key in keys if key["state"] == "active"), None)
    pending = [key for key in keys if key["state"] == "pending"]
    if active is None:
        remedy = "the key rotation makes one when it next runs: why does it not? Its log says"
        if pending:
            remedy = (
                f"the first one may sign from {when(pending[0]['signs_from'], now)}" if _planned(pending) else remedy
            )
        return bad(f"{alg}: no key signs", remedy, _OVERDUE)
    age = f"{alg}: {active['kid']} has signed for {span(max(0, now - active['signs_from']))}"
    if active.get("overdue"):
        return warning(f"{age}, and is OVERDUE", "see why the rotation doesn't run, or can't finish", _OVERDUE)
    if not pending:
        return warning(
            f"{age}, and has no successor: a leak now would cost more than it should",
            "the next run of the rotation makes one: `sundial keys rotate` says whether it runs",
            _OVERDUE,
        )
    if active["signs_until"] is None:
        return ok(f"{age}; its successor {pending[0]['kid']} waits until every verifier knows it")
    return ok(f"{age}; {pending[0]['kid']} follows at {when(active['signs_until'], now)}")


def _planned(pending: list[Mapping[str, Any]]) -> bool:
    return pending[0]["signs_from"] is not None


def _checked(check: Callable[[], Check]) -> Iterator[Finding]:
    """Yield what a check of what verifiers get came to; not to get it at all is as bad."""
    try:
        found = check()
    except StoppedError as stopped:
        yield bad(
            str(stopped),
            "ask for it from outside your own network too: the DNS, the certificate, the API's mapping",
            "server-errors",
        )
        return
    if not found.problems:
        yield ok(f"{found.what} is right")
    for problem in found.problems:
        yield bad(f"{found.what}: {problem}", "the next run of the rotation mends what is published", _OUT_OF_STEP)
