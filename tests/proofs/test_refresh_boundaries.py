"""One second before, at, and after each limit, for every combination of the five settings and where they are stated.

Each setting is unset, or stated for the deployment, for the connector or for the client; where it is stated
narrowly, the wider places state something else, which must not count. In `make test`, whichever settings there are
live through every story where the deployment states them; of the combinations with narrower places, each lives
through a third, so that neighbours that come to the same live through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from itertools import product
from math import inf
from typing import Any

import pytest

from sundial.config.model import Config
from sundial.config.problems import ConfigError
from sundial.expiry.policies import OnReplay, RefreshTokenSettings
from sundial.tokens.opaque import Kind, mint
from tests.support.config import make_config
from tests.support.depth import DEEP, depth
from tests.support.families import LOGIN_AT, MAC_KEY, a_family
from tests.support.refresh_model import SUCCESSOR, Rules, Tokens
from tests.support.refresh_world import RefreshWorld, quick_config, with_connector
from tests.support.stack import OwnStack
from tests.support.token_world import USER_ID, TokenWorld

WINDOW, IDLE, ABSOLUTE = 30, 1000, 1500


class Level(Enum):
    """The narrowest place that states a setting."""

    UNSET = 0
    GLOBAL = 1
    CONNECTOR = 2
    CLIENT = 3


# By setting: what its narrowest statement says, and what the wider ones say.
STATED: Mapping[str, tuple[Any, Any]] = {
    "disableRotation": (True, False),
    "reuseInterval": (f"{WINDOW}s", "7s"),
    "validIfNotUsedFor": (f"{IDLE}s", "11s"),
    "absoluteLifetime": (f"{ABSOLUTE}s", "13s"),
    "onReplay": ("reject", "revoke"),
}
Combination = Mapping[str, Level]
Moment = tuple[int, int]
"""Seconds after the login, and how many generations behind the current one the presented token is."""

LIMITED: list[Combination] = [
    dict(zip(("reuseInterval", "validIfNotUsedFor", "absoluteLifetime"), levels, strict=True))
    for levels in product(Level, repeat=3)
]


def named(limits: Combination) -> str:
    return "-".join(f"{setting}:{level.name.lower()}" for setting, level in limits.items())


def combinations(limits: Combination) -> Iterator[Combination]:
    for rotation, on_replay in product(Level, repeat=2):
        yield {**limits, "disableRotation": rotation, "onReplay": on_replay}


def rules_of(combination: Combination) -> Rules:
    """What the combination comes to, by what the words mean."""
    is_set = {setting: level is not Level.UNSET for setting, level in combination.items()}
    return Rules(
        rotation=not is_set["disableRotation"],
        window=WINDOW if is_set["reuseInterval"] else 0,
        idle=IDLE if is_set["validIfNotUsedFor"] else inf,
        absolute=ABSOLUTE if is_set["absoluteLifetime"] else inf,
        revokes=not is_set["onReplay"],
    )


def config_of(combination: Combination) -> Config:
    blocks: dict[Level, dict[str, Any]] = {level: {} for level in Level}
    for setting, narrowest in combination.items():
        right, wrong = STATED[setting]
        for level in Level:
            if 0 < level.value <= narrowest.value:
                blocks[level][setting] = right if level is narrowest else wrong
    text = quick_config(everywhere=yaml(blocks[Level.GLOBAL]), client=yaml(blocks[Level.CLIENT]))
    return with_connector(make_config(text), settings_of(blocks[Level.CONNECTOR]))


def yaml(block: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{setting}: {str(value).lower()}" for setting, value in block.items()) + "}"


def settings_of(block: Mapping[str, Any]) -> RefreshTokenSettings:
    lasting = {key: timedelta(seconds=int(value[:-1])) for key, value in block.items() if key in LIMITED[0]}
    return RefreshTokenSettings(
        disable_rotation=block.get("disableRotation"),
        reuse_interval=lasting.get("reuseInterval"),
        valid_if_not_used_for=lasting.get("validIfNotUsedFor"),
        absolute_lifetime=lasting.get("absoluteLifetime"),
        on_replay=OnReplay(block["onReplay"]) if "onReplay" in block else None,
    )


def moments() -> Iterator[list[Moment]]:
    """Each limit, one second before, at, and one second after; then whether a window slides when it is used."""
    for offset in (-1, 0, 1):
        yield [(WINDOW + offset, 0)]
        yield [(100, 0), (100 + WINDOW + offset, 0)]
        yield [(100, 0), (100 + WINDOW + offset, 1), (100 + WINDOW + offset, 0)]
        yield [(100, 0), (200, 0), (200 + WINDOW + offset, 2), (200 + WINDOW + offset, 0)]
        yield [(IDLE + offset, 0)]
        yield [(900, 0), (900 + IDLE + offset, 0)]
        yield [(700, 0), (ABSOLUTE + offset, 0)]
        yield [(ABSOLUTE + offset - 5, 0), (ABSOLUTE + offset, 1)]
    yield [(100, 0), (100 + WINDOW, 1), (100 + WINDOW + 1, 1)]
    yield [(WINDOW - 1, 0), (WINDOW, 0), (WINDOW + 1, 0)]


def play(world: TokenWorld, rules: Rules, story: list[Moment]) -> None:
    """Let a family that began at LOGIN_AT live through `story`, and its model beside it."""
    family = a_family(claims=replace(a_family().claims, user_id=USER_ID))
    world.families.begin(family)
    tokens = Tokens(LOGIN_AT, LOGIN_AT, LOGIN_AT, [mint(Kind.REFRESH_TOKEN, MAC_KEY, family, 1)])
    for after, back in story:
        world.now = LOGIN_AT + after
        token = tokens.strings[max(0, len(tokens.strings) - 1 - back)]
        expected = tokens.present(token, world.now, rules)
        answer = world.refresh(token)
        if expected is None:
            assert answer.error == (400, "invalid_grant"), (rules, story, after)
            continue
        assert answer.status == 200, (rules, story, after, answer.body)
        if expected is SUCCESSOR:
            tokens.strings.append(answer.body["refresh_token"])
            assert len(set(tokens.strings)) == len(tokens.strings)
        assert answer.body["refresh_token"] == tokens.strings[-1], (rules, story, after)


@pytest.mark.parametrize("limits", LIMITED, ids=named)
def test_a_limit_holds_to_the_second_wherever_it_is_stated(limits: Combination) -> None:
    world, stories, turn = TokenWorld(), list(moments()), LIMITED.index(limits)
    for combination in combinations(limits):
        rules, turn = rules_of(combination), turn + 1
        if not rules.rotation and min(rules.idle, rules.absolute) == inf:
            continue
        world.use(config_of(combination))
        is_wide = set(combination.values()) <= {Level.UNSET, Level.GLOBAL}
        for story in stories if DEEP or is_wide else stories[turn % 3 :: 3]:
            play(world, rules, story)


@pytest.mark.parametrize("level", [Level.GLOBAL, Level.CLIENT])
def test_a_token_that_nothing_would_ever_end_is_a_configuration_error(level: Level) -> None:
    with pytest.raises(ConfigError, match="disableRotation"):
        config_of({"disableRotation": level, "reuseInterval": Level.GLOBAL})


@pytest.mark.parametrize("zero", ["reuseInterval", "validIfNotUsedFor", "absoluteLifetime"])
def test_a_client_may_take_a_limit_away(zero: str) -> None:
    combination = dict.fromkeys(("reuseInterval", "validIfNotUsedFor", "absoluteLifetime"), Level.GLOBAL)
    everywhere = {setting: STATED[setting][0] for setting in combination}
    world = TokenWorld()
    world.configure(quick_config(everywhere=yaml(everywhere), client=yaml({zero: "0s"})))
    rules = rules_of(combination | {zero: Level.UNSET, "disableRotation": Level.UNSET, "onReplay": Level.UNSET})
    for story in moments():
        play(world, rules, story)


def test_and_the_real_store_holds_them_to_the_second_too(stack: OwnStack) -> None:
    world = RefreshWorld(stack=stack)
    every = [one for limits in LIMITED for one in combinations(limits)]
    for combination in every[:: depth(97, 5)]:
        rules = rules_of(combination)
        if rules.rotation or min(rules.idle, rules.absolute) < inf:
            world.use(config_of(combination))
            for story in moments():
                play(world, rules, story)
