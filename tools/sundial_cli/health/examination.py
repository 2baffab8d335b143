"""Looking at all of a deployment at once; what can't be seen is said, and everything else is seen all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError

from sundial.errors import OAuthError
from sundial_cli.failures import DENIED
from sundial_cli.health import alarms, encryption, keys, stack, tables
from sundial_cli.health.finding import Finding, Look, bad, unseen
from sundial_cli.status import StoppedError
from sundial_cli.target import Target
from sundial_cli.terminal import Progress

_AT_ONCE = 8
_RIGHT = re.compile(r"not authorized to perform:? (?P<action>[\w-]+:\w+)(?: on resource:? (?P<resource>\S+))?")
_RIGHTS = "rights-of-an-operator"


def examined(target: Target) -> list[tuple[str, Finding]]:
    """Return what is found, each with its area, in the order in which it is to be read."""
    all_looks = list(_looks(target))
    with Progress("looked at", len(all_looks)) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:

        def taken(look: Look) -> list[Finding]:
            found = list(_taken(look))
            progress.advance(1)
            return found

        results = list(pool.map(taken, all_looks))
    return [(look.area, finding) for look, found in zip(all_looks, results, strict=True) for finding in found]


def _looks(target: Target) -> Iterator[Look]:
    yield from keys.looks(target)
    try:
        resources = target.resources()
    except ClientError as error:
        if not _is_denied(error):
            raise
        found = _denied(error, "what the stack is made of: tables, keys, functions, schedule, alarms")
        yield Look("stack", "the stack", lambda: [found])
        return
    yield from tables.looks(target, resources)
    yield from encryption.looks(target, resources)
    yield from stack.looks(target, resources)
    if target.stack is not None:
        yield from alarms.looks(target, resources)


def _taken(look: Look) -> Iterator[Finding]:
    """Yield what a look finds, or what kept it from finding anything."""
    try:
        yield from look.look()
    except StoppedError as stopped:
        yield bad(str(stopped), "see its log", "server-errors")
    except OAuthError as error:  # a store's own word for a failure of AWS, in the local stack
        yield bad(f"{look.what}: {error.description} ({error.detail})", "is `make run` well?", "server-errors")
    except ClientError as error:
        if _is_denied(error):
            yield _denied(error, look.what)
        else:
            said = error.response.get("Error", {})
            text = f"{look.what}: {error.operation_name}: {said.get('Code')}: {said.get('Message')}"
            yield unseen(text, "try again; if it stays so, AWS's own status page may know")
    except BotoCoreError as error:
        yield unseen(f"{look.what}: {error}", "try again")


def _is_denied(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in DENIED


def _denied(error: ClientError, what: str) -> Finding:
    """Return which right is missing, by AWS's own words where they name it."""
    match = _RIGHT.search(error.response.get("Error", {}).get("Message", ""))
    action = match["action"] if match else f"the right to {error.operation_name}"
    on = f" on {match['resource']}" if match and match["resource"] else ""
    return unseen(f"{what}: you lack {action}", f"have {action} allowed{on}", _RIGHTS)
