"""What grows: families, keys, clients, forged tokens, requests at once. What a request costs should not."""

from __future__ import annotations

import gc
import resource
import secrets
from collections.abc import Callable, Iterator
from functools import partial

from bench.measure import Goal, Part, Row, cpu_rounds, row_of
from bench.warm import silenced
from bench.world import World, form_event, http_api_event
from sundial.discovery.endpoint import jwks_edge

_SMALLEST = 1_000
_FORGED_BYTES = 32


def measure(*, long: bool) -> Part:
    """Return what sizes cost; `long` goes on to a million families and a million forged tokens."""
    notes: list[str] = []
    rows: list[Row] = []
    with silenced():
        rows += _jwks()
        rows += _clients()
        rows += _forged(1_000_000 if long else 100_000)
        rows += _families((10_000, 100_000, 1_000_000) if long else (10_000,), 256 if long else 64, notes)
    return Part("scale", "Scale", tuple(rows), tuple(notes))


def _jwks() -> Iterator[Row]:
    """GET /keys, of 2 keys and of 20."""
    with World.of("ES256", keys=2) as few, World.of("ES256", keys=20) as many:
        event = http_api_event("GET /keys", {})
        calls: dict[str, Callable[[], object]] = {
            f"JWKS of {count} keys": partial(jwks_edge(world.deployment, clock=partial(int, world.now)), event)
            for count, world in ((2, few), (20, many))
        }
        yield from _in_turn(calls)


def _clients() -> Iterator[Row]:
    """A refresh, where the file has one client and where it has 10,000."""
    with World.of("ES256") as one, World.of("ES256", clients=10_000) as many:
        calls: dict[str, Callable[[], object]] = {}
        for count, world in ((1, one), (10_000, many)):
            family = world.family()
            world.applied(family)
            calls[f"refresh among {count:,} clients"] = world.refresh(world.refresh_token(family, 2))
        yield from _in_turn(calls)


def _forged(count: int) -> Iterator[Row]:
    """As many distinct forged tokens: they cost no call, and leave nothing in memory."""
    with World.of("ES256") as world:
        token = world.refresh_token(world.family(), 2)
        prefix = token[:-_FORGED_BYTES]

        def forged() -> None:
            event = form_event("/token", grant_type="refresh_token", refresh_token=prefix + secrets.token_hex(16))
            if world.token(event)["statusCode"] != 400:
                raise AssertionError("a forged token was taken")

        for _ in range(count // 10):
            forged()
        gc.collect()
        calls, before = world.aws.calls.total(), _resident()
        for _ in range(count):
            forged()
        gc.collect()
        grown = _resident() - before
        yield Row(f"{count:,} forged tokens: network calls", world.aws.calls.total() - calls, "calls", goal=Goal(0))
        yield Row(f"{count:,} forged tokens: memory they left", max(0.0, grown), "MB", goal=Goal(1.0))


def _families(sizes: tuple[int, ...], most_at_once: int, notes: list[str]) -> Iterator[Row]:
    """A refresh in DynamoDB Local among so many families, and so many at once on one family and on as many."""
    from tests.support.dynamodb_local import missing

    if missing() is not None:
        notes.append(f"Not measured: refreshes in DynamoDB Local, for {missing()}.")
        return
    from bench.table import FamilyTable, at_once, best_of, in_turn, tables

    with (
        tables() as here,
        World.of("ES256", reuse_interval=None) as small,
        World.of("ES256", reuse_interval=None) as large,
        World.of("ES256") as patient,
    ):
        few, many = FamilyTable("few", small, here.client()), FamilyTable("many", large, here.client())
        few.fill(_SMALLEST)
        in_turn(few, many)  # DynamoDB Local, like any Java program, takes a while until it is as fast as it gets
        for size in sizes:
            many.fill(size)
            # What DynamoDB Local has become by now is not what it was: the smaller table is measured beside each.
            calls = here.calls
            in_many, in_few = in_turn(many, few)
            of_each = (here.calls - calls) / (len(in_many) + len(in_few))
            goal = Goal(1.1) if size == 1_000_000 else None
            name, beside = f"refresh in DynamoDB Local among {size:,} families", f"{_SMALLEST:,} families"
            yield row_of(name, in_many, "ms", beside=beside, floor=in_few, goal=goal, **{"calls a refresh": of_each})
        table = FamilyTable("patient", patient, here.client())
        count = 1
        while count <= most_at_once:
            for title, on_one in (("one login", True), ("as many logins", False)):
                rate, calls_each = best_of(lambda: at_once(here, table, count, on_one=on_one))  # noqa: B023 (called at once)
                name = f"{count} refreshes at once on {title}"
                yield Row(name, rate, "/s", more={"calls a refresh": calls_each})
            count *= 4


def _in_turn(calls: dict[str, Callable[[], object]]) -> Iterator[Row]:
    """Yield CPU time of two calls, the second beside the first."""
    taken = cpu_rounds(calls, 15)
    (first, of_first), (second, of_second) = taken.items()
    yield row_of(first, of_first, "ms")
    yield row_of(second, of_second, "ms", beside=first, floor=of_first)


def _resident() -> float:
    """Return the resident memory of this process, in megabytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
