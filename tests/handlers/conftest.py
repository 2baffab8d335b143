"""What every function's tests share."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.signers import rsa_key


@pytest.fixture(autouse=True)
def rsa_keys_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a rotation make the RSA keys that it made in the tests before: new to this test's ring, each once."""
    numbers = count()
    made_before = {"generate_private_key": lambda **_: rsa_key(next(numbers))}
    monkeypatch.setattr("sundial.keys.algorithms.rsa", SimpleNamespace(**vars(rsa) | made_before))
