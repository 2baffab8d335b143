"""Which generation a refresh token of Dex's is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sundial.expiry.family import Inherited
from sundial.expiry.inherited import inherited_generation
from sundial.expiry.policies import RefreshTokenPolicy

AT = 1_800_000_000
DEX = Inherited(b"current", b"previous", AT)
GRACE = RefreshTokenPolicy(reuse_interval=timedelta(seconds=30))


@pytest.mark.parametrize(
    ("digest", "after", "policy", "generation"),
    [
        (b"current", 0, GRACE, 1),
        (b"current", 10**6, GRACE, 1),
        (b"previous", 30, GRACE, 1),
        (b"previous", 31, GRACE, 0),
        (b"previous", 0, RefreshTokenPolicy(), 0),
        (b"another", 0, GRACE, None),
    ],
)
def test_the_one_before_is_as_good_while_dex_would_have_taken_it(
    digest: bytes, after: int, policy: RefreshTokenPolicy, generation: int | None
) -> None:
    assert inherited_generation(DEX, digest, AT + after, policy) == generation


def test_where_there_is_none_before_nothing_else_is_known() -> None:
    assert inherited_generation(Inherited(b"current", None, AT), b"", AT, GRACE) is None
