"""Refresh tokens of Dex's form: read as Dex reads them, and nothing else taken for one."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.tokens.dex import inherited_family_id, read_dex_token, token_digest
from tests.support.dex import CURRENT, REFRESH_ID, dex_token

SHORTER = dex_token(CURRENT[:-1])
OTHERWISE = SHORTER[:-1] + chr(ord(SHORTER[-1]) + 1)
"""The same bytes in another spelling: the last letter has two bits to spare."""


def test_a_token_says_its_refresh_id_and_the_digest_of_what_is_secret() -> None:
    # As Go's protobuf and base64.RawURLEncoding make it, for these two values.
    text = "ChlhaHhxa3pydjNscDJzZDVtd2I3dTR0bm9lEhl0ajduMnZrZDRhcXd4NnJiNXl6dTNsbXBv"
    assert dex_token() == text
    token = read_dex_token(text)
    assert token is not None
    assert (token.refresh_id, token.digest) == (REFRESH_ID, token_digest(CURRENT))
    assert token.family_id == inherited_family_id(REFRESH_ID)
    assert len(token.family_id) == 22
    assert repr(token.digest) not in repr(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        dex_token() + "A",
        dex_token() + "=",
        dex_token()[:-4],
        OTHERWISE,
        dex_token("UPPERCASEUPPERCASE"),
        dex_token("short"),
        dex_token("a" * 65),
        dex_token("", REFRESH_ID),
        "sundial_rt_" + dex_token(),
        urlsafe_b64encode(b"\x12\x19" + b"a" * 25 + b"\x0a\x19" + b"b" * 25).decode().rstrip("="),
        urlsafe_b64encode(b"\x0a\x80" + b"a" * 54).decode().rstrip("="),
    ],
)
def test_what_dex_never_made_is_none(text: str) -> None:
    assert read_dex_token(text) is None


def test_the_other_spelling_is_of_the_same_bytes() -> None:
    assert OTHERWISE != SHORTER
    assert urlsafe_b64decode(OTHERWISE + "=") == urlsafe_b64decode(SHORTER + "=")
    assert read_dex_token(SHORTER) is not None


@given(st.text(alphabet="ABCDEFGabcdefg0123456789-_=.", max_size=220))
def test_no_text_breaks_the_reader(text: str) -> None:
    token = read_dex_token(text)
    assert token is None or len(token.family_id) == 22
