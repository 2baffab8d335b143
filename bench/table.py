"""Tables of families in DynamoDB Local, as large as wanted, and refreshes in them by the real handler."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
from botocore.config import Config

from bench.world import World, form_event
from sundial.expiry.family import Family
from sundial.grants.endpoint import token_edge
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.family_items import to_item
from sundial.tokens.opaque import new_family_id
from tests.support.dynamodb_local import running_dynamodb_local

_A_WRITE = 25  # BatchWriteItem takes no more
_WRITERS = 4
_SAMPLE = 100


@dataclass
class FamilyTable:
    """One table. Some of its families are refreshed again and again, the others are there."""

    name: str
    world: World
    client: Any
    size: int = 0
    tokens: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.world.deployment.families = DynamoFamilies(self.client, self.name)
        self.handler = token_edge(self.world.deployment, clock=lambda: self.world.now)
        self.tokens = [self.world.refresh_token(family, 3) for family in self.add(_SAMPLE)]

    def fill(self, size: int) -> None:
        """Add families until there are about `size`."""
        share = (size - self.size) // (_A_WRITE * _WRITERS)

        def some(_writer: int) -> None:
            for _ in range(share):
                self._put(_A_WRITE)

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(some, range(_WRITERS)))
        self.size += share * _A_WRITE * _WRITERS

    def add(self, count: int) -> list[Family]:
        """Add so many families, and return them."""
        self.size += count
        return self._put(count)

    def _put(self, count: int) -> list[Family]:
        families = [self.world.family(family_id=new_family_id(), code=None) for _ in range(count)]
        for start in range(0, count, _A_WRITE):
            some = families[start : start + _A_WRITE]
            self.client.batch_write_item(
                RequestItems={self.name: [{"PutRequest": {"Item": to_item(family)}} for family in some]}
            )
        return families

    def refresh(self, number: int) -> float:
        """Refresh one of the sample; return how long it took, in milliseconds."""
        started = time.perf_counter()
        answer = self.present(self.tokens[number])
        taken = (time.perf_counter() - started) * 1000
        self.tokens[number] = answer["refresh_token"]
        return taken

    def present(self, token: str) -> Mapping[str, Any]:
        """Return the token response for `token`."""
        answer = self.handler(form_event("/token", grant_type="refresh_token", refresh_token=token))
        if answer["statusCode"] != 200:
            raise AssertionError(f"a refresh was refused: {answer['body']}")
        document: dict[str, Any] = json.loads(answer["body"])
        return document


@dataclass
class Tables:
    """DynamoDB Local, and how many calls have gone to it."""

    endpoint: str
    calls: int = 0

    def client(self) -> Any:
        """Return a client with a connection for each of 256 threads; in Lambda each has an instance of its own."""
        client = boto3.client("dynamodb", endpoint_url=self.endpoint, config=Config(max_pool_connections=256))
        client.meta.events.register("before-send", self._count)
        return client

    def _count(self, **_: object) -> None:
        self.calls += 1


@contextmanager
def tables() -> Iterator[Tables]:
    """Run DynamoDB Local until the block ends."""
    with TemporaryDirectory() as folder, running_dynamodb_local(Path(folder) / "log") as endpoint:
        yield Tables(endpoint)


def in_turn(one: FamilyTable, other: FamilyTable) -> tuple[list[float], list[float]]:
    """Return how long each refresh took in two tables that were refreshed in turn, in milliseconds."""
    pairs = [(one.refresh(number), other.refresh(number)) for number in list(range(_SAMPLE)) * 2]
    return [first for first, _ in pairs], [second for _, second in pairs]


def at_once(here: Tables, table: FamilyTable, count: int, *, on_one: bool) -> tuple[float, float]:
    """Return refreshes a second of `count` threads, and the calls of each; of one login they present one token."""
    families = table.add(1 if on_one else count) * (count if on_one else 1)
    tokens = [table.world.refresh_token(family, 3) for family in families]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(time.sleep, [0.001] * count))  # all threads are there
        calls, started = here.calls, time.perf_counter()
        answers = list(pool.map(table.present, tokens))
        wall = time.perf_counter() - started
    given = {answer["refresh_token"] for answer in answers}
    if len(given) != (1 if on_one else count):
        raise AssertionError("requests at once on one login were not all given the same token")
    return count / wall, (here.calls - calls) / count


def best_of(measure: Callable[[], tuple[float, float]], times: int = 3) -> tuple[float, float]:
    """Return the fastest of some measurements, and the most calls of any."""
    some = [measure() for _ in range(times)]
    return max(rate for rate, _ in some), max(calls for _, calls in some)
