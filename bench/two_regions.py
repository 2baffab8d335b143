"""`make simulate`: two regions on a DynamoDB global table, and what becomes of refreshes when one of them fails.

The refresh rule is Sundial's own (`expiry.refresh.decide`). The table is a model of a global table with eventual
consistency: each region has a replica; a write is conditional on the replica it goes to, reaches the other one later,
and where both were written the later write wins. Time is simulated. docs/scale.md has the design, and what this prints.

A token is *accepted twice* when the same generation of the same login is exchanged for a new one more than once: what a
single conditional write rules out in one region.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from functools import partial

from sundial.expiry.family import Claims, Family
from sundial.expiry.policies import RefreshTokenPolicy
from sundial.expiry.refresh import Refresh, decide

HOME, OTHER = "eu-central-1", "eu-west-1"
_REGIONS = (HOME, OTHER)
_POLICY = RefreshTokenPolicy(reuse_interval=timedelta(seconds=30))
_BETWEEN_REFRESHES = 3600.0
_PATIENCE = 10.0
"""Seconds after which a client that was told 503, or nothing, comes again."""
_THEFTS = 5.0
"""Of the tokens exchanged in so many seconds before the region fails, each is stolen: the worst that could be."""
_CROSS_REGION = 0.03
"""Seconds from one region to the other's table."""


class Design(Enum):
    """Where a refresh is written, and what is done about a region that is gone."""

    ANYWHERE = "written in the region that is asked"
    PINNED = "pinned to the login's region; wait for it"
    ENDED = "pinned; logins of a region given up end"
    ADOPTED = "pinned; logins of a region given up go on elsewhere"


@dataclass(frozen=True, slots=True)
class Outage:
    """The region HOME, out of reach; seconds of simulated time."""

    begins: float
    ends: float
    given_up: float
    """When an operator declares it lost, in the designs that have it."""


@dataclass
class GlobalTable:
    """Replicas of a table of families, by region; a value stands beside the instant of its write."""

    arrival: Callable[[], float]
    """When what is written now in one region is at the other."""
    later: Callable[[float, Callable[[], None]], None]
    replicas: dict[str, dict[str, tuple[float, Family]]] = field(default_factory=lambda: {one: {} for one in _REGIONS})

    def get(self, region: str, family_id: str) -> Family | None:
        """Return an item as one region has it."""
        found = self.replicas[region].get(family_id)
        return found[1] if found else None

    def put(self, region: str, family: Family, now: float) -> None:
        """Write an item in one region; it is at the others after a while."""
        self.replicas[region][family.family_id] = (now, family)
        for other in _REGIONS:
            if other != region:
                self.later(self.arrival(), partial(self._replicate, other, family, now))

    def _replicate(self, region: str, family: Family, written: float) -> None:
        mine = self.replicas[region].get(family.family_id)
        if mine is None or mine[0] < written:
            self.replicas[region][family.family_id] = (written, family)


@dataclass
class Login:
    """A login as its client has it: the processes that share it may stand in different regions."""

    home: str
    family_id: str
    born: float
    processes: int
    generation: int = 1


class Simulation:
    """`logins` logins for `hours` hours in one design."""

    def __init__(self, design: Design, *, logins: int, hours: float, seed: int) -> None:
        self.design = design
        self.seen: Counter[str] = Counter()
        self.now = _BETWEEN_REFRESHES  # so that nothing happened before the epoch
        self._random = random.Random(seed)  # noqa: S311  # a simulation, and the same each time
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ids = itertools.count()
        self._ends = self.now + hours * 3600
        fails = self.now + hours * 1800
        self._outage = Outage(fails, fails + 1800, fails + 600)
        self._rotations: Counter[tuple[str, int]] = Counter()
        self._table = GlobalTable(self._arrival, self._later)
        for number in range(logins):
            self._begin(self._random.choice(_REGIONS), 2 if number % 10 == 0 else 1)

    def run(self) -> Counter[str]:
        """Run to the end; return how often each thing happened."""
        while self._queue and self._queue[0][0] <= self._ends:
            self.now, _, happens = heapq.heappop(self._queue)
            happens()
        self.seen["accepted twice"] = sum(times > 1 for times in self._rotations.values())
        return self.seen

    def _later(self, at: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (at, next(self._order), happens))

    def _arrival(self) -> float:
        arrival = self.now + self._random.lognormvariate(-0.3, 0.6)  # 0.7 s for half of them, 3 s for all but 1 %
        cut_off = self._outage.begins <= arrival < self._outage.ends
        return arrival + (self._outage.ends - self._outage.begins) if cut_off else arrival

    def _is_down(self, region: str) -> bool:
        return region == HOME and self._outage.begins <= self.now < self._outage.ends

    def _is_given_up(self, login: Login) -> bool:
        """Whether the login's region has been declared lost, and all that was pinned to it until then."""
        declared = self.design in (Design.ENDED, Design.ADOPTED)
        return declared and login.home == HOME and login.born < self._outage.given_up <= self.now

    def _begin(self, region: str, processes: int) -> None:
        login = Login(region, f"{region}/{next(self._ids)}", self.now, processes)
        family = Family(login.family_id, "app", "local", Claims("user"), frozenset(), int(self.now), int(self.now))
        first = family.rotated(int(self.now), change_id="", mac_key_id="")
        self._table.put(region, first, self.now)
        self._next_round(login)

    def _next_round(self, login: Login) -> None:
        at = self.now + self._random.uniform(0.5, 1.5) * _BETWEEN_REFRESHES
        for process in range(login.processes):
            # The processes of one login wake at about the same moment, and not in the same place.
            away = process > 0 or self._random.random() < 0.05
            nearest = login.home if not away else next(one for one in _REGIONS if one != login.home)
            self._later(at + self._random.uniform(0, 0.2), partial(self._come, login, nearest, at))

    def _come(self, login: Login, nearest: str, since: float, presented: int | None = None) -> None:
        """A process of the client presents the token that it had when it woke."""
        presented = login.generation if presented is None else presented
        asked = nearest if not self._is_down(nearest) else next(one for one in _REGIONS if one != nearest)
        way = self._random.uniform(0.005, 0.02) + (_CROSS_REGION if self._owner(login, asked) != asked else 0)
        self._later(self.now + way, lambda: self._answer(login, asked, since, presented))

    def _owner(self, login: Login, asked: str) -> str:
        """Return the region whose replica is written."""
        if self.design is Design.ANYWHERE:
            return asked
        return OTHER if self.design is Design.ADOPTED and self._is_given_up(login) else login.home

    def _answer(self, login: Login, asked: str, since: float, presented: int) -> None:
        owner = self._owner(login, asked)
        if self.design is Design.ENDED and self._is_given_up(login):
            self._log_in_again(login, asked, "had to log in again")
            return
        if self._is_down(owner):
            self.seen["told to come again (503)"] += 1
            self._later(self.now + _PATIENCE, lambda: self._come(login, asked, since, presented))
            return
        family = self._table.get(owner, login.family_id)
        if family is None:  # written in the other region, and not here yet
            self._later(self.now + _PATIENCE, lambda: self._come(login, asked, since, presented))
            return
        outcome = decide(family, "app", presented, int(self.now), _POLICY)
        if outcome is Refresh.IMPOSSIBLE and self.design is Design.ADOPTED:
            # The token is ours, by its MAC: this replica has not heard of its making, and never will.
            family, outcome = replace(family, generation=presented), Refresh.ROTATE
        if outcome is Refresh.ROTATE:
            family = self._rotate(family, owner)
            if owner == HOME and self._outage.begins - _THEFTS < self.now < self._outage.begins:
                self._later(self._outage.given_up + 60, lambda: self._steal(login, presented))
        if outcome.is_answered:
            self._take(login, family.generation, since)
            return
        if outcome is Refresh.REPLAY:
            self._table.put(owner, replace(family, revoked_at=int(self.now)), self.now)
        self._log_in_again(login, asked, "logged out by mistake")

    def _rotate(self, family: Family, owner: str) -> Family:
        self._rotations[(family.family_id, family.generation)] += 1
        rotated = family.rotated(int(self.now), change_id="", mac_key_id="")
        self._table.put(owner, rotated, self.now)
        return rotated

    def _steal(self, login: Login, presented: int) -> None:
        """A thief presents a token that its owner has exchanged just before the region failed."""
        owner = self._owner(login, OTHER)
        family = self._table.get(owner, login.family_id)
        if family is None or self._is_down(owner) or (self.design is Design.ENDED and self._is_given_up(login)):
            return
        if decide(family, "app", presented, int(self.now), _POLICY) is Refresh.ROTATE:
            self._rotate(family, owner)

    def _take(self, login: Login, generation: int, since: float) -> None:
        self.seen["refreshes"] += 1
        self.seen["waited over a minute"] += self.now - since > 60
        lost = self._random.random() < 0.002
        if lost:
            self._later(self.now + _PATIENCE, lambda: self._come(login, login.home, since))
        elif generation >= login.generation:
            is_new = generation > login.generation
            login.generation = generation
            if is_new:
                self._next_round(login)

    def _log_in_again(self, login: Login, asked: str, why: str) -> None:
        if login.processes:  # the first of them to notice
            self.seen[why] += 1
            self._begin(asked, login.processes)
            login.processes = 0


COLUMNS = (
    "refreshes",
    "accepted twice",
    "logged out by mistake",
    "had to log in again",
    "told to come again (503)",
    "waited over a minute",
)


def table(*, logins: int, hours: float, seed: int) -> Iterator[str]:
    """Yield the lines of a table with a row a design."""
    yield f"| design | {' | '.join(COLUMNS)} |"
    yield f"| --- |{' ---: |' * len(COLUMNS)}"
    for design in Design:
        seen = Simulation(design, logins=logins, hours=hours, seed=seed).run()
        yield f"| {design.value} | {' | '.join(f'{seen[column]:,}' for column in COLUMNS)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="make simulate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--logins", type=int, default=5_000, help="how many there are (5,000)")
    parser.add_argument("--hours", type=float, default=8, help="of simulated time; the region fails in the middle (8)")
    parser.add_argument("--seed", type=int, default=1, help="for other chances (1)")
    arguments = parser.parse_args()
    for line in table(logins=arguments.logins, hours=arguments.hours, seed=arguments.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
