"""Providers to log in at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.certificates import Certificate, authority
from tests.support.hostile import Hostile, hostile_provider
from tests.support.slapd import Slapd, running_slapd


@pytest.fixture
def provider() -> Iterator[Hostile]:
    with hostile_provider() as running:
        yield running


@pytest.fixture(scope="module")
def ca() -> Certificate:
    return authority()


@pytest.fixture(scope="module")
def slapd(ca: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    server = ca.issue("slapd", ("127.0.0.1", "localhost"))
    with running_slapd(tmp_path_factory.mktemp("slapd"), server) as running:
        yield running
