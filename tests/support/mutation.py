"""A way to break the code by hand: see `tests.proofs.mutations`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is broken, in words; where; and the test that notices."""

    what: str
    path: str
    before: str
    after: str
    noticed_by: str
