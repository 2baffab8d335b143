"""`$NAME` in a value."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundial.config.environment import expand, is_reference, names

ENVIRONMENT = {"NAME": "value", "_1": "one"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$NAME", "value"),
        ("${NAME}", "value"),
        ("https://$NAME.example.com/${_1}", "https://value.example.com/one"),
        ("$NAME$_1", "valueone"),
        ("$$NAME", "$NAME"),
        ("100$", "100$"),
        ("$ 1", "$ 1"),
        ("$1", "$1"),
        ("${}", "${}"),
        ("plain", "plain"),
    ],
)
def test_a_name_after_a_dollar_sign_is_expanded_and_nothing_else_is(text: str, expanded: str) -> None:
    assert expand(text, ENVIRONMENT) == expanded


def test_what_was_expanded_is_not_expanded_again() -> None:
    assert expand("$A", {"A": "$B", "B": "b"}) == "$B"


@pytest.mark.parametrize(
    ("text", "whole"), [("$A", True), ("${A}", True), ("x$A", False), ("$$", False), ("$2a$10", False)]
)
def test_a_reference_is_one_name_and_nothing_besides(text: str, whole: bool) -> None:
    assert is_reference(text) is whole


@settings(deadline=None)
@given(st.text(alphabet="$A{}_1 x", max_size=20))
def test_the_names_are_exactly_what_expanding_asks_for(text: str) -> None:
    asked: list[str] = []

    class Recorder(dict[str, str]):
        def __missing__(self, name: str) -> str:
            asked.append(name)
            return ""

    expand(text, Recorder())
    assert tuple(asked) == names(text)
