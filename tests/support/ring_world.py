"""A world in which keys rotate: functions that sign, functions that serve the JWKS, verifiers that cache it.

One true clock; everybody else's is off by up to MAX_CLOCK_SKEW. Runs of the rotation may crash before
or after any network call, race each other, or not come at all; functions lose touch; an operator
revokes and rotates by hand. Whatever happens, the world holds the five invariants of the key ring
against what it sees, at every step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric import ec

from sundial.discovery.endpoint import Keys
from sundial.errors import OAuthError, temporarily_unavailable
from sundial.keys import cache
from sundial.keys.cache import LoadedRing, RingCache
from sundial.keys.commands import Command, CommandError, Promote, Revoke
from sundial.keys.jwks import PublicKeys
from sundial.keys.policy import MAX_CLOCK_SKEW, RING_CACHE, KeyPolicy, seconds
from sundial.keys.ring import Ring, next_instant, public_keys, signing_key
from sundial.keys.rotation import Report, run
from sundial.keys.transitions import chain, due
from sundial.web.http import Request
from tests.support.keys import POLICY, T0, MemoryJwks, MemoryVault, fake_pair

SKEW = seconds(MAX_CLOCK_SKEW)
_ANY_KEY = ec.generate_private_key(ec.SECP256R1())
"""What stands for every parsed private key: here nothing is signed in earnest."""


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
    """A relying party that keeps the JWKS for its time, and asks for nothing in between.

    That is as long as it is told; `stubborn`, it is `publishAhead`, whatever it is told.
    """

    stubborn: bool = False
    kids: frozenset[str] = frozenset()
    fresh_until: int = 0


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something that a MAC key made; `dead_at` is when the slowest clock says that it has expired."""

    mac_id: str
    dead_at: int


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
        self.verifiers = [Verifier(stubborn) for stubborn in (False, True) for _ in range(verifiers)]
        self.tokens: list[Token] = []
        self.sealed: list[Sealed] = []
        self.published_at: dict[str, int] = {}
        self.first_keys: frozenset[str] = frozenset()
        self.revoked: set[str] = set()
        self.least_ahead = policy.publish_ahead
        """The shortest `publishAhead` that a key alive now was published under."""
        self.signs_surely_from: dict[str, int] = {}
        """By algorithm: since when each function that is in touch signs with it, whatever its clock."""
        self.stood_in_for: set[str] = set()
        """The algorithms that another signs for until they may themselves."""
        self._interrupt: Callable[[str], None] | None = None

    def new_signer(self, skew: int) -> Signer:
        """Return a function that has yet to start."""
        line = Line(self.vault, self.jwks)
        return Signer(line, RingCache(line, self.policy.algorithms, uniform=lambda _low, high: high), skew)

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
            self.seal(function)
            self.unseal(function)
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
        """Deploy other settings: functions start anew with them, the ring has them at the next run.

        That comes before other settings do.
        """
        going_on = set(policy.algorithms) - self.stood_in_for
        self.signs_surely_from = {alg: since for alg, since in self.signs_surely_from.items() if alg in going_on}
        self.stood_in_for = set()
        self.policy = policy
        self.least_ahead = min(self.least_ahead, policy.publish_ahead)
        self.servers = [self.new_server(server.skew) for server in self.servers]
        self.signers = [self.new_signer(signer.skew) for signer in self.signers]

    def change_clock(self, skew: int) -> None:
        """Let the next runs be another machine's."""
        self.rotation_skew = skew

    def revoke(self, which: int) -> bool:
        """Revoke a key of the ring, a MAC key too; return whether that was obeyed."""
        ring = self.vault.ring
        kids = [key.kid for key in ring.signing_keys] + [key.id for key in ring.mac_keys]
        kid = kids[which % len(kids)]
        self.revoked.add(kid)
        try:
            self.rotate(Revoke(kid))
        except CommandError:
            self.revoked.discard(kid)
            return False
        return True

    def promote(self) -> bool:
        """Rotate by hand; return whether that was obeyed."""
        try:
            self.rotate(Promote())
        except CommandError:
            return False
        return True

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
            chosen = _without_parsing(signer.cache.current(clock)).signer(alg, clock)
        except OAuthError as refusal:
            self._no_gap(refusal, signer, alg)
            return None
        lifetime = seconds(self.policy.longest_token)
        token = Token(chosen.kid, chosen.alg, self.now, clock + lifetime + SKEW)
        self._no_stranger(token)
        self.tokens.append(token)
        self.signs_surely_from.setdefault(alg, self.now + seconds(RING_CACHE) + 2 * SKEW)
        (self.stood_in_for.discard if chosen.alg == alg else self.stood_in_for.add)(alg)
        return token

    def seal(self, function: int) -> None:
        """Have a function make something with a MAC key, if it can."""
        signer = self.signers[function % len(self.signers)]
        clock = self.now + signer.skew
        try:
            mac = signer.cache.current(clock).mac(clock)
        except OAuthError:
            assert signer.line.cut or self.now < T0 + 2 * SKEW, "there is no MAC key"
            return
        if self.policy.longest_mac is not None:
            self.sealed.append(Sealed(mac.id, clock + seconds(self.policy.longest_mac) + SKEW))

    def unseal(self, function: int) -> None:
        """Show a function all that is alive: it must know the MAC key of each."""
        signer = self.signers[function % len(self.signers)]
        try:
            loaded = signer.cache.current(self.now + signer.skew)
        except OAuthError:
            return
        self.sealed = [one for one in set(self.sealed) if one.dead_at >= self.now and one.mac_id not in self.revoked]
        for one in self.sealed:
            assert loaded.mac_by_id(one.mac_id) is not None, f"a function doesn't know the MAC key of {one}"

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
            told = int(answer.headers["Cache-Control"].rpartition("=")[2])
            party.fresh_until = self.now + (seconds(self.policy.publish_ahead) if party.stubborn else told)
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

    def _no_gap(self, refusal: OAuthError, signer: Signer, alg: str) -> None:
        assert refusal.status == 503
        assert signer.line.cut or self.now < self.signs_surely_from.get(alg, self.now + 1), "there is a gap"

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


def _without_parsing(loaded: LoadedRing) -> LoadedRing:
    for key in loaded.ring.signing_keys:
        loaded.signers.setdefault(key.kid, cache.Signer(key.kid, key.alg, _ANY_KEY))
    return loaded


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
