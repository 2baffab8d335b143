"""What goes wrong at which call, and what it comes to: a way through a function, and whoever asks until it is done."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, cycle, pairwise
from typing import Any

from tests.support.crash_world import Bench, Machine, Response
from tests.support.depth import DEEP
from tests.support.faults import Fault, Network

FOR_GOOD = 3
"""Attempts: what happens to this many happens to the call."""
TELL = "PutEvents"
"""The call in passing: whatever becomes of it changes no answer."""

Plan = Mapping[int, tuple[Fault, ...]]
"""What becomes of the attempts of a call, by its number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been prepared, and how to tell in the end that all is well."""

    event: Mapping[str, Any]
    settled: Callable[[Response], None]
    """Checks the answer that it came to, and what stands in the tables then."""
    pressed: Callable[[Response], Mapping[str, Any] | None] = lambda _: None
    """What a browser sends when the button of a page is pressed; None where it has none, and is loaded again."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way through a function: its calls, and the status that it comes to, when all goes well."""

    config: str
    calls: tuple[str, ...]
    prepare: Callable[[], Asked]
    status: int = 200
    cold: bool = False
    """Whether the machine has yet to read the ring."""
    in_passing: frozenset[int] = frozenset()
    """The calls of whose failure the answer says nothing, beside TELL."""
    used_up: Mapping[int, int] = field(default_factory=dict)
    """The status that it comes to instead where what is good once has gone for nothing; by the call that went wrong."""

    def is_in_passing(self, call: int) -> bool:
        return call in self.in_passing or self.calls[call] == TELL


LASTING = tuple(fault for fault in Fault if not fault.kills and fault is not Fault.SLOW)
LOST = tuple((Fault.ANSWER_LOST, fault, fault) for fault in (Fault.UNREACHABLE, Fault.THROTTLED, Fault.BAD_GATEWAY))
"""Carried out, which nobody hears of, and then out of reach."""
_READS = frozenset(("GetItem", "BatchGetItem", "GetSecretValue"))


def is_of_aws(call: str) -> bool:
    """Return whether a call is one of AWS's, which the SDK tries three times; else it is a provider's, made once."""
    return " " not in call


def plans(calls: tuple[str, ...], start: int = 0) -> Iterator[Plan]:
    """Yield plans in which one call goes wrong: in its first attempt, in all, or in all once it is carried out.

    In `make test` the ways to fail take turns, from the one numbered `start`.
    """
    return every_plan(calls) if DEEP else _few_plans(calls, start)


def every_plan(calls: Iterable[str]) -> Iterator[Plan]:
    for number, call in enumerate(calls):
        yield from ({number: (fault,)} for fault in Fault)
        if is_of_aws(call):
            yield from ({number: (fault,) * FOR_GOOD} for fault in Fault if not fault.kills)
            yield from ({number: faults} for faults in LOST)


def _few_plans(calls: tuple[str, ...], start: int) -> Iterator[Plan]:
    """To end before a call is to end after the one before it; a read that is lost is a read that was never made."""
    once, for_good, lost = (cycle(turned(some, start)) for some in ((*LASTING, Fault.SLOW), LASTING, LOST))
    for number, call in enumerate(calls):
        yield {number: (Fault.KILLED_AFTER,)}
        yield {number: (next(once),)}
        if not is_of_aws(call):
            yield {number: (Fault.ANSWER_LOST,)}
            yield {number: (next(once),)}
            continue
        yield {number: (next(for_good),) * FOR_GOOD}
        if call not in _READS:
            yield {number: (Fault.ANSWER_LOST,)}
            yield {number: next(lost)}


def turned(some: tuple[Any, ...], start: int) -> tuple[Any, ...]:
    """Return `some`, from the one numbered `start` on, and then those before it."""
    first = start % max(1, len(some))
    return some[first:] + some[:first]


def hanging_pairs(calls: tuple[str, ...]) -> Iterator[Plan]:
    """Yield plans in which two calls hang, the first nearly for good; in `make test`, one just after the other."""
    numbers = range(len(calls))
    for first, second in combinations(numbers, 2) if DEEP else pairwise(numbers):
        yield {first: _barely(calls[first]), second: _barely(calls[second])}
        yield {first: _barely(calls[first]), second: (Fault.UNANSWERED,) * FOR_GOOD}


def _barely(call: str) -> tuple[Fault, ...]:
    return (Fault.UNANSWERED,) * (FOR_GOOD - 1) if is_of_aws(call) else (Fault.SLOW,)


def persist(
    bench: Bench, machine: Machine, asked: Asked, *, by_page: bool = True, most: int = 30
) -> list[Response | None]:
    """Ask, and ask again for as long as nothing comes of it; return every answer, None where a machine died.

    `by_page`: a page that has a button has it pressed; else it is loaded again.
    """
    answers: list[Response | None] = []
    event = asked.event
    for _ in range(most):
        response = machine.send(event)
        answers.append(response)
        bench.now += math.ceil(machine.network.seconds)
        if response is None:
            machine = Machine(machine.deployment.anew(), Network(), bench)
            bench.now += 1
            continue
        if response["statusCode"] not in (502, 503):
            return answers
        machine.network.plan = {}
        bench.now += _told_to_wait(response)
        if by_page:
            event = asked.pressed(response) or event
    raise AssertionError(f"it comes to nothing: {[answer and answer['statusCode'] for answer in answers]}")


def _told_to_wait(response: Response) -> int:
    """Return for how many seconds an answer sends somebody away; a page's 502 says nothing of that."""
    if response["statusCode"] == 502:
        assert response["headers"]["Content-Type"].startswith("text/html")
        return 1
    if response["headers"]["Content-Type"] == "application/json":
        assert json.loads(response["body"])["error"] == "temporarily_unavailable"
    return int(response["headers"]["Retry-After"])


def check_plan(bench: Bench, way: Way, plan: Plan, *, by_page: bool = True) -> None:
    """Let one call go wrong, and hold what it comes to against what it comes to when all goes well."""
    ((call, faults),) = plan.items()
    asked = way.prepare()
    machine = bench.machine(way.config, Network(plan), warm=not way.cold)
    answers = persist(bench, machine, asked, by_page=by_page)
    first, final = answers[0], answers[-1]
    assert final is not None
    if faults[0].kills:
        assert first is None
    elif first is not None and _is_mended(way, call, faults):
        assert len(answers) == 1, plan
    else:
        assert first is not None
        assert first["statusCode"] in (502, 503), plan
    if final["statusCode"] == way.status:
        asked.settled(final)
    else:
        assert _is_used_up(way, call, faults[0], by_page=by_page), (plan, final)
        assert final["statusCode"] == way.used_up[call], (plan, final)


def _is_used_up(way: Way, call: int, fault: Fault, *, by_page: bool) -> bool:
    """Return whether what is good once has gone for nothing: with an answer that never came."""
    if call not in way.used_up:
        return False
    return fault.kills or not by_page if is_of_aws(way.calls[call]) else fault.applied


def check_way(bench: Bench, way: Way) -> None:
    """When all goes well, these are the calls, and this is what it comes to."""
    asked, network = way.prepare(), Network()
    response = bench.machine(way.config, network, warm=not way.cold).send(asked.event)
    assert response is not None
    assert (response["statusCode"], tuple(network.calls)) == (way.status, way.calls)
    asked.settled(response)


def check_two_that_hang(bench: Bench, way: Way) -> None:
    """Two calls that hang still end in an answer in time, and `send` watches the time."""
    for plan in hanging_pairs(way.calls):
        response = bench.machine(way.config, Network(plan), warm=not way.cold).send(way.prepare().event)
        assert response is not None
        assert response["statusCode"] in (way.status, 502, 503), (plan, response)


def _is_mended(way: Way, call: int, faults: tuple[Fault, ...]) -> bool:
    by_sdk = is_of_aws(way.calls[call]) and len(faults) == 1 and faults[0].is_mended_by_the_sdk
    return way.is_in_passing(call) or by_sdk or Fault.SLOW in faults
