"""A world in which keys rotate: functions that sign, functions that serve the JWKS, verifiers that cache it.

One true clock; everybody else's is off by up to MAX_CLOCK_SKEW. Runs of the rotation may crash before
or after any network call, race each other, or not come at all. Whatever happens, the world holds the
five invariants of the key ring against what it sees, at every step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from sundial.discovery.endpoint import Keys
from sundial.errors import OAuthError, temporarily_unavailable
from sundial.keys.cache import RingCache
from sundial.keys.commands import Command
from sundial.keys.jwks import PublicKeys
from sundial.keys.policy import MAX_CLOCK_SKEW, KeyPolicy
from sundial.keys.ring import Ring, next_instant, public_keys, signing_key
from sundial.keys.rotation import Report, run
from sundial.keys.transitions import chain, due
from sundial.web.http import Request
from tests.support.keys import POLICY, T0, MemoryJwks, MemoryVault, fake_pair

SKEW = int(MAX_CLOCK_SKEW.total_seconds())


class CrashError(Exception):
    """The process dies here."""


@dataclass
class Line:
    """A function's line to the stores; `cut`, it reaches nothing."""

    vault: MemoryVault
    jwks: MemoryJwks
    cut: bool = False

    def read(self) -> tuple[Ring | None, str | None]:
        self._reach()
        return self.vault.read()

    def load(self) -> PublicKeys | None:
        self._reach()
        return self.jwks.load()

    def publish(self, keys: PublicKeys) -> bool:
        raise AssertionError(f"a function that serves the JWKS published serial {keys.serial}")

    def _reach(self) -> None:
        if self.cut:
            raise temporarily_unavailable("out of reach")


@dataclass
class Signer:
    """A function that signs, on a clock of its own."""

    line: Line
    cache: RingCache
    skew: int


@dataclass
class Server:
    """A function that serves the JWKS, on a clock of its own."""

    line: Line
    endpoint: Keys
    skew: int


@dataclass(frozen=True, slots=True)
class Token:
    """A token as a verifier sees it; `dead_at` is when the slowest clock says that it has expired."""

    kid: str
    alg: str
    signed_at: int
    dead_at: int


@dataclass
class Verifier:
    """A relying party that keeps the JWKS exactly as long as it is told, and asks for nothing in between."""

    kids: frozenset[str] = frozenset()
    fresh_until: int = 0


class World:
    """Everything happens at `now`, in true epoch seconds."""

    def __init__(
        self,
        policy: KeyPolicy = POLICY,
        *,
        signer_skews: Iterable[int] = (0,),
        server_skews: Iterable[int] = (0,),
        rotation_skew: int = 0,
        verifiers: int = 2,
    ) -> None:
        self.now = T0
        self.policy = policy
        self.rotation_skew = rotation_skew
        self.vault = MemoryVault(self._network)
        self.jwks = MemoryJwks(self._network, self._on_publish)
        self.signers = [self.new_signer(skew) for skew in signer_skews]
        self.servers = [self.new_server(skew) for skew in server_skews]
        self.verifiers = [Verifier() for _ in range(verifiers)]
        self.tokens: list[Token] = []
        self.published_at: dict[str, int] = {}
        self.first_keys: frozenset[str] = frozenset()
        self.revoked: set[str] = set()
        self.least_ahead = policy.publish_ahead
        """The shortest `publishAhead` that a key alive now was published under."""
        self._interrupt: Callable[[str], None] | None = None

    def new_signer(self, skew: int) -> Signer:
        """Return a function that has yet to start."""
        line = Line(self.vault, self.jwks)
        return Signer(line, RingCache(line, uniform=lambda _low, high: high), skew)

    def new_server(self, skew: int) -> Server:
        """Return a function that has yet to start."""
        line = Line(self.vault, self.jwks)
        return Server(line, Keys(line, self.policy.publish_ahead), skew)

    # --- what can happen ---

    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    def live(self, ticks: int, tick: int, *, runs: bool) -> None:
        """Let everybody work for a number of ticks of so many seconds; `runs` says whether the schedule works too."""
        for _ in range(ticks):
            self.pass_time(tick)
            if runs:
                self.rotate()
            self.everybody_works()

    def everybody_works(self) -> None:
        for function in range(len(self.signers)):
            for alg in self.policy.algorithms:
                self.sign(function, alg)
        for party in range(len(self.verifiers)):
            self.verify(party, server=party)

    def reach_a_turn(self, function: int, offset: int) -> None:
        """Go to where, by a function's clock, another key signs; a little before or after. Then everybody works."""
        skew = self.signers[function % len(self.signers)].skew
        instant = next_instant(self.vault.ring, self.now + skew)
        if instant is not None:
            self.now = max(self.now, instant - skew + offset)
        self.everybody_works()

    def reach_an_end(self, offset: int) -> None:
        """Go to where, by the clock of the rotation, a key leaves the JWKS; a little before or after. Then it runs."""
        clock = self.now + self.rotation_skew
        ends = [key.published_until for key in self.vault.ring.signing_keys if (key.published_until or 0) > clock]
        if ends:
            self.now = max(self.now, min(end or 0 for end in ends) - self.rotation_skew + offset)
        self.rotate()
        self.everybody_works()

    def rotate(self, command: Command | None = None) -> Report:
        """Make one undisturbed run."""
        report = self._run(command)
        self.check_ring(settled=True)
        return report

    def rotate_and_crash(self, calls: int, command: Command | None = None) -> bool:
        """Make a run that dies at its network call number `calls`; return whether it got that far."""
        left = calls

        def crash(_call: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise CrashError

        return self._rotate_disturbed(crash, command)

    def rotate_in_a_race(self, calls: int) -> None:
        """Make a run into which, at its network call number `calls`, another run comes whole."""
        left = calls

        def race(_call: str) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                self._run()

        self._rotate_disturbed(race)
        self.check_ring(settled=True)

    def change_policy(self, policy: KeyPolicy) -> None:
        """Deploy other settings: functions have them at once, the ring at the next run, which comes before others."""
        self.policy = policy
        self.least_ahead = min(self.least_ahead, policy.publish_ahead)
        self.servers = [self.new_server(server.skew) for server in self.servers]

    def cut_or_mend(self, function: int) -> None:
        """Cut the line of a function that signs to the vault, or mend it."""
        line = self.signers[function % len(self.signers)].line
        line.cut = not line.cut

    def cut_or_mend_server(self, server: int) -> None:
        """Cut the line of a function that serves the JWKS to the table, or mend it."""
        line = self.servers[server % len(self.servers)].line
        line.cut = not line.cut

    def sign(self, function: int, alg: str = "RS256") -> Token | None:
        """Sign a token in one of the functions; None where it rightly refuses."""
        signer = self.signers[function % len(self.signers)]
        clock = self.now + signer.skew
        try:
            key = signing_key(signer.cache.current(clock).ring, alg, clock)
        except OAuthError:
            return None
        if key is None:
            return None
        assert key.private_pem is not None, "a key that signs has its private half"
        lifetime = int(self.policy.longest_token.total_seconds())
        token = Token(key.kid, alg, self.now, clock + lifetime + SKEW)
        self._no_stranger(token)
        self.tokens.append(token)
        return token

    def verify(self, verifier: int, server: int = 0) -> None:
        """Have a verifier look at every token alive: each must have a key in the JWKS that it holds."""
        party = self.verifiers[verifier % len(self.verifiers)]
        if self.now >= party.fresh_until:
            asked = self.servers[server % len(self.servers)]
            try:
                answer = asked.endpoint(Request("GET", "GET /keys", self.now + asked.skew))
            except OAuthError:
                return  # a 503: the verifier refuses nothing, it asks again
            party.kids = frozenset(jwk["kid"] for jwk in json.loads(answer.body)["keys"])
            party.fresh_until = self.now + int(answer.headers["Cache-Control"].rpartition("=")[2])
        for token in self.living_tokens():
            assert token.kid in party.kids, f"a verifier with a valid cache doesn't know the key of {token}"

    # --- what must hold ---

    def living_tokens(self) -> list[Token]:
        self.tokens = [token for token in self.tokens if token.dead_at >= self.now and token.kid not in self.revoked]
        return self.tokens

    def check_ring(self, *, settled: bool = False) -> None:
        """No gap: one active key for each algorithm that has begun, now and ever after if no run comes again."""
        ring = self.vault.ring
        for alg in {key.alg for key in ring.signing_keys if key.alg in self.policy.algorithms}:
            starts = [key.signs_from for key in ring.signing_keys if key.alg == alg and key.signs_from is not None]
            for instant in (start for start in starts if start >= self.now):
                for moment in (instant, instant + 30 * 86400):
                    assert signing_key(ring, alg, moment) is not None
            planned = [key for key in chain(ring, alg) if key.signs_from is not None]
            for key, following in pairwise(planned):
                if following.signs_from is not None and following.signs_from >= self.now:
                    assert key.signs_until == following.signs_from, "where one ends the next one begins"
        if settled:
            assert not due(ring, self.policy, self.now + self.rotation_skew)
            published = {key.kid for key in public_keys(ring, self.now + self.rotation_skew)}
            assert self.jwks.kids == published, "the served JWKS is the ring's"

    def _no_stranger(self, token: Token) -> None:
        assert token.kid in self.published_at, "a key that was never served signs"
        seen_for = token.signed_at - self.published_at[token.kid]
        assert token.kid in self.first_keys or seen_for >= self.least_ahead.total_seconds(), (
            f"{token.kid} signs {seen_for} s after its publication"
        )

    def _on_publish(self, before: PublicKeys | None, after: PublicKeys) -> None:
        kids = {jwk["kid"] for jwk in after.keys}
        if before is None:
            self.first_keys = frozenset(kids)
        for kid in kids:
            self.published_at.setdefault(kid, self.now)
        longest_cache = int(self.least_ahead.total_seconds())
        for token in self.tokens:  # no orphan
            assert token.kid in kids or token.kid in self.revoked or self.now > token.dead_at + longest_cache, (
                f"{token} is alive in some cache at {self.now}, and its key is gone"
            )

    def _rotate_disturbed(self, disturb: Callable[[str], None], command: Command | None = None) -> bool:
        self._interrupt = disturb
        try:
            self._run(command)
        except CrashError:
            return True
        finally:
            self._interrupt = None
        return False

    def _run(self, command: Command | None = None) -> Report:
        def clock() -> float:
            return self.now + self.rotation_skew

        return run(self.vault, self.jwks, self.policy, clock, command=command, make=fake_pair)

    def _network(self, call: str) -> None:
        if self._interrupt is not None:
            self._interrupt(call)


@dataclass
class Shape:
    """A ring without what differs by chance: which key is which."""

    signing: list[tuple[str, bool, int | None, int | None, int | None, int | None]] = field(default_factory=list)
    mac: list[tuple[int, int | None, int | None]] = field(default_factory=list)


def shape(world: World) -> Shape:
    """Return the shape of the ring as it stands."""
    ring = world.vault.ring
    return Shape(
        [
            (
                key.alg,
                key.private_pem is None,
                key.published_at,
                key.signs_from,
                key.signs_until,
                key.published_until,
            )
            for key in ring.signing_keys
        ],
        [(key.signs_from, key.signs_until, key.kept_until) for key in ring.mac_keys],
    )
