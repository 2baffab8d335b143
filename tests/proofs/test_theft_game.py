"""The theft game: a victim and a thief take turns with one family, in every order of eight moves.

A move is a refresh by the victim, by the victim whose answer is then lost, or by the thief, with the newest
token that each has, soon after the last move or past the window; or the thief copies what the victim holds.
Whoever has been refused stops: a victim logs in again, and that is another family.

All games are played side by side: those that come to the same position go on as one, and are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import product
from random import Random

import pytest

from sundial.expiry.family import Family
from sundial.expiry.refresh import Refresh, decide
from sundial.store.families import Change
from sundial.tokens.opaque import Kind, Presented, mint, new_family_id
from sundial.tokens.subject import connector_tag, user_tag
from tests.support.config import make_config
from tests.support.depth import depth
from tests.support.families import LOGIN_AT, MAC_KEY, MemoryFamilies, a_family
from tests.support.refresh_world import RefreshWorld, quick_config
from tests.support.stack import OwnStack
from tests.support.token_world import USER_ID

LENGTH = 8
WINDOW = 30
SOON, LATE = 1, WINDOW + 1


class Player(Enum):
    VICTIM = "victim"
    THIEF = "thief"


@dataclass(frozen=True, slots=True)
class Move:
    """A refresh by `player`, `wait` seconds after the last move; or, where there is none, a theft."""

    player: Player | None
    wait: int = 0
    answer_is_lost: bool = False


THEFT = Move(None)
MOVES = (
    *(Move(Player.VICTIM, wait, lost) for wait, lost in product((SOON, LATE), (False, True))),
    *(Move(Player.THIEF, wait) for wait in (SOON, LATE)),
    THEFT,
)


@dataclass(frozen=True, slots=True)
class Position:
    """How a game stands. Tokens are named by their generations."""

    family: Family
    now: int = LOGIN_AT
    victim: int = 1
    thief: int | None = None
    stopped: frozenset[Player] = frozenset()
    missing: bool = False
    """Whether the victim's last answer was lost."""
    used: frozenset[Player] = frozenset()
    """Who has refreshed since the last theft."""
    late: Player | None = None
    """Who made the last refresh, if it came past the window and nothing has been stolen since."""

    @property
    def revoked(self) -> bool:
        return self.family.revoked_at is not None

    def holds(self, player: Player) -> int | None:
        return self.victim if player is Player.VICTIM else self.thief


class Game:
    """The rule and a store, with `window` seconds of grace."""

    def __init__(self, window: int) -> None:
        config = make_config(quick_config(everywhere=f"{{reuseInterval: {window}s}}"))
        self.window = window
        self.policy = config.refresh_policy(config.clients["example-app"], "local")
        self.store = MemoryFamilies()

    def play(self, position: Position, move: Move) -> Position | None:
        """Return the position after `move`, None where it can't be made."""
        if move.player is None:
            stolen = position.victim
            return None if position.thief == stolen else replace(position, thief=stolen, used=frozenset(), late=None)
        generation = position.holds(move.player)
        if generation is None or move.player in position.stopped:
            return None
        now = position.now + move.wait
        is_late = now > position.family.rotated_at + self.window
        outcome, family = self._refresh(position.family, generation, now)
        position = replace(
            position,
            now=now,
            family=family,
            used=position.used | {move.player},
            late=move.player if is_late else None,
        )
        if not outcome.is_answered:
            return replace(position, stopped=position.stopped | {move.player})
        if move.player is Player.THIEF:
            return replace(position, thief=family.generation)
        if move.answer_is_lost:
            return replace(position, missing=position.missing or generation != family.generation)
        return replace(position, victim=family.generation, missing=False)

    def _refresh(self, family: Family, generation: int, now: int) -> tuple[Refresh, Family]:
        """Do what the refresh token grant does: how it ends, and the family then."""
        self.store.families[family.family_id] = family
        tags = connector_tag(family.connector_id), user_tag(family.claims.user_id)
        presented = Presented(family.family_id, family.created_at, generation, *tags, MAC_KEY.id)
        change = Change(now, "", MAC_KEY.id)
        written = self.store.rotate(presented, family.client_id, frozenset(), self.policy, 0, None, change)
        outcome = Refresh.ROTATE
        if not written.applied:
            outcome = decide(family, family.client_id, generation, now, self.policy)
            if outcome is Refresh.REPLAY:
                self.store.families[family.family_id] = replace(family, revoked_at=now)
        return outcome, self.store.families[family.family_id]


def always(_position: Position, _move: Move) -> bool:
    return True


def every_game(
    game: Game, may: Callable[[Position, Move], bool] = always
) -> Iterator[tuple[Position, Move, Position, int]]:
    """Yield every move of every game: the position before, the move, the position after, the games that make it."""
    positions = Counter({Position(a_family(family_id="A" * 22)): 1})
    for _ in range(LENGTH):
        following: Counter[Position] = Counter()
        for position, ways in positions.items():
            for move in MOVES:
                then = game.play(position, move) if may(position, move) else None
                if then is not None:
                    following[then] += ways
                    yield position, move, then, ways
        positions = following


def test_alone_the_victim_is_never_refused_whatever_answers_are_lost_if_they_retry_inside_the_window() -> None:
    def may(position: Position, move: Move) -> bool:
        is_too_late = position.missing and position.now + move.wait > position.family.rotated_at + WINDOW
        return move.player is not Player.THIEF and not is_too_late

    games = 0
    for _, _, then, ways in every_game(Game(WINDOW), may):
        assert not then.stopped
        assert not then.revoked
        games += ways
    assert games == 135_071


def test_the_family_ends_when_a_superseded_token_comes_past_the_window_and_never_otherwise() -> None:
    games = 0
    for position, move, then, ways in every_game(Game(WINDOW)):
        games += ways
        if move.player is None:
            assert then.family == position.family
            continue
        behind = position.family.generation - (position.holds(move.player) or 0)
        in_window = then.now <= position.family.rotated_at + WINDOW
        is_replay = behind > 1 or (behind == 1 and not in_window)
        assert then.revoked == (position.revoked or is_replay)
        assert (move.player in then.stopped) == then.revoked
    assert games == 606_697


def test_the_family_ends_once_both_have_used_a_token_past_the_window_however_they_played_before() -> None:
    games = 0
    for position, move, then, ways in every_game(Game(WINDOW)):
        both_are_late = None not in (position.late, then.late) and then.late is not position.late
        if move.player is not None and both_are_late:
            assert then.revoked
            games += ways
    assert games == 80_328


@pytest.mark.parametrize(("window", "waits", "expected"), [(WINDOW, {0, LATE}, 496), (0, {0, SOON, LATE}, 25_968)])
def test_where_nobody_comes_inside_a_window_the_second_of_the_two_ends_the_family(
    window: int, waits: set[int], expected: int
) -> None:
    games = 0
    for _, _, then, ways in every_game(Game(window), lambda _, move: move.wait in waits):
        if len(then.used) == 2:
            assert then.revoked
            games += ways
    assert games == expected


def test_the_real_handlers_and_the_real_store_play_the_same_game(stack: OwnStack) -> None:
    world, game, dice = RefreshWorld(stack=stack), Game(WINDOW), Random(8)  # noqa: S311 (a game, no secret)
    world.configure(quick_config(everywhere=f"{{reuseInterval: {WINDOW}s}}"))
    ended = 0
    for _ in range(depth(120, 2000)):
        family = a_family(family_id=new_family_id(), claims=replace(a_family().claims, user_id=USER_ID))
        world.families.begin(family)
        position = Position(family)
        for _ in range(LENGTH):
            move = dice.choice(MOVES)
            generation = position.holds(move.player) if move.player else None
            then = game.play(position, move)
            if then is not None and generation is not None:
                world.now = then.now
                answer = world.refresh(mint(Kind.REFRESH_TOKEN, MAC_KEY, family, generation))
                assert (answer.status == 200) == (move.player not in then.stopped)
            position = then or position
        stored = world.families.get(family.family_id)
        assert stored is not None
        assert (stored.generation, stored.revoked_at is not None) == (position.family.generation, position.revoked)
        ended += position.revoked
    assert ended > 10
