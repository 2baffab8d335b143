"""What is found of a deployment, and how bad that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sundial_cli.status import FINDING, UNREACHABLE

OPERATIONS = "docs/operations.md"


class Verdict(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    """Nothing fails yet, but something is to be done."""
    BAD = "bad"
    """Somebody is refused who shouldn't be, or would be after the next mishap."""
    UNSEEN = "unseen"
    """It couldn't be looked at: a right is missing, or AWS didn't answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `sundial status`: how something stands, what to do about it, and the page that says more."""

    verdict: Verdict
    text: str
    remedy: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look at. `look` asks AWS, and may raise what a client of boto3 raises, or StoppedError."""

    area: str
    what: str
    """What it is about, where it couldn't be looked at."""
    look: Callable[[], Iterable[Finding]]


def ok(text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Verdict.OK, text)


def warning(text: str, remedy: str, page: str = "") -> Finding:
    """Return that something is to be done; `page` is a section of docs/operations.md."""
    return Finding(Verdict.WARNING, text, remedy, _page(page))


def bad(text: str, remedy: str, page: str = "") -> Finding:
    """Return that something fails, or is about to; `page` is a section of docs/operations.md."""
    return Finding(Verdict.BAD, text, remedy, _page(page))


def unseen(text: str, remedy: str, page: str = "") -> Finding:
    """Return that something couldn't be looked at; `page` is a section of docs/operations.md."""
    return Finding(Verdict.UNSEEN, text, remedy, _page(page))


def worst(findings: Sequence[Finding]) -> Verdict:
    """Return the worst verdict; what couldn't be seen is worse than a warning, for it could be anything."""
    order = (Verdict.OK, Verdict.WARNING, Verdict.UNSEEN, Verdict.BAD)
    return max((finding.verdict for finding in findings), key=order.index, default=Verdict.OK)


def exit_status(verdict: Verdict, *, strict: bool) -> int:
    """Return the exit status that says the worst verdict to a script; a warning counts where `strict`."""
    if verdict is Verdict.BAD or (strict and verdict is Verdict.WARNING):
        return FINDING
    return UNREACHABLE if verdict is Verdict.UNSEEN else 0


def _page(section: str) -> str:
    return f"{OPERATIONS}#{section}" if section else ""
