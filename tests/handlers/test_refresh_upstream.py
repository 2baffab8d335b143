"""Refreshing through a provider: asked once, before anything moves, and nothing that it gave out is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import pytest

from sundial.connectors.base import Identity, InterruptedRefreshError
from sundial.errors import OAuthError, access_denied, temporarily_unavailable, upstream_failed
from sundial.expiry.family import Claims, Family
from sundial.grants.upstream import LEASE, PAUSES
from sundial.store.families import Held, Written
from tests.support.envelopes import MemoryEnvelopes
from tests.support.families import MemoryFamilies
from tests.support.leak_watch import LEAKS
from tests.support.token_world import Answer, TokenWorld, claims_of

KILGORE = Claims("kilgore", "Kilgore Trout", email="kilgore@example.com", groups=("authors",))
RENAMED = replace(KILGORE, username="Kilgore S. Trout", groups=("authors", "ops"))
SCOPES = frozenset(("openid", "profile", "groups", "offline_access"))


@dataclass
class Provider:
    """A provider whose refresh tokens are good once: `upstream-token-1`, `upstream-token-2` …"""

    id: str = "up"
    name: str = "The Provider"
    claims: Claims = RENAMED
    rotates: bool = True
    serial: int = 1
    asked: list[str] = field(default_factory=list)
    scopes: frozenset[str] = frozenset()
    fails: Exception | None = None
    gone: bool = False
    meanwhile: Callable[[], None] = lambda: None

    def refresh_upstream(self, identity: Identity, scopes: frozenset[str], now: int) -> Identity | None:
        self.asked.append(identity.upstream)
        self.scopes = scopes
        self.meanwhile()
        if isinstance(self.fails, OAuthError):
            raise self.fails
        if self.gone:
            return None
        assert identity.upstream == self.token(), "a token that is used twice is the end of it"
        if self.rotates:
            self.serial += 1
        if self.fails is not None:
            raise InterruptedRefreshError(self.token(), temporarily_unavailable("userinfo can't be reached"))
        return Identity(self.claims, self.token())

    def token(self) -> str:
        LEAKS.secret("an upstream refresh token", f"upstream-token-{self.serial}")
        return f"upstream-token-{self.serial}"


@dataclass
class World(TokenWorld):
    """TokenWorld with a login at the provider."""

    provider: Provider = field(default_factory=Provider)
    envelopes: MemoryEnvelopes = field(default_factory=MemoryEnvelopes)
    waits: list[float] = field(default_factory=list)
    on_wait: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.more_connectors = (self.provider,)
        self.more_stores = {"envelopes": self.envelopes, "wait": self._wait}
        super().__post_init__()

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.on_wait()

    def upstream_token(self, upstream: str | None = "upstream-token-1", **changes: object) -> str:
        """Return the first refresh token of a login at the provider."""
        family_id = "ZmFtaWx5IG9mIGEgdGVzdA"
        sealed = None if upstream is None else self.envelopes.seal(family_id, upstream)
        login = {"family_id": family_id, "connector_id": "up", "claims": KILGORE, "scopes": SCOPES, "upstream": sealed}
        token = str(self.redeem(self.log_in(**login | changes)).body["refresh_token"])
        self.memory.calls.clear()
        self.envelopes.calls.clear()
        return token

    @property
    def family(self) -> Family:
        (family,) = self.memory.families.values()
        return family

    @property
    def kept(self) -> str:
        """What is kept of the login, in clear."""
        return self.envelopes.text_of(self.family.family_id, self.family.upstream)

    @property
    def calls(self) -> list[str]:
        """Every network call but the provider's own."""
        return [*self.memory.calls, *self.envelopes.calls]


def test_a_refresh_asks_the_provider_and_costs_three_calls_besides() -> None:
    world = World()
    answer = world.refresh(world.upstream_token())
    claims = claims_of(answer.body["id_token"])
    assert (claims["name"], claims["groups"]) == ("Kilgore S. Trout", ["authors", "ops"])
    assert world.calls == ["lease", "rotate", "open"]
    assert world.family.claims == RENAMED
    assert world.provider.scopes == SCOPES


def test_the_providers_rotated_token_is_kept_for_the_next_time() -> None:
    world = World()
    token = world.upstream_token()
    for _ in range(3):
        answer = world.refresh(token)
        assert answer.status == 200
        token = answer.body["refresh_token"]
    assert world.provider.asked == ["upstream-token-1", "upstream-token-2", "upstream-token-3"]
    assert world.kept == "upstream-token-4"


def test_a_provider_that_keeps_its_token_is_asked_with_it_again() -> None:
    world = World(provider=Provider(rotates=False))
    token = world.refresh(world.upstream_token()).body["refresh_token"]
    assert world.refresh(token).status == 200
    assert world.provider.asked == ["upstream-token-1"] * 2


def test_rest_and_retry_never_ask_the_provider_and_cost_one_call() -> None:
    world = World("{reuseInterval: 30s}")
    first = world.upstream_token()
    assert world.refresh(first).body["refresh_token"] == first
    assert (world.calls, world.provider.asked) == (["lease"], [])
    world.now += 31
    second = world.refresh(first).body["refresh_token"]
    world.memory.calls.clear()
    world.envelopes.calls.clear()
    retried = world.refresh(first)
    assert retried.body["refresh_token"] == second
    assert claims_of(retried.body["id_token"])["name"] == "Kilgore S. Trout"
    assert world.refresh(second).body["refresh_token"] == second
    assert world.calls == ["lease", "lease"]
    assert len(world.provider.asked) == 1


@pytest.mark.parametrize(
    ("refresh_tokens", "wrong"),
    [
        ("{absoluteLifetime: 10s}", {}),
        ("{}", {"scope": "openid email"}),
        ("{}", {"client_id": "another-app"}),
        ("{}", {"client_secret": "wrong"}),
    ],
)
def test_what_is_refused_never_asks_the_provider(refresh_tokens: str, wrong: dict[str, str]) -> None:
    world = World(refresh_tokens)
    token = world.upstream_token()
    world.now += 11
    assert world.refresh(token, **wrong).status in (400, 401)
    assert world.provider.asked == []
    assert world.family.lease_until == 0


def test_a_replay_never_asks_the_provider_and_revokes_the_family() -> None:
    world = World()
    token = world.upstream_token()
    assert world.refresh(token).status == 200
    assert world.refresh(token).error == (400, "invalid_grant")
    assert len(world.provider.asked) == 1
    assert world.family.revoked_at is not None


# The provider says no, or nothing


@pytest.mark.parametrize("provider", [Provider(gone=True), Provider(fails=access_denied("in none of the groups"))])
def test_a_user_who_is_gone_takes_the_family_with_them(provider: Provider) -> None:
    world = World(provider=provider)
    token = world.upstream_token()
    assert world.refresh(token).error == (400, "invalid_grant")
    assert world.memory.revoked == {world.family.family_id: "user is gone"}
    assert world.refresh(token).error == (400, "invalid_grant")
    assert len(provider.asked) == 1


def test_another_user_than_the_one_who_logged_in_is_nobody() -> None:
    world = World(provider=Provider(claims=replace(KILGORE, user_id="somebody-else")))
    assert world.refresh(world.upstream_token()).error == (400, "invalid_grant")
    assert world.family.revoked_at is not None


@pytest.mark.parametrize(
    "error", [temporarily_unavailable("The Provider can't be reached"), upstream_failed("The Provider lies")]
)
def test_an_outage_costs_the_client_nothing(error: OAuthError) -> None:
    world = World(provider=Provider(fails=error))
    token = world.upstream_token()
    before = world.family
    answer = world.refresh(token)
    assert answer.error == (503, "temporarily_unavailable")
    assert "Retry-After" in answer.headers
    assert world.calls == ["lease", "release", "open"]
    assert replace(world.family, lease_id="", lease_until=0) == before
    world.provider.fails = None
    assert world.refresh(token).status == 200


def test_what_the_provider_gave_out_before_it_failed_is_kept() -> None:
    world = World(provider=Provider(fails=ValueError()))
    token = world.upstream_token()
    assert world.refresh(token).error == (503, "temporarily_unavailable")
    assert (world.kept, world.family.generation) == ("upstream-token-2", 1)
    world.provider.fails = None
    assert world.refresh(token).status == 200
    assert world.provider.asked == ["upstream-token-1", "upstream-token-2"]


def test_when_kms_cannot_be_reached_the_provider_is_not_asked() -> None:
    world = World()
    token = world.upstream_token()
    world.envelopes.broken = True
    assert world.refresh(token).error == (503, "temporarily_unavailable")
    assert world.provider.asked == []
    world.envelopes.broken = False
    assert world.refresh(token).status == 200


def test_a_login_of_which_nothing_was_kept_asks_for_a_new_one() -> None:
    world = World()
    assert world.refresh(world.upstream_token(upstream=None)).error == (400, "invalid_grant")


# The answer is written


class Flaky(MemoryFamilies):
    """Families whose rotations fail some times."""

    failures = 0

    def rotate(self, *arguments: Any, **more: Any) -> Written:
        if self.failures:
            self.failures -= 1
            raise temporarily_unavailable("the token store can't be reached")
        return super().rotate(*arguments, **more)


def test_once_the_provider_has_answered_the_write_is_tried_again() -> None:
    families = Flaky()
    world = World(families=families)
    token = world.upstream_token()
    families.failures = 2
    assert world.refresh(token).status == 200
    assert world.kept == "upstream-token-2"


def test_where_the_rotation_cannot_be_written_the_providers_token_still_is() -> None:
    families = Flaky()
    world = World(families=families)
    token = world.upstream_token()
    families.failures = 3
    assert world.refresh(token).error == (503, "temporarily_unavailable")
    assert (world.kept, world.family.generation) == ("upstream-token-2", 1)
    assert world.refresh(token).status == 200


def test_a_family_that_is_revoked_while_the_provider_is_asked_stays_revoked_and_keeps_the_new_token() -> None:
    world = World()
    token = world.upstream_token()
    world.provider.meanwhile = lambda: void(world.memory.revoke(world.family.family_id, world.now, "by an operator"))
    assert world.refresh(token).error == (400, "invalid_grant")
    assert (world.kept, world.family.generation) == ("upstream-token-2", 1)


def test_who_lost_the_lease_rotates_nothing_and_keeps_what_the_provider_gave_out() -> None:
    world = World()
    token = world.upstream_token()

    def steal() -> None:
        stolen = replace(world.family, lease_id="somebody else's", lease_until=world.now + 30)
        world.memory.families[stolen.family_id] = stolen

    world.provider.meanwhile = steal
    assert world.refresh(token).error == (503, "temporarily_unavailable")
    assert (world.kept, world.family.generation) == ("upstream-token-2", 1)
    assert world.family.lease_id == "somebody else's"


def test_the_lease_of_a_function_that_died_is_over_before_long() -> None:
    world = World()
    token = world.upstream_token()
    dead = replace(world.family, lease_id="dead", lease_until=world.now + int(LEASE.total_seconds()))
    world.memory.families[dead.family_id] = dead
    answer = world.refresh(token)
    assert (answer.error, answer.headers["Retry-After"]) == ((503, "temporarily_unavailable"), "2")
    assert world.waits == list(PAUSES)
    assert sum(world.waits) <= 10
    world.now += 31
    assert world.refresh(token).status == 200


# Many at once


class Announcing(MemoryFamilies):
    """Families that say when one has rotated."""

    def __init__(self) -> None:
        super().__init__()
        self.rotated = Event()

    def rotate(self, *arguments: Any, **more: Any) -> Written:
        written = super().rotate(*arguments, **more)
        self.rotated.set()
        return written


def test_of_many_requests_at_once_one_asks_and_all_get_the_same_successor() -> None:
    families, all_wait = Announcing(), Event()
    world = World("{reuseInterval: 30s}", families=families)
    token = world.upstream_token()
    world.now += 31

    def wait_for_the_answer() -> None:
        if len(world.waits) == 15:
            all_wait.set()
        assert families.rotated.wait(timeout=10)

    world.provider.meanwhile = lambda: void(all_wait.wait(timeout=10))
    world.on_wait = wait_for_the_answer
    with ThreadPoolExecutor(16) as pool:
        answers: list[Answer] = list(pool.map(lambda _: world.refresh(token), range(16)))
    assert [answer.status for answer in answers] == [200] * 16
    assert len({answer.body["refresh_token"] for answer in answers}) == 1
    assert world.provider.asked == ["upstream-token-1"]
    assert world.family.generation == 2


def test_who_waits_goes_on_where_the_one_before_met_an_outage() -> None:
    world = World("{reuseInterval: 30s}")
    token = world.upstream_token()
    world.now += 31
    held = Held("somebody else's")
    world.memory.families[world.family.family_id] = replace(
        world.family, lease_id=held.lease_id, lease_until=world.now + 30
    )
    world.on_wait = lambda: world.memory.release(world.family.family_id, held)
    assert world.refresh(token).status == 200
    assert len(world.waits) == 1
    assert world.provider.asked == ["upstream-token-1"]


def test_without_rotation_who_waited_shares_the_answer_that_came_meanwhile() -> None:
    world = World("{disableRotation: true, validIfNotUsedFor: 1h}")
    token = world.upstream_token()
    leased = replace(world.family, lease_id="somebody else's", lease_until=world.now + 30)
    world.memory.families[leased.family_id] = leased

    def another_has_asked_and_the_next_is_asking() -> None:
        world.memory.families[leased.family_id] = replace(leased, claims=RENAMED, last_used_at=world.now)

    world.on_wait = another_has_asked_and_the_next_is_asking
    answer = world.refresh(token)
    assert (answer.status, answer.body["refresh_token"]) == (200, token)
    assert claims_of(answer.body["id_token"])["name"] == "Kilgore S. Trout"
    assert world.provider.asked == []


# A connector that looks its users up needs no secret of theirs


@dataclass
class DirectoryOfUsers:
    """A directory: no secret is kept of a login."""

    id: str = "up"
    name: str = "The Directory"
    claims: Claims | None = RENAMED
    asked: list[Claims] = field(default_factory=list)

    def look_up(self, claims: Claims, scopes: frozenset[str], now: int) -> Claims | None:
        self.asked.append(claims)
        return self.claims


def test_a_directory_is_asked_for_the_user_without_a_secret() -> None:
    directory: Any = DirectoryOfUsers()
    world = World(provider=directory)
    answer = world.refresh(world.upstream_token(upstream=None))
    assert claims_of(answer.body["id_token"])["name"] == "Kilgore S. Trout"
    assert world.calls == ["lease", "rotate"]
    directory.claims = None
    assert world.refresh(answer.body["refresh_token"]).error == (400, "invalid_grant")
    assert world.family.revoked_at is not None


def void(_: object) -> None:
    """Take what nobody asks for."""
