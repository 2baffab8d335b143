"""The `sub` claim is Dex's, to the byte."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.tokens.subject import parse_subject, subject


@pytest.mark.parametrize(
    ("user_id", "connector_id", "expected"),
    [("foo", "bar", "CgNmb28SA2Jhcg"), ("2342749", "github", "CgcyMzQyNzQ5EgZnaXRodWI")],
)
def test_the_vectors_of_dex(user_id: str, connector_id: str, expected: str) -> None:
    assert subject(user_id, connector_id) == expected


@pytest.mark.parametrize("user_id", ["x" * 182, "ü" * 91])
def test_ids_of_186_bytes_are_the_255_characters_that_a_subject_may_have(user_id: str) -> None:
    made = subject(user_id, "ldap")
    assert made.isascii()
    assert len(made) == 255  # OpenID Connect Core §2


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_subject_can_be_read_back(user_id: str, connector_id: str) -> None:
    assert parse_subject(subject(user_id, connector_id)) == (user_id, connector_id)


@given(st.text())
def test_what_is_not_a_subject_is_a_value_error_and_nothing_else(text: str) -> None:
    with suppress(ValueError):
        parse_subject(text)
