"""The emergency drill of docs/operations.md, rehearsed as it is written there, its recovery times measured.

The command is the operator's own, on the real secret and the real table; around it are functions and
verifiers that last asked at every second at which they can have. The clock is turned by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sundial.deployment import Deployment
from sundial.discovery.endpoint import Keys
from sundial.errors import OAuthError, temporarily_unavailable
from sundial.keys.cache import RingCache
from sundial.keys.jwks import PublicKeys
from sundial.keys.policy import key_policy, seconds
from sundial.keys.ring import signing_key
from sundial.web.http import Request
from sundial_local.operate import LocalStack
from sundial_local.paths import ROOT
from sundial_local.state import StateFolder
from tests.support.config import APP
from tests.support.deployed import environment_of
from tests.support.keys import HOUR, MINUTE
from tests.support.operator import MakeOperator, Operator
from tests.support.stack import OwnStack

TEXT = APP + "signing: {algorithms: [ES256]}\n"


@dataclass
class Drill:
    """A deployment that has lived for eight hours, its operator, and the key that leaks."""

    sundial: Operator
    deployment: Deployment

    @property
    def now(self) -> int:
        return self.sundial.now

    def active(self) -> str:
        ring, _ = self.deployment.vault.read()
        assert ring is not None
        key = signing_key(ring, "ES256", self.now)
        assert key is not None
        return key.kid

    def turn_to(self, now: int) -> None:
        self.sundial.now = now

    def revoke(self, kid: str) -> dict[str, int]:
        """What the page says to do."""
        report: dict[str, int] = self.sundial(f"keys revoke --yes --json -- {kid}").json
        return report


@pytest.fixture
def drill(stack: OwnStack, tmp_path: Path, make_operator: MakeOperator) -> Drill:
    sundial = make_operator(TEXT)
    local = LocalStack(StateFolder(sundial.folder))
    drill = Drill(sundial, Deployment(environment_of(stack, tmp_path, TEXT)))
    for _ in range(16):
        local.rotate_keys({})
        sundial.now += 30 * MINUTE
    while local.rotate_keys({})["next_change_at"] < sundial.now + 2 * HOUR:
        sundial.now += 30 * MINUTE  # until the JWKS is given out for as long as it ever is: the worst moment
    return drill


@dataclass
class Line:
    """A JWKS function's line to the published item, which can be cut."""

    load_: Callable[[], PublicKeys | None]
    cut: bool = False

    def load(self) -> PublicKeys | None:
        if self.cut:
            raise temporarily_unavailable("the table is out of reach")
        return self.load_()

    def publish(self, keys: PublicKeys) -> bool:
        raise AssertionError("a function publishes nothing")


def signs_with(function: RingCache, now: int) -> str:
    """Return the `kid` of the key that a function signs with."""
    return function.current(now).signer("ES256", now).kid


def asked(keys: Keys, now: int) -> tuple[set[str], int]:
    """Return the `kid`s of the JWKS that a verifier is given at `now`, and until when it keeps them."""
    answer = keys(Request("GET", "GET /keys", now))
    kids = {jwk["kid"] for jwk in json.loads(answer.body)["keys"]}
    return kids, now + int(answer.headers["Cache-Control"].rpartition("=")[2])


def servers(drill: Drill, began: int, revoked_at: int) -> Iterator[tuple[Keys, Line]]:
    """Yield JWKS functions that last read the item at every second of their own cache before the revocation."""
    ahead = drill.deployment.config.signing.publish_ahead
    for read_at in range(began, revoked_at):
        line = Line(drill.deployment.public_keys.load)
        keys = Keys(line, ahead)
        asked(keys, read_at)
        yield keys, line


def last_seen(drill: Drill, fleet: list[tuple[Keys, Line]], leaked: str, since: int, until: int) -> int:
    """Return the last second at which a verifier holds a JWKS with the leaked key, whenever it asked whomever."""
    latest = since
    for keys, _ in fleet:
        for now in range(since, until):
            try:
                kids, kept_until = asked(keys, now)
            except OAuthError:
                break
            if leaked not in kids:
                break
            latest = max(latest, kept_until)
    return latest


def measured_on_the_page(row: str) -> str:
    """Return what docs/operations.md says was measured of one row of the drill's table."""
    [line] = [line for line in (ROOT / "docs" / "operations.md").read_text("utf-8").splitlines() if row in line]
    return line.split("|")[3].strip()


def test_every_function_signs_with_the_successor_within_the_time_that_the_command_names(drill: Drill) -> None:
    leaked, revoked_at = drill.active(), drill.now
    vault, algorithms = drill.deployment.vault, drill.deployment.config.signing.algorithms
    functions = [RingCache(vault, algorithms, uniform=lambda _low, high: high) for _ in range(300)]
    for read_at, function in zip(range(revoked_at - 300, revoked_at), functions, strict=True):
        function.current(read_at)

    report = drill.revoke(leaked)
    still = {
        function for function in functions if function.current(revoked_at).signer("ES256", revoked_at).kid == leaked
    }
    assert len(still) == 299, "all but the one whose cache ran out at that very second"
    now = revoked_at
    while still:
        now += 1
        still = {function for function in still if function.current(now).signer("ES256", now).kid == leaked}

    assert now <= report["everywhere_at"]
    assert measured_on_the_page("`everywhere_at`") == f"{now - revoked_at} s"


def test_verifiers_have_forgotten_the_key_within_the_time_that_the_command_names(drill: Drill) -> None:
    leaked, revoked_at = drill.active(), drill.now
    fleet = list(servers(drill, revoked_at - 60, revoked_at))
    report = drill.revoke(leaked)
    forgotten_at = last_seen(drill, fleet, leaked, revoked_at, revoked_at + 5 * MINUTE)
    assert forgotten_at <= report["caches_until"]
    assert measured_on_the_page("`caches_until`") == f"{forgotten_at - revoked_at} s"


def test_so_they_have_where_the_functions_can_not_read_the_item_any_more(drill: Drill) -> None:
    leaked, revoked_at = drill.active(), drill.now
    fleet = list(servers(drill, revoked_at - 60, revoked_at))
    for _, line in fleet:
        line.cut = True
    report = drill.revoke(leaked)
    assert last_seen(drill, fleet, leaked, revoked_at, revoked_at + HOUR) <= report["caches_until"]


def test_what_the_successor_signs_verifies_at_once_with_whoever_asked_before_the_leak(drill: Drill) -> None:
    revoked_at, leaked = drill.now, drill.active()
    ahead = seconds(key_policy(drill.deployment.config).publish_ahead)
    kids, _ = asked(next(servers(drill, revoked_at - 1, revoked_at))[0], revoked_at - 1)
    drill.revoke(leaked)
    successor = drill.active()
    assert successor in kids
    ring, _ = drill.deployment.vault.read()
    assert ring is not None
    published_at = next(key.published_at for key in ring.signing_keys if key.kid == successor)
    assert published_at is not None
    assert revoked_at - published_at >= ahead, "longer than any verifier caches"


def test_there_is_a_successor_again_for_the_next_leak(drill: Drill) -> None:
    drill.revoke(drill.active())
    drill.turn_to(drill.now + 4 * HOUR)
    second = drill.active()
    drill.revoke(second)
    assert drill.active() != second
