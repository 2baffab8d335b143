"""Refresh tokens and codes: what they look like, and that nobody else can make one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.keys.ring import MacKey
from sundial.tokens.opaque import Kind, mint, new_family_id, read
from sundial.tokens.subject import connector_tag, user_tag
from tests.support.families import MAC_KEY, a_family

FAMILY = a_family(family_id="AAECAwQFBgcICQoLDA0ODw")


def mac_by_id(key_id: str) -> MacKey | None:
    return MAC_KEY if key_id == MAC_KEY.id else None


@pytest.mark.parametrize("kind", list(Kind))
def test_a_token_says_what_was_put_into_it(kind: Kind) -> None:
    presented = read(kind, mint(kind, MAC_KEY, FAMILY, 7), FAMILY.client_id, mac_by_id)
    assert presented is not None
    assert (presented.family_id, presented.generation) == (FAMILY.family_id, 7)
    assert (presented.created_at, presented.mac_key_id) == (FAMILY.created_at, MAC_KEY.id)
    assert presented.connector_tag == connector_tag("local")
    assert presented.user_tag == user_tag(FAMILY.claims.user_id)


def test_a_token_is_url_safe_recognisable_and_under_128_characters() -> None:
    token = mint(Kind.REFRESH_TOKEN, MAC_KEY, FAMILY, 2**32 - 1)
    assert re.fullmatch(r"sundial_rt_[A-Za-z0-9_-]+", token)
    assert len(token) < 128


def test_a_token_is_the_same_string_each_time_it_is_made() -> None:
    assert mint(Kind.REFRESH_TOKEN, MAC_KEY, FAMILY, 2) == mint(Kind.REFRESH_TOKEN, MAC_KEY, FAMILY, 2)


def test_the_format_of_version_1_never_changes() -> None:
    assert mint(Kind.REFRESH_TOKEN, MAC_KEY, FAMILY, 1) == (
        "sundial_rt_AQDA_-4lv44aWE9nZKrEEIczkh1e5ORw8AABAgMEBQYHCAkKCwwNDg9rSdIA"
        "AAAAAZz6jY4LEaMJLMnC8VxEG0t_ohvtG6rW1FrvbOPnvNHk"
    )


def test_a_token_of_another_client_kind_or_key_is_none_of_ours() -> None:
    token = mint(Kind.REFRESH_TOKEN, MAC_KEY, FAMILY, 1)
    other_key = replace(MAC_KEY, secret=bytes(32))
    assert read(Kind.REFRESH_TOKEN, token, "another-app", mac_by_id) is None
    assert read(Kind.AUTHORIZATION_CODE, token, FAMILY.client_id, mac_by_id) is None
    assert read(Kind.REFRESH_TOKEN, token, FAMILY.client_id, lambda _: other_key) is None
    assert read(Kind.REFRESH_TOKEN, token, FAMILY.client_id, lambda _: None) is None
    code = token.replace(Kind.REFRESH_TOKEN, Kind.AUTHORIZATION_CODE)
    assert read(Kind.AUTHORIZATION_CODE, code, FAMILY.client_id, mac_by_id) is None


@given(st.integers(len(Kind.REFRESH_TOKEN), 118), st.sampled_from("AQgwZ09_-=+/. é"))
def test_changing_any_one_character_makes_it_none_of_ours(position: int, character: str) -> None:
    token = mint(Kind.REFRESH_TOKEN, MAC_KEY, FAMILY, 1)
    position = min(position, len(token) - 1)
    changed = token[:position] + character + token[position + 1 :]
    presented = read(Kind.REFRESH_TOKEN, changed, FAMILY.client_id, mac_by_id)
    assert (presented is not None) == (changed == token)


@given(st.text())
def test_no_text_at_all_makes_it_fail(text: str) -> None:
    assert read(Kind.REFRESH_TOKEN, text, FAMILY.client_id, mac_by_id) is None
    assert read(Kind.REFRESH_TOKEN, Kind.REFRESH_TOKEN + text, FAMILY.client_id, mac_by_id) is None


def test_family_ids_are_128_random_bits() -> None:
    assert len({new_family_id() for _ in range(100)}) == 100
    assert len(new_family_id()) == 22
