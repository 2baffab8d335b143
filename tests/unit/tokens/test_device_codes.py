"""Device codes can't be made up, and user codes are easy to type and hard to guess."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.keys.ring import MacKey
from sundial.tokens.device_codes import (
    LETTERS,
    PREFIX,
    PresentedDevice,
    mint_device_code,
    new_user_code,
    read_device_code,
    read_user_code,
    show_user_code,
)
from tests.support.families import LOGIN_AT, MAC_KEY


def by_id(key_id: str) -> MacKey | None:
    return MAC_KEY if key_id == MAC_KEY.id else None


def a_code(client_id: str = "tv") -> tuple[str, str]:
    return mint_device_code(MAC_KEY, client_id, LOGIN_AT, LOGIN_AT + 300)


def test_a_device_code_says_what_it_was_made_of() -> None:
    code, family_id = a_code()
    assert read_device_code(code, "tv", by_id) == PresentedDevice(family_id, LOGIN_AT, LOGIN_AT + 300)
    assert code.startswith(PREFIX)
    assert len(code) < 128


def test_no_two_are_alike() -> None:
    codes = {a_code() for _ in range(100)}
    assert len(codes) == len({code for code, _ in codes}) == len({family_id for _, family_id in codes}) == 100


@given(st.data())
def test_one_that_is_altered_anywhere_is_refused(data: st.DataObject) -> None:
    code, _ = a_code()
    at = data.draw(st.integers(len(PREFIX), len(code) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=é "))
    altered = code[:at] + letter + code[at + 1 :]
    assert (read_device_code(altered, "tv", by_id) is None) == (altered != code)


def test_another_clients_or_one_of_another_key_is_refused() -> None:
    code, _ = a_code()
    assert read_device_code(code, "another", by_id) is None
    assert read_device_code(code, "tv", lambda _: None) is None
    assert read_device_code(code, "tv", lambda _: replace(MAC_KEY, secret=bytes(32))) is None


@given(st.text(max_size=200))
def test_nonsense_is_refused(text: str) -> None:
    assert read_device_code(text, "tv", by_id) is None
    assert read_device_code(PREFIX + text, "tv", by_id) is None


def test_a_user_code_is_eight_consonants() -> None:
    codes = {new_user_code() for _ in range(500)}
    assert len(codes) > 498
    assert {letter for code in codes for letter in code} == set(LETTERS)
    assert len(LETTERS) == len(set(LETTERS)) == 20
    assert all(len(code) == 8 for code in codes)


@pytest.mark.parametrize("typed", ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "W-D-J-B-M-J-H-T", "wdjb.mjht"])
def test_it_may_be_typed_as_people_type(typed: str) -> None:
    assert read_user_code(typed) == "WDJBMJHT"


@given(st.text(max_size=100))
def test_whatever_is_typed_is_a_code_or_nothing(typed: str) -> None:
    code = read_user_code(typed)
    assert code is None or (len(code) == 8 and set(code) <= set(LETTERS))


def test_it_reads_back_as_it_is_shown() -> None:
    assert show_user_code("WDJBMJHT") == "WDJB-MJHT"
    code = new_user_code()
    assert read_user_code(show_user_code(code)) == code
